//! Three answers, and what follows from them.

use serde::Serialize;

use super::reason::{Reason, ReasonSet};

/// What a criterion, an operator or a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// What it reads cannot be relied on, or nobody is signed in.
    Unknown,
}

impl Answer {
    /// Yes or no.
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Kleene's negation: unknown stays unknown.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    /// The word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What a policy said about one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether an allow holds.
    pub allow: Answer,
    /// Whether a deny holds.
    pub deny: Answer,
    /// Why the allows said so.
    pub allow_reasons: ReasonSet,
    /// Why the denies said so.
    pub deny_reasons: ReasonSet,
}

/// What is done with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passes.
    Allow,
    /// The person is asked to sign in first.
    SignIn,
    /// It is refused.
    Deny,
}

impl Verdict {
    /// What is done with the request. Whoever is not signed in is asked to, as soon as any rule,
    /// allow or deny, wanted to know who they are, even where an allow says yes: a deny on
    /// somebody means that everybody has to say who they are. So is whoever signed in too long ago.
    /// Whoever has to show a certificate and does not is refused before that.
    pub fn outcome(&self) -> Outcome {
        if self.lacks_certificate() {
            return Outcome::Deny;
        }
        let reasons = self.allow_reasons | self.deny_reasons;
        if Reason::TO_SIGN_IN.into_iter().any(|reason| reasons.contains(reason)) {
            return Outcome::SignIn;
        }
        // Security: fail closed on both sides; unknown denies and does not allow.
        match (self.deny, self.allow) {
            (Answer::No, Answer::Yes) => Outcome::Allow,
            (Answer::Yes | Answer::Unknown, _) | (Answer::No, Answer::No | Answer::Unknown) => {
                Outcome::Deny
            }
        }
    }

    /// The HTTP status of the answer, 200 where the request passes. A page load is taken to the
    /// sign-in, everything else is told to sign in.
    pub fn status(&self, page_load: bool) -> u16 {
        match self.outcome() {
            Outcome::Allow => 200,
            Outcome::SignIn => sign_in_status(page_load),
            Outcome::Deny if self.lacks_certificate() => CERTIFICATE_STATUS,
            Outcome::Deny => 403,
        }
    }

    /// Whether somebody is signed in and signed in too long ago.
    pub fn asks_again(&self) -> bool {
        (self.allow_reasons | self.deny_reasons).contains(Reason::AuthAgeExceeded)
    }

    /// Whether a deny found no certificate, or a bad one: no sign-in could help.
    pub fn lacks_certificate(&self) -> bool {
        Reason::BAD_CERTIFICATE.into_iter().any(|reason| self.deny_reasons.contains(reason))
    }

    /// The reasons of what is done: why to sign in, else those of the side that decided, the denies
    /// where they fired and the allows where they did not.
    pub fn reasons(&self) -> ReasonSet {
        if self.outcome() == Outcome::SignIn {
            let reasons = self.allow_reasons | self.deny_reasons;
            let asking = Reason::TO_SIGN_IN.into_iter().filter(|reason| reasons.contains(*reason));
            return asking.fold(ReasonSet::default(), |all, one| all | ReasonSet::from(one));
        }
        let denies = self.deny != Answer::No || self.lacks_certificate();
        if denies { self.deny_reasons } else { self.allow_reasons }
    }
}

/// The status of the answer to somebody who has to sign in first: page loads are taken there,
/// everything else is told so, because a redirect there could only fail.
pub fn sign_in_status(page_load: bool) -> u16 {
    if page_load { 302 } else { 401 }
}

/// "SSL certificate error", as nginx and Pomerium say it; no RFC has it.
const CERTIFICATE_STATUS: u16 = 495;

/// What one node of a policy found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The answer, by Kleene's tables.
    pub(super) answer: Answer,
    /// Whether it held in the two-valued reckoning by which Pomerium keeps reasons: unknown counts
    /// as false, before `not` or `nor` inverts it.
    pub(super) held: bool,
    /// The reasons that were kept.
    pub(super) reasons: ReasonSet,
}

impl Finding {
    /// What a criterion found.
    pub(super) fn of((answer, reason): (Answer, Reason)) -> Self {
        Self { answer, held: answer == Answer::Yes, reasons: ReasonSet::from(reason) }
    }

    /// The opposite, for the same reasons.
    pub(super) fn negated(self) -> Self {
        Self { answer: self.answer.negated(), held: !self.held, reasons: self.reasons }
    }
}

/// Puts findings together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Merge {
    yes: bool,
    no: bool,
    unknown: bool,
    held: bool,
    failed: bool,
    held_reasons: ReasonSet,
    failed_reasons: ReasonSet,
}

impl Merge {
    /// Takes one finding in.
    pub(super) fn add(&mut self, finding: Finding) {
        match finding.answer {
            Answer::Yes => self.yes = true,
            Answer::No => self.no = true,
            Answer::Unknown => self.unknown = true,
        }
        if finding.held {
            self.held = true;
            self.held_reasons = self.held_reasons | finding.reasons;
        } else {
            self.failed = true;
            self.failed_reasons = self.failed_reasons | finding.reasons;
        }
    }

    /// At least one: keeps the reasons of those that held, else of all. Of nothing: no.
    pub(super) fn any(self) -> Finding {
        let answer = match (self.yes, self.unknown) {
            (true, _) => Answer::Yes,
            (false, true) => Answer::Unknown,
            (false, false) => Answer::No,
        };
        let reasons = if self.held { self.held_reasons } else { self.failed_reasons };
        Finding { answer, held: self.held, reasons }
    }

    /// All: keeps the reasons of those that failed, else of all.
    pub(super) fn all(self) -> Finding {
        let answer = match (self.no, self.unknown) {
            (true, _) => Answer::No,
            (false, true) => Answer::Unknown,
            (false, false) => Answer::Yes,
        };
        let reasons = if self.failed { self.failed_reasons } else { self.held_reasons };
        Finding { answer, held: !self.failed, reasons }
    }
}
