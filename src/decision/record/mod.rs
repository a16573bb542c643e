//! The decision log: what one of its lines says, as a type that is both written and read.
//!
//! A line holds everything that judging the same request again needs, so that a policy can be tried
//! on what has happened. It never holds a cookie, a token, a query or a header's value. Names are
//! Pomerium's authorize log's where that has one; `docs/policy/decision-log.md` lists them.

mod build;
mod fields;
mod json;
mod text;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use build::{Certificate, Decided, Redact, Shadow};
pub use fields::{Claims, Words};
pub use text::Text;

pub use crate::decision::outcome::Outcome;

/// `msg` of the line of a decision; Pomerium's.
pub const MSG_DECISION: &str = "authorize check";
/// `msg` of the line that says how many lines are missing before it.
pub const MSG_DROPPED: &str = "dropped";

/// One line. What was not written is `None`, empty or false; [`Line::left_out`], [`Line::cut`] and
/// [`Line::claims_left_out`] tell what was there and was not written from what was not there.
///
/// Borrows from the text that it is read from, and from the request that it is written of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Line<'a> {
    /// When it was decided: RFC 3339, UTC, milliseconds. Policies see its whole second.
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    /// [`MSG_DECISION`], or [`MSG_DROPPED`].
    #[serde(borrow)]
    pub msg: Text<'a>,
    /// How many lines are missing here; of a [`MSG_DROPPED`] line alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The id of the request, as in its other log line and in `X-Request-Id`.
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub request_id: Text<'a>,
    /// The short id that pages show.
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub id: Text<'a>,
    /// The method, exactly as sent.
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub method: Text<'a>,
    /// The host that was asked, with its port where one was.
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub host: Text<'a>,
    /// The normalised path that was decided on, without its query.
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub path: Text<'a>,
    /// The client's address, after the trusted proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Whether it was a true CORS preflight; written where it was.
    #[serde(skip_serializing_if = "is_false")]
    pub cors_preflight: bool,
    /// Whether it was a page load, which is taken to sign in; all else is told to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_load: Option<bool>,
    /// The client's certificate; `None` where none was shown.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Box<Certificate<'a>>>,
    /// The live session; `None` where nobody was signed in.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Text<'a>>,
    /// `sub` of the person.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The address; `None` where there was none or [`Line::left_out`] names it.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<'a>>,
    /// SHA-256 of the address in lower case, in hex, where it is written so.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub email_hash: Option<Text<'a>>,
    /// The domain of the address as the provider wrote it, in addition to the hash; `None` where the
    /// address has none.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub email_domain: Option<Text<'a>>,
    /// Every other claim of the session, a JSON object.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id_token_claims: Option<Claims<'a>>,
    /// Claims that did not fit the session: they are unknown, not absent. `*` stands for every
    /// claim that is not there.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub claims_left_out: Vec<Text<'a>>,
    /// What `decision_log.redact` kept out of this line: `email`, names of claims that repeat the
    /// address, `client-certificate.san-email`.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Text<'a>>,
    /// The fields of this line that were too long and are cut: nothing can be judged on them.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<Text<'a>>,
    /// When the id_token was issued (`iat`), in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// When the session began, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<i64>,
    /// The route that decided; `None` where none was found.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub route_id: Option<Text<'a>>,
    /// What was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Whether an allow held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// Why an allow held.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub allow_why_true: Option<Words<'a>>,
    /// Why no allow held.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub allow_why_false: Option<Words<'a>>,
    /// Whether a deny fired: it held, or what it reads was unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<bool>,
    /// Why a deny fired.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub deny_why_true: Option<Words<'a>>,
    /// Why no deny fired.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub deny_why_false: Option<Words<'a>>,
    /// The reasons of the outcome: of the side that decided, or why nobody was signed in, or why
    /// there is no route.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Words<'a>>,
    /// What the shadow said, where one was asked.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow<'a>>,
    /// The status answered; `None` where nobody waited for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What one line of a log is.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "read by the million: a box would cost more")]
pub enum Entry<'a> {
    /// A decision; method, host and path are there.
    Decision(Line<'a>),
    /// So many lines are missing here.
    Dropped(u64),
    /// Something else, which another version may write: to be passed over.
    Other,
}

/// A line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON object with values of the right types.
    #[error("not a line of a decision log: {0}")]
    Json(#[from] serde_json::Error),
    /// Something is missing without which there is no request.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

impl<'a> Entry<'a> {
    /// Reads one line, without its line feed. Fields that are not known are passed over.
    ///
    /// # Errors
    /// It is no JSON, or not of this shape, or does not hold the request.
    pub fn read(text: &'a str) -> Result<Self, Unreadable> {
        let line: Line<'a> = serde_json::from_str(text)?;
        match line.msg.as_str() {
            MSG_DECISION => {}
            MSG_DROPPED => return Ok(Self::Dropped(line.count.unwrap_or(0))),
            _ => return Ok(Self::Other),
        }
        let needed = [("method", &line.method), ("host", &line.host), ("path", &line.path)];
        if let Some((name, _)) = needed.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(Unreadable::Missing(name));
        }
        Ok(Self::Decision(line))
    }
}

impl Line<'_> {
    /// The line that says that `count` lines are missing before it.
    pub fn dropped(timestamp: &str, count: u64) -> Line<'_> {
        let (timestamp, msg) = (Text::from(timestamp), Text::from(MSG_DROPPED));
        Line { timestamp, msg, count: Some(count), ..Line::default() }
    }

    /// Whether somebody was signed in.
    pub fn is_signed_in(&self) -> bool {
        self.user.as_ref().is_some_and(|user| !user.is_empty())
    }

    /// Whether `name` was there and was kept out of the line, or cut.
    pub fn omits(&self, name: &str) -> bool {
        self.left_out.iter().chain(&self.cut).any(|left_out| left_out.as_str() == name)
    }

    /// Writes the line, without a line feed: ASCII controls, line separators and characters that
    /// turn or hide text as JSON escapes, so that nothing of it is lost and nothing drives a
    /// terminal (T83).
    pub fn write(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}
