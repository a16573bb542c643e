//! Every word that a log uses for what became of a request, but for a policy's own reasons
//! (`policy::Reason`). Words are stable: people search and count by them.

/// Declares [`Code`] with its words, so that a word stands in one place.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What became of a request, in one word for the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in the log.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What it means, for the reference.
            pub fn meaning(self) -> String {
                match self {
                    $(Self::$name => [$($doc),+].concat().trim().to_owned(),)+
                }
            }
        }
    };
}

codes! {
    // --- Before a decision: the request itself ---
    /// The method is not one that is served.
    BadMethod = "bad_method",
    /// The request names no usable host.
    BadHost = "bad_host",
    /// The path is ambiguous.
    BadPath = "bad_path",
    /// The connection was made for names of another certificate.
    Misdirected = "misdirected",
    /// The request target is too long.
    TargetTooLong = "target_too_long",
    /// The name of a header holds an underscore, which applications confuse with a hyphen.
    UnderscoreInHeader = "underscore_in_header",
    /// The length of the request body is ambiguous.
    BadFraming = "bad_framing",
    /// The request is not valid HTTP/1.
    Malformed = "malformed",
    /// The connection begins in another version of HTTP than was agreed.
    WrongPreface = "wrong_preface",
    /// The head of the request is too large.
    HeaderTooLarge = "header_too_large",
    /// The head of the request did not arrive in time.
    HeadDeadline = "head_deadline",
    /// The client's address has as many connections as it may.
    TooManyConnections = "too_many_connections",
    /// The client gave up more HTTP/2 requests than it may.
    TooManyCancellations = "too_many_cancellations",
    /// The head of the request has too many fields.
    TooManyFields = "too_many_fields",
    /// Answering the request ended in a panic; please report it.
    Panic = "panic",

    // --- Before a decision: what another proxy says of a request ---
    /// A peer that is not in `external_auth.trusted_peers` asked for somebody else.
    UntrustedPeer = "untrusted-peer",
    /// A header that describes the original request is missing, or is not text.
    DescriptionMissing = "description_missing",
    /// A header of which there can be only one came twice.
    DescriptionTwice = "description_twice",
    /// A header came in a spelling that applications take for another header.
    HeaderSpelling = "header_spelling",
    /// The described method is not one that is served.
    DescribedMethod = "described_method",
    /// The described scheme is neither http nor https.
    DescribedScheme = "described_scheme",
    /// The described host is not usable.
    DescribedHost = "described_host",
    /// The described target is not a path and a query, or is ambiguous.
    DescribedPath = "described_path",
    /// An entry of `X-Forwarded-For` that must be read is not an address.
    DescribedClient = "described_client",

    // --- The decision ---
    /// The host is ours, but no route of it has the path.
    RouteNotFound = "route-not-found",
    /// No route has the host.
    UnknownHost = "unknown-host",
    /// Nobody is signed in.
    UserUnauthenticated = "user-unauthenticated",
    /// The session cookie does not open here, or several cookies of its name do.
    CookieNotOpened = "cookie-not-opened",
    /// The session is older than `cookie_expire`.
    SessionExpired = "session-expired",
    /// The session was ended: signed out, or replaced by a newer sign-in.
    SessionEnded = "session-ended",
    /// Whether the session still lives cannot be known right now.
    SessionUnchecked = "session-unchecked",
    /// The policy admits the person, and what the question asks for in addition does not.
    QuestionConstraint = "question-constraint",

    // --- Relaying ---
    /// The request cannot be written for the application.
    RequestUnwritable = "request_unwritable",

    // --- Endpoints of Russet's own ---
    /// There is no such endpoint.
    EndpointNotFound = "endpoint_not_found",
    /// The endpoint is not served for this method.
    MethodNotAllowed = "method_not_allowed",
    /// The endpoint is planned and not served yet.
    NotImplemented = "not_implemented",
    /// The answer could not be made; please report it.
    Internal = "internal",
    /// The store that is needed does not answer; nothing was done.
    StoreUnanswered = "store_unanswered",
    /// The address to return to is not one of ours.
    BadReturnAddress = "bad_return_address",
    /// A browser signed in again and again within a minute, and still was not.
    SignInLoop = "sign-in-loop",
    /// The sign-in was asked for by something that is not a page load, so nothing began.
    NotAPageLoad = "not_a_page_load",
    /// A sign-in link is not of our making, or was changed.
    LinkForged = "link_forged",
    /// A sign-in link is too old.
    LinkStale = "link_stale",
    /// A sign-in link is for another host.
    LinkForeignHost = "link_foreign_host",
    /// The form does not have the right content type.
    BadContentType = "bad_content_type",
    /// The form cannot be read, or its fields contradict each other.
    BadForm = "bad_form",
    /// Fields of Apple's form came in the query, too.
    FieldsInQuery = "fields_in_query",
    /// The body did not arrive in time, whole, or within its limit.
    BodyNotRead = "body_not_read",
    /// No attempt of this browser has the `state` of the callback, though it has others.
    StateMismatch = "state_mismatch",
    /// The browser has no sign-in under way.
    NoTransaction = "no_transaction",
    /// The same answer of Apple's came again.
    ReplayedCallback = "replayed_callback",
    /// The sign-in took too long.
    AttemptExpired = "attempt_expired",
    /// More sign-ins are under way than are served at once.
    TooManySignIns = "too_many_sign_ins",
    /// Somebody signed in.
    SignedIn = "signed_in",
    /// The session could not be sealed into a cookie.
    SessionNotSealed = "session_not_sealed",
    /// The person cancelled at Apple.
    UserCancelled = "user_cancelled",
    /// Apple's callback says that something went wrong.
    AppleError = "apple_error",
    /// The sign-in ended unfinished.
    SignInUnfinished = "sign_in_unfinished",
    /// The claims that must be kept do not fit a cookie.
    ClaimsTooLong = "claims_too_long",
    /// No ticket came.
    NoTicket = "no_ticket",
    /// The browser kept no cookie.
    NoBrowserCookie = "no_browser_cookie",
    /// The ticket is forged, too old, for another host or for another browser.
    TicketNotOpened = "ticket_not_opened",
    /// The ticket was redeemed before.
    TicketReplayed = "ticket_replayed",
    /// The session ended before its ticket was redeemed.
    TicketSessionEnded = "session_ended",
    /// A sign-out form did not come from our own page.
    ForgedForm = "forged_form",
    /// Somebody signed out.
    SignedOut = "signed_out",
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn no_two_codes_share_a_word_and_each_has_a_meaning() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.meaning().ends_with(['.', 't'])));
    }
}
