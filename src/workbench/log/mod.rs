//! The decision log, read back: what was asked, by whom, and what was decided.
//!
//! Most of a line says what an earlier one said: who asked and what was decided. A [`Reader`] keeps
//! both, and a line whose bytes it knows is not parsed again.

mod decisions;
mod files;
mod lines;
mod moment;
mod people;
mod scan;
mod unparsed;

use std::borrow::Cow;
use std::net::IpAddr;

pub use decisions::{RecordedDecision, ShadowDecision};
pub use files::{FilesProblem, Input, find};
pub use lines::Meter;
pub use people::{Known, People, Somebody};
pub use scan::{ScanProblem, Scanned, scan};

use crate::base::time::Timestamp;
use crate::decision::record::{Entry, Line, Unreadable};
use crate::identity::ClientCertificate;
use decisions::KnownDecisions;
use moment::Moments;

/// A decision of the past.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// When it was decided.
    pub at: Timestamp,
    /// The short id of the request.
    pub id: Cow<'a, str>,
    /// The method, exactly as sent.
    pub method: Cow<'a, str>,
    /// The host asked for, with its port where there was one.
    pub host: Cow<'a, str>,
    /// The normalised path; `None` where it was too long for the log.
    pub path: Option<Cow<'a, str>>,
    /// The client's address.
    pub ip: IpAddr,
    /// Whether it was a CORS preflight.
    pub cors_preflight: bool,
    /// Whether a browser wanted a page; `None` where the line does not say.
    pub page_load: Option<bool>,
    /// The certificate that was shown.
    pub certificate: Option<Box<ClientCertificate>>,
    /// Whether the line does not hold all of the certificate.
    pub certificate_cut: bool,
    /// Who asked; `None` where nobody was signed in.
    pub somebody: Option<Somebody>,
    /// The route that decided then; `None` where there was none.
    pub route: Option<Cow<'a, str>>,
    /// What was decided.
    pub decision: RecordedDecision,
}

/// What one line is.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "read by the million: a box would cost more")]
pub enum Read<'a> {
    /// A decision.
    Decision(Recorded<'a>),
    /// So many decisions were not recorded here.
    Dropped(u64),
    /// Something that another version writes.
    Other,
}

/// Reads lines, and knows again what it has read.
#[derive(Debug, Default)]
pub struct Reader {
    /// Everybody who has asked.
    pub people: People,
    decisions: KnownDecisions,
    moments: Moments,
}

impl Reader {
    /// Reads one line, without its line feed.
    ///
    /// # Errors
    /// It is not a line of a decision log.
    pub fn read<'a>(&mut self, text: &'a str) -> Result<Read<'a>, Unreadable> {
        match self.again(text) {
            Some(recorded) => Ok(Read::Decision(recorded)),
            None => self.anew(text),
        }
    }

    /// A line of which everything costly is known.
    fn again<'a>(&mut self, text: &'a str) -> Option<Recorded<'a>> {
        let front = unparsed::front(text)?;
        let (somebody, rest) = match unparsed::subject(front.rest) {
            None => (None, front.rest),
            Some(subject) => {
                let (somebody, rest) = self.people.again(subject, front.rest)?;
                (Some(somebody), rest)
            }
        };
        let (route, rest) = unparsed::back(rest);
        Some(Recorded {
            at: self.moments.read(front.timestamp)?,
            id: front.id.into(),
            method: front.method.into(),
            host: front.host.into(),
            path: Some(front.path.into()),
            ip: front.ip.parse().ok()?,
            cors_preflight: front.cors_preflight,
            page_load: front.page_load,
            certificate: None,
            certificate_cut: false,
            somebody,
            route: route.map(Cow::Borrowed),
            decision: self.decisions.again(rest)?,
        })
    }

    /// A line that is read as JSON; what it says of its person and its decision is kept.
    fn anew<'a>(&mut self, text: &'a str) -> Result<Read<'a>, Unreadable> {
        let line = match Entry::read(text)? {
            Entry::Decision(line) => line,
            Entry::Dropped(count) => return Ok(Read::Dropped(count)),
            Entry::Other => return Ok(Read::Other),
        };
        let outcome = line.outcome.ok_or(Unreadable::Missing("outcome"))?;
        let ip = line.ip.ok_or(Unreadable::Missing("ip"))?;
        let at = self.moments.read(&line.timestamp).ok_or(Unreadable::Missing("timestamp"))?;
        let decision = self.decisions.learn(outcome, &line, unparsed::decision(text));
        let somebody =
            line.is_signed_in().then(|| self.people.learn(&line, unparsed::person(text)));
        let certificate_cut = line
            .cut
            .iter()
            .chain(&line.left_out)
            .any(|name| name.split('.').next() == Some("client-certificate"));
        let path_cut = line.omits("path");
        let Line { id, method, host, path, cors_preflight, page_load, .. } = line;
        let (client_certificate, route_id) = (line.client_certificate, line.route_id);
        Ok(Read::Decision(Recorded {
            at,
            id: id.0,
            method: method.0,
            host: host.0,
            path: (!path_cut).then_some(path.0),
            ip,
            cors_preflight,
            page_load,
            certificate: client_certificate.map(|shown| Box::new(certificate(&shown))),
            certificate_cut,
            somebody,
            route: route_id.map(|id| id.0),
            decision,
        }))
    }
}

fn certificate(shown: &crate::decision::record::Certificate<'_>) -> ClientCertificate {
    let list = |names: &[crate::decision::record::Text<'_>]| {
        names.iter().map(|name| name.as_str().to_owned()).collect()
    };
    ClientCertificate {
        fingerprint: shown.fingerprint.as_str().to_owned(),
        spki_hash: shown.spki_hash.as_str().to_owned(),
        san_email: list(&shown.san_email),
        san_dns: list(&shown.san_dns),
        san_uri: list(&shown.san_uri),
        valid: shown.valid,
    }
}

#[cfg(test)]
pub(super) mod tests;
