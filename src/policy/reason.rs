//! Reasons: the short fixed words by which logs say why, and sets of them that fit a register.

use std::fmt;
use std::ops::BitOr;

use serde::{Serialize, Serializer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// Why a criterion said what it said. The words are Pomerium's, where it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, in alphabetical order of their words.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word that logs and test cases use.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

reasons! {
    /// Everybody is accepted.
    Accept = "accept",
    /// The sign-in is longer ago than the policy allows; signing in again helps. A reason of ours.
    AuthAgeExceeded = "auth-age-exceeded",
    /// The sign-in is recent enough. A reason of ours.
    AuthAgeOk = "auth-age-ok",
    /// The claim has the value.
    ClaimOk = "claim-ok",
    /// The claim is absent, different, or did not fit the session.
    ClaimUnauthorized = "claim-unauthorized",
    /// The client's certificate is the right one.
    ClientCertificateOk = "client-certificate-ok",
    /// The client showed no certificate.
    ClientCertificateRequired = "client-certificate-required",
    /// The client's certificate is another one, or there is none.
    ClientCertificateUnauthorized = "client-certificate-unauthorized",
    /// It is a CORS preflight.
    CorsRequest = "cors-request",
    /// The date is in the range.
    DateOk = "date-ok",
    /// The date is outside the range.
    DateUnauthorized = "date-unauthorized",
    /// It is one of these days.
    DayOfWeekOk = "day-of-week-ok",
    /// It is another day.
    DayOfWeekUnauthorized = "day-of-week-unauthorized",
    /// The domain matches.
    DomainOk = "domain-ok",
    /// The domain does not match, or there is none.
    DomainUnauthorized = "domain-unauthorized",
    /// The address matches.
    EmailOk = "email-ok",
    /// The address does not match, or there is none.
    EmailUnauthorized = "email-unauthorized",
    /// There is an address, but nobody vouches for it. A reason of ours.
    EmailUnverified = "email-unverified",
    /// The address is verified, or not, as the policy asks. A reason of ours.
    EmailVerifiedOk = "email-verified-ok",
    /// The address is not so, or there is none. A reason of ours.
    EmailVerifiedUnauthorized = "email-verified-unauthorized",
    /// The person is in the group.
    GroupsOk = "groups-ok",
    /// The person is not in the group.
    GroupsUnauthorized = "groups-unauthorized",
    /// The method matches.
    HttpMethodOk = "http-method-ok",
    /// The method does not match.
    HttpMethodUnauthorized = "http-method-unauthorized",
    /// The path matches.
    HttpPathOk = "http-path-ok",
    /// The path does not match.
    HttpPathUnauthorized = "http-path-unauthorized",
    /// The client's certificate is not to be trusted.
    InvalidClientCertificate = "invalid-client-certificate",
    /// The account is managed by the organization. A reason of ours.
    ManagedAccountOk = "managed-account-ok",
    /// The account is managed by another one, or by none. A reason of ours.
    ManagedAccountUnauthorized = "managed-account-unauthorized",
    /// It is no CORS preflight.
    NonCorsRequest = "non-cors-request",
    /// The decision log did not keep what the criterion reads: in replays alone. A reason of ours.
    NotRecorded = "not-recorded",
    /// The address is a relay, or not, as the policy asks. A reason of ours.
    PrivateRelayOk = "private-relay-ok",
    /// The address is not so, or there is none. A reason of ours.
    PrivateRelayUnauthorized = "private-relay-unauthorized",
    /// Everybody is rejected.
    Reject = "reject",
    /// The client's address is one of them.
    SourceIpOk = "source-ip-ok",
    /// The client's address is none of them.
    SourceIpUnauthorized = "source-ip-unauthorized",
    /// The time of day is in the range.
    TimeOfDayOk = "time-of-day-ok",
    /// The time of day is outside the range.
    TimeOfDayUnauthorized = "time-of-day-unauthorized",
    /// The person matches.
    UserOk = "user-ok",
    /// Nobody is signed in.
    UserUnauthenticated = "user-unauthenticated",
    /// The person does not match.
    UserUnauthorized = "user-unauthorized",
    /// The client's certificate is to be trusted.
    ValidClientCertificate = "valid-client-certificate",
}

impl Reason {
    /// What a deny says of a client that showed no certificate, or a bad one.
    pub(super) const BAD_CERTIFICATE: [Self; 2] =
        [Self::ClientCertificateRequired, Self::InvalidClientCertificate];

    /// What asks somebody to sign in, for the first time or again.
    pub(super) const TO_SIGN_IN: [Self; 2] = [Self::AuthAgeExceeded, Self::UserUnauthenticated];

    /// The reason with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A set of reasons. Copying it costs nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ReasonSet(u64);

// Invariant: every reason has a bit of its own.
const _: () = assert!(Reason::ALL.len() <= 64);

impl ReasonSet {
    /// No reason.
    pub const EMPTY: Self = Self(0);

    /// Whether `reason` is in it.
    pub fn contains(self, reason: Reason) -> bool {
        self.0 & Self::from(reason).0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The reasons, in alphabetical order of their words.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(move |reason| self.contains(*reason))
    }
}

impl From<Reason> for ReasonSet {
    fn from(reason: Reason) -> Self {
        Self(1 << reason as u8)
    }
}

impl FromIterator<Reason> for ReasonSet {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons.into_iter().fold(Self::EMPTY, |set, reason| set | reason.into())
    }
}

impl BitOr for ReasonSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for ReasonSet {
    /// The words, with blanks between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.iter().enumerate() {
            write!(f, "{}{reason}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ReasonSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

impl Serialize for ReasonSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in_and_words_come_back() {
        let set: ReasonSet = [Reason::UserUnauthorized, Reason::Accept].into_iter().collect();
        assert_eq!(set.to_string(), "accept user-unauthorized");
        assert!(!set.contains(Reason::UserOk));
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.word()), Some(*reason));
            assert!(ReasonSet::from(*reason).iter().eq([*reason]));
        }
        assert!(Reason::ALL.is_sorted_by_key(|reason| reason.word()));
    }
}
