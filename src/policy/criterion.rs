//! What every criterion is: a row of the table of criteria, and the two kinds of test that a row
//! compiles to.

use std::fmt::Debug;

use super::answer::Answer;
use super::codes;
use super::missing::{Missing, What};
use super::openness::Openness;
use super::question::Question;
use super::reason::Reason;
use super::supposed::Unrecorded;
use super::written::Written;
use crate::base::diagnostic::Diagnostics;
use crate::base::time::Timestamp;
use crate::identity::Identity;

/// What is known about a criterion.
#[derive(Debug)]
pub struct Row {
    /// Its key in a policy, before any `/`.
    pub name: &'static str,
    /// Whether a path follows the name: `claim/org_id`.
    pub takes_path: bool,
    /// What stands after the key.
    pub data: Data,
    /// When it holds, in one sentence for the operator.
    pub sentence: &'static str,
    /// The reasons it can give.
    pub reasons: &'static [Reason],
    /// What it looks at.
    pub reads: Reads,
    /// One that is written well, in YAML.
    pub example: &'static str,
    pub(super) compile: fn(&Written<'_>, &mut Diagnostics) -> Option<Test>,
}

impl Row {
    /// Compiles what was written; `None` after an error was told.
    pub(super) fn compile(
        &self,
        written: &Written<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Test> {
        if self.data == Data::Ignored {
            warn_of_ignored_data(written, diagnostics);
        }
        (self.compile)(written, diagnostics)
    }
}

/// What stands after the key of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Anything; it is not looked at.
    Ignored,
    /// Text (meaning `is`), or a map of `is`, `not`, `in`, `not_in`, `contains`, `starts_with`,
    /// `ends_with`, which must all hold.
    Text,
    /// One value (meaning `has`), or a map of `has`, `is`, `exclude`, which must all hold.
    List,
    /// An IP address or a range of them, or a list of these.
    Networks,
    /// A map of `fingerprint`, `spki_hash` (one or a list), `san_email`, `san_dns`, `san_uri`
    /// (matchers of text), which must all hold.
    Certificate,
    /// A map of `after`, `before` (dates, or dates with times) and `timezone`.
    Dates,
    /// Days (`*`, `mon-fri`, `mon,wed`), a list of them, or a map of `days` and `timezone`.
    Days,
    /// A map of `after`, `before` (times of a day) and `timezone`.
    Times,
    /// `true` or `false`.
    Truth,
    /// `true`, `false`, or the id of an organization.
    Organization,
    /// How long: `15m`, `12h`.
    Duration,
}

/// What a criterion looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// Who is signed in.
    Identity,
    /// The method.
    Method,
    /// The path.
    Path,
    /// The client's address.
    SourceIp,
    /// Whether it is a CORS preflight.
    Preflight,
    /// The client's certificate.
    ClientCertificate,
    /// The time.
    Time,
}

/// A compiled criterion. Security: one that asks for a person is never asked without one, so no
/// matcher, negative ones included, can hold for a stranger.
#[derive(Debug)]
pub(super) enum Test {
    /// Looks at the request alone.
    Request(Box<dyn OfRequest>),
    /// Looks at who is signed in.
    Person(Box<dyn OfPerson>),
}

impl Test {
    pub(super) fn request(criterion: impl OfRequest + 'static) -> Self {
        Self::Request(Box::new(criterion))
    }

    pub(super) fn person(criterion: impl OfPerson + 'static) -> Self {
        Self::Person(Box::new(criterion))
    }

    /// How many people it holds for, as far as the criterion alone tells.
    pub(super) fn openness(&self) -> Openness {
        match self {
            Self::Request(criterion) => criterion.openness(),
            Self::Person(criterion) => criterion.openness(),
        }
    }

    /// Since when somebody must have signed in, as seen at `now`, where it asks for that.
    pub(super) fn signed_in_since(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Request(_) => None,
            Self::Person(criterion) => criterion.signed_in_since(now),
        }
    }
}

/// A criterion about the request: its method, path, address, certificate, or the time.
pub(super) trait OfRequest: Debug + Send + Sync {
    /// The answer. Allocates nothing.
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason);
    /// What it asks for, for operators.
    fn wanted(&self) -> String;
    /// What is there.
    fn seen(&self, question: &Question<'_>) -> Option<String>;
    /// What would have to be different; `None` where nothing could.
    fn different(&self) -> Option<What>;
    /// How many people it holds for. A criterion that says nothing here sets a condition.
    fn openness(&self) -> Openness {
        Openness::Some
    }
}

/// A criterion about a person. `question` tells when they are asked about.
pub(super) trait OfPerson: Debug + Send + Sync {
    /// The answer. Allocates nothing.
    fn judge(&self, who: &Identity, question: &Question<'_>) -> (Answer, Reason);
    /// What it asks for, for operators.
    fn wanted(&self) -> String;
    /// What is there.
    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String>;
    /// What would have to be different; `None` where nothing could.
    fn missing(&self, who: &Identity) -> Option<Missing>;
    /// Whether its answer could change if what the decision log did not keep of `who` were known;
    /// called only where something is missing. A criterion that says nothing here is taken to read
    /// everything, which can make a replay say *unknown* too often and never wrongly *known*.
    fn needs(&self, _missing: &Unrecorded, _who: &Identity) -> bool {
        true
    }
    /// Since when somebody must have signed in, as seen at `now`, where it asks for that.
    fn signed_in_since(&self, _now: Timestamp) -> Option<Timestamp> {
        None
    }
    /// How many people it holds for. A criterion that says nothing here sets a condition.
    fn openness(&self) -> Openness {
        Openness::Some
    }
}

/// Yes with one reason or no with the other.
pub(super) fn answer(holds: bool, ok: Reason, unauthorized: Reason) -> (Answer, Reason) {
    (Answer::of(holds), if holds { ok } else { unauthorized })
}

/// Warns where data that is not looked at reads as if it switched the criterion off.
fn warn_of_ignored_data(written: &Written<'_>, diagnostics: &mut Diagnostics) {
    let off = ["false", "no", "off", "n", "0", "never"];
    let Some(text) =
        written.data.text().filter(|text| off.iter().any(|word| text.eq_ignore_ascii_case(word)))
    else {
        return;
    };
    diagnostics.warning(
        codes::IGNORED,
        written.data.place,
        format!("`{}` does not look at its data: `{text}` does not switch it off", written.key),
        "remove the criterion, or say `true` if it is meant",
    );
}
