//! Every word that a log uses for what became of a request, but for a policy's own reasons
//! (`policy::Reason`). Words are stable: people search and count by them.

use std::fmt::Write as _;

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
    NotHttp = "not_http",
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
    /// The name of the application has no address.
    UpstreamName = "name",
    /// The application refused the connection.
    UpstreamRefused = "refused",
    /// The application could not be reached.
    UpstreamUnreachable = "unreachable",
    /// Connecting to the application took too long.
    UpstreamConnectTimeout = "connect_timeout",
    /// The certificate of the application was not accepted.
    UpstreamCertificate = "certificate",
    /// TLS with the application failed.
    UpstreamTls = "tls",
    /// The head of the application's answer took too long.
    UpstreamHeadTimeout = "head_timeout",
    /// The head of the application's answer is too long.
    UpstreamHeadTooLong = "head_too_long",
    /// The application's answer is not valid HTTP, or ambiguous.
    UpstreamMalformed = "malformed",
    /// The application closed the connection before it answered.
    UpstreamReset = "reset",
    /// The client's request body broke off or stalled.
    RequestBody = "request_body",
    /// `CONNECT` is not relayed.
    ConnectMethod = "connect_method",
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
    // --- Redeeming a code at Apple ---
    /// Apple refused the code: it was used, is too old, or is for another address or client.
    TokenInvalidGrant = "token_invalid_grant",
    /// Apple refused the client: check Services ID, team, key and key file.
    TokenInvalidClient = "token_invalid_client",
    /// Apple refused to redeem the code for another reason.
    TokenRefused = "token_refused",
    /// Apple did not answer in time, or could not be reached.
    TokenUnanswered = "token_unanswered",
    /// Apple answered in another form than expected.
    TokenUnexpected = "token_unexpected",
    /// Apple answered without an id_token.
    MissingIdToken = "missing_id_token",
    /// There are no keys of Apple's to check an id_token with.
    KeysUnavailable = "keys_unavailable",
    /// The client secret could not be made of the key file.
    ClientSecretNotMinted = "client_secret_not_minted",
    /// The id_token is not a signed token, or not of the expected form.
    IdTokenMalformed = "id_token_malformed",
    /// The id_token is signed by another algorithm than RS256.
    AlgorithmRefused = "alg_refused",
    /// The id_token names a key that Apple does not publish.
    UnknownKey = "unknown_kid",
    /// The signature of the id_token is wrong.
    SignatureBad = "signature_bad",
    /// The token is a notification, and not an id_token.
    NotAnIdToken = "not_an_id_token",
    /// A claim of the id_token is missing or of the wrong type.
    ClaimInvalid = "claim_invalid",
    /// The id_token is not from `idp_provider_url`.
    IssuerMismatch = "iss_mismatch",
    /// The id_token is for another client than `idp_client_id`.
    AudienceMismatch = "aud_mismatch",
    /// The id_token has expired.
    IdTokenExpired = "id_token_expired",
    /// The id_token was issued later than now; compare the clocks.
    IdTokenFromTheFuture = "id_token_from_the_future",
    /// The id_token is for another sign-in.
    NonceMismatch = "nonce_mismatch",
    /// The id_token does not fit its access token.
    AccessTokenHashMismatch = "at_hash_mismatch",
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

/// The page that lists every code, for operators.
pub fn codes_page() -> String {
    let mut page = String::from(
        "# Words of the request log\n\n\
         Generated from `src/telemetry/code.rs`. These stand in `reasons` of the request log, and some in that of the decision log. A policy's own\n\
         reasons, such as `domain-unauthorized`, are in [policy/language.md](policy/language.md).\n\n\
         | word | what it means |\n| --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| `{}` | {} |", code.word(), code.meaning());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn no_two_codes_share_a_word_and_each_has_a_meaning() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.meaning().ends_with('.')));
    }
}
