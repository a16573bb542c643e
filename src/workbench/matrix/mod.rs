//! Who can reach what: people against routes. A cell is what a GET of the route's own path meets.

mod change;
mod html;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};
use serde_json::{Map, json};

pub use change::{Change, Changed, changes, changes_csv, changes_human};
pub use html::{changes_html, html};
pub use tables::{csv, human};

use super::log::People;
use crate::base::time::Timestamp;
use crate::decision::{self, Face, Facts, PathRule, RouteRule, Rules};
use crate::identity::{Claims, Identity};
use crate::policy::{Groups, Outcome, Reason, Supposed, Unrecorded, Who};
use crate::wire::host::Authority;
use crate::workbench::asker::Asker;
use crate::workbench::request::SOURCE_IP;

/// Somebody whose row there is to be.
#[derive(Clone, Debug)]
pub struct Someone {
    /// What they are called.
    pub name: String,
    /// Who that is; `None` is nobody signed in.
    pub asker: Option<Asker>,
}

impl Someone {
    /// Whoever is not signed in.
    pub fn nobody() -> Self {
        Self { name: "nobody signed in".to_owned(), asker: None }
    }

    /// Everybody whom a log tells of, as they were when they asked last, in the order of names.
    pub fn of_log(people: &People) -> Vec<Self> {
        let mut everybody: Vec<Self> = people
            .all()
            .iter()
            .map(|known| {
                let subject = known.subject.to_string();
                // Several people may stand as the same `someone@corp.example`.
                let name = match known.name.strip_prefix("someone@") {
                    Some(_) => format!("{} ({subject})", known.name),
                    None => known.name.clone(),
                };
                Self { name, asker: Some((*known.last).clone()) }
            })
            .collect();
        everybody.sort_by(|one, other| one.name.cmp(&other.name));
        everybody
    }
}

impl Someone {
    /// Everybody whom the files of groups name, each once. Only what the file says of them is known.
    pub fn of_groups<'g>(files: impl Iterator<Item = &'g Groups>) -> Vec<Self> {
        let members: BTreeSet<&Who> =
            files.flat_map(Groups::members).map(|member| &member.who).collect();
        members.into_iter().map(Self::of_member).collect()
    }

    fn of_member(member: &Who) -> Self {
        let missing = Unrecorded {
            subject: true,
            mailbox: true,
            domain: true,
            issued_at: true,
            claims: vec![Identity::EVERY_OTHER.into()],
        };
        let (name, subject, address, unrecorded) = match member {
            Who::Subject(subject) => {
                let unrecorded = Unrecorded { subject: false, ..missing };
                (subject.to_string(), &**subject, None, unrecorded)
            }
            Who::Address(address) => {
                let unrecorded = Unrecorded { mailbox: false, domain: false, ..missing };
                (address.to_string(), "", Some(address.to_string()), unrecorded)
            }
            Who::Domain(domain) => {
                let unrecorded = Unrecorded { domain: false, ..missing };
                (format!("someone@{domain}"), "", Some(format!("-@{domain}")), unrecorded)
            }
        };
        let mut claims = Map::from_iter([("sub".to_owned(), json!(subject))]);
        if let Some(address) = address {
            claims.insert("email".to_owned(), json!(address));
            claims.insert("email_verified".to_owned(), json!(true));
        }
        let identity = Identity::new(subject, Claims::new(claims), Timestamp(0));
        Self { name, asker: Some(Asker { identity, supposed: Supposed::without(unrecorded) }) }
    }
}

/// What somebody meets at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They pass.
    Allow,
    /// They are asked to sign in.
    SignIn,
    /// They are refused.
    Deny,
    /// It depends on what is not known of them.
    Unknown,
}

impl Access {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => decision::Outcome::Allow.word(),
            Self::SignIn => decision::Outcome::SignIn.word(),
            Self::Deny => decision::Outcome::Deny.word(),
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What comes out.
    pub outcome: Access,
    /// Why; where it is unknown, the criterion that reads what is not known.
    pub reasons: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The route.
    pub route: String,
    /// What is asked for.
    pub url: String,
}

/// One person's row.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    /// What they are called.
    pub person: String,
    /// What they meet, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// People against routes.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// The routes, in their order.
    pub columns: Vec<Column>,
    /// The people, in their order.
    pub rows: Vec<MatrixRow>,
}

impl Matrix {
    /// Asks every route about everybody, at `now`.
    pub fn of(rules: &Rules, people: &[Someone], now: Timestamp) -> Self {
        let columns: Vec<Asked<'_>> = rules.routes().iter().map(Asked::of).collect();
        let rows = people.iter().map(|someone| MatrixRow {
            person: someone.name.clone(),
            cells: columns.iter().map(|asked| asked.cell(someone, now)).collect(),
        });
        let rows = rows.collect();
        Self { rows, columns: columns.into_iter().map(|asked| asked.column).collect() }
    }
}

/// A route and the request that it is asked about.
struct Asked<'r> {
    route: &'r RouteRule,
    column: Column,
    host: String,
    path: String,
}

impl<'r> Asked<'r> {
    fn of(route: &'r RouteRule) -> Self {
        let (host, path) = request_for(route);
        let column = Column { route: route.id.to_string(), url: format!("https://{host}{path}") };
        Self { route, column, host, path }
    }

    fn cell(&self, someone: &Someone, now: Timestamp) -> Cell {
        let Ok(authority) = Authority::parse(&self.host) else {
            return Cell { outcome: Access::Unknown, reasons: vec!["host".to_owned()] };
        };
        let facts = Facts {
            face: Face::PolicyTool,
            now,
            authority: &authority,
            method: "GET",
            path: &self.path,
            source_ip: SOURCE_IP,
            cors_preflight: false,
            client_certificate: None,
            supposed: someone.asker.as_ref().and_then(|asker| asker.supposed.as_ref()),
        };
        let question = facts.question(someone.asker.as_ref().map(|asker| &asker.identity));
        let policy = &self.route.policy;
        let verdict = policy.evaluate(&question);
        let incomplete = someone.asker.as_ref().is_some_and(Asker::is_incomplete);
        if incomplete && policy.certain(&question).is_none() {
            let criterion =
                policy.first_unrecorded(&question).map(|criterion| criterion.criterion.to_owned());
            return Cell { outcome: Access::Unknown, reasons: criterion.into_iter().collect() };
        }
        let outcome = match verdict.outcome() {
            Outcome::Allow => Access::Allow,
            Outcome::SignIn => Access::SignIn,
            Outcome::Deny => Access::Deny,
        };
        let reasons = verdict.reasons().iter().filter(|reason| *reason != Reason::NotRecorded);
        Cell { outcome, reasons: reasons.map(|reason| reason.word().to_owned()).collect() }
    }
}

/// Host and path of a request that the route is written for. A pattern has no path of its own, so
/// its policy is asked about `/`.
pub(super) fn request_for(route: &RouteRule) -> (String, String) {
    let host = route.from.host.replace('*', "any");
    let host = match route.from.port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    let path = match &route.path {
        PathRule::Any | PathRule::Regex(_) => "/".to_owned(),
        PathRule::Prefix(path) | PathRule::Exact(path) => path.clone(),
    };
    (host, path)
}
