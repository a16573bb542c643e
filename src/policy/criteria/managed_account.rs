//! `managed_account`: an account that an organization gave its people, by the claim `org_id`.

use crate::base::diagnostic::Diagnostics;
use crate::base::node::Plain;
use crate::identity::Identity;
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::missing::{Missing, What};
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::{Written, flag};

pub(super) static ROW: Row = Row {
    name: "managed_account",
    takes_path: false,
    data: Data::Organization,
    sentence: "Holds for accounts that an organization manages (`org_id`): with `true` any, with \
               `false` none, with text the one organization of this id.",
    reasons: &[
        Reason::ManagedAccountOk,
        Reason::ManagedAccountUnauthorized,
        Reason::UserUnauthenticated,
    ],
    reads: Reads::Identity,
    example: "managed_account: true",
    compile: |written, diagnostics| {
        Some(Test::person(ManagedAccount { wanted: read(written, diagnostics)? }))
    },
};

const CLAIM: &str = "org_id";

#[derive(Debug)]
struct ManagedAccount {
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Any,
    None,
    This(Box<str>),
}

fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Wanted> {
    match flag(written.data) {
        Some(true) => return Some(Wanted::Any),
        Some(false) => return Some(Wanted::None),
        None => {}
    }
    let text = match written.data.scalar().map(|scalar| scalar.plain()) {
        Some(Plain::Text(text)) if !text.is_empty() => text,
        other => {
            let what = match other {
                Some(Plain::Text(_)) => "empty",
                _ => written.data.what(),
            };
            let place = if written.data.is_null() { written.place } else { written.data.place };
            diagnostics.error(
                codes::DATA,
                place,
                format!(
                    "`managed_account` wants true, false or an organization, and this is {what}"
                ),
                "write the organization's id in quotes; for any of several write one criterion for \
                 each under `or`",
            );
            return None;
        }
    };
    Some(Wanted::This(text.into()))
}

impl OfPerson for ManagedAccount {
    fn judge(&self, who: &Identity, _: &Question<'_>) -> (Answer, Reason) {
        let Some(organization) = who.claims.text(CLAIM).filter(|id| !id.is_empty()) else {
            // What is there and cannot be read may be any organization.
            let known =
                who.claims.get(CLAIM).is_none_or(|value| {
                    value.is_null() || value.as_str().is_some_and(str::is_empty)
                }) && !who.is_omitted(CLAIM);
            let holds = matches!(self.wanted, Wanted::None);
            return match known {
                true => answer(holds, Reason::ManagedAccountOk, Reason::ManagedAccountUnauthorized),
                false => (Answer::Unknown, Reason::ManagedAccountUnauthorized),
            };
        };
        let holds = match &self.wanted {
            Wanted::Any => true,
            Wanted::None => false,
            Wanted::This(wanted) => **wanted == *organization,
        };
        answer(holds, Reason::ManagedAccountOk, Reason::ManagedAccountUnauthorized)
    }

    fn wanted(&self) -> String {
        match &self.wanted {
            Wanted::Any => "an account that an organization manages".to_owned(),
            Wanted::None => "an account that no organization manages".to_owned(),
            Wanted::This(wanted) => format!("an account of {wanted:?}"),
        }
    }

    fn seen(&self, who: &Identity, _: &Question<'_>) -> Option<String> {
        who.claims.get(CLAIM).map(ToString::to_string)
    }

    fn missing(&self, who: &Identity) -> Option<Missing> {
        let name = CLAIM.to_owned();
        Some(match who.claims.get(CLAIM) {
            _ if who.is_omitted(CLAIM) => Missing::ClaimLeftOut { name },
            None => Missing::Claim { name },
            Some(_) => Missing::Different { what: What::Claim(name) },
        })
    }

    fn needs(&self, missing: &Unrecorded, who: &Identity) -> bool {
        let concerns = |name: &str| name == CLAIM || name == Identity::EVERY_OTHER;
        who.claims.get(CLAIM).is_none() && missing.claims.iter().any(|name| concerns(name))
    }
}
