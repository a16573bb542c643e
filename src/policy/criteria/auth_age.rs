//! `auth_age`: how long ago somebody signed in. Who signed in too long ago signs in again.
//!
//! It counts from the later of two moments: when Apple issued the id_token, by its clock, and when
//! the session began, by ours. So a sign-in that is just over is young whatever Apple's clock says,
//! and nobody is asked twice.

use std::time::Duration;

use crate::base::diagnostic::Diagnostics;
use crate::base::duration;
use crate::base::time::Timestamp;
use crate::identity::Identity;
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfPerson, Reads, Row, Test, answer};
use crate::policy::missing::Missing;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::supposed::Unrecorded;
use crate::policy::written::Written;
use crate::policy::{codes, value_lints};

pub(super) static ROW: Row = Row {
    name: "auth_age",
    takes_path: false,
    data: Data::Duration,
    sentence: "Holds where somebody signed in at most this long ago. Who signed in earlier is not \
               refused but signs in again, which may be a single tap.",
    reasons: &[Reason::AuthAgeExceeded, Reason::AuthAgeOk, Reason::UserUnauthenticated],
    reads: Reads::Identity,
    example: "auth_age: 12h",
    compile: |written, diagnostics| {
        if let Some(warning) = value_lints::recent_sign_in_refused(written) {
            warning.report(Some(written.place), diagnostics);
        }
        Some(Test::person(AuthAge::read(written, diagnostics)?))
    },
};

/// Smallest age that can be asked for. The clocks of two replicas may be a minute apart, and a
/// ticket from the authenticate host may be another minute on its way: whoever comes back after
/// that must still be young enough.
const SMALLEST: Duration = Duration::from_secs(120);

/// What a session of the authenticate host must have left, so that it is still young enough on the
/// host that asked: the life of a ticket.
const ON_THE_WAY: Duration = Duration::from_secs(60);

/// A sign-in that is recent enough.
#[derive(Debug)]
struct AuthAge {
    most: Duration,
}

impl AuthAge {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let place = if written.data.is_null() { written.place } else { written.data.place };
        let problem = match written.data.text().filter(|_| !written.data.is_null()) {
            None => format!("`auth_age` wants a duration, and this is {}", written.data.what()),
            Some(text) => match duration::parse(text) {
                Ok(most) if most >= SMALLEST => return Some(Self { most }),
                Ok(_) => {
                    let message = format!(
                        "`auth_age: {text}` is so short that a sign-in might be too old before it \
                         is back from Apple, which would ask again and again"
                    );
                    let help = format!("write {} or more", duration::shown(SMALLEST));
                    diagnostics.error(codes::DATA, place, message, help);
                    return None;
                }
                Err(problem) => format!("`{text}` {problem}"),
            },
        };
        diagnostics.error(codes::DATA, place, problem, "write for instance: auth_age: 15m, or 12h");
        None
    }
}

impl OfPerson for AuthAge {
    fn judge(&self, who: &Identity, question: &Question<'_>) -> (Answer, Reason) {
        let holds = question.now <= who.signed_in_at.plus(self.most);
        answer(holds, Reason::AuthAgeOk, Reason::AuthAgeExceeded)
    }

    fn wanted(&self) -> String {
        format!("signed in at most {} ago", duration::shown(self.most))
    }

    fn seen(&self, who: &Identity, question: &Question<'_>) -> Option<String> {
        let ago = u64::try_from(question.now.seconds_since(who.signed_in_at)).unwrap_or(0);
        Some(match ago {
            0 => "signed in just now".to_owned(),
            _ => format!("signed in {} ago", duration::shown(Duration::from_secs(ago))),
        })
    }

    /// Nothing: whoever signed in too long ago is asked to sign in again, which is told first.
    fn missing(&self, _: &Identity) -> Option<Missing> {
        None
    }

    fn needs(&self, missing: &Unrecorded, _: &Identity) -> bool {
        missing.issued_at
    }

    /// A session must be young enough for a while after `now`: it has a way to go.
    fn signed_in_since(&self, now: Timestamp) -> Option<Timestamp> {
        Some(now.minus(self.most.saturating_sub(ON_THE_WAY)))
    }
}
