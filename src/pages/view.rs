//! What there is to say, as plain data.

use http::StatusCode;

use crate::base::ids::ShortId;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::identity::Identity;

use super::Href;

/// Name of the form field that carries the CSRF token.
pub const CSRF_FIELD: &str = "csrf";

/// Name of the form field that carries the address to return to.
pub const RETURN_FIELD: &str = "return_to";

/// What every page has around its content.
#[derive(Clone, Copy, Debug)]
pub struct Chrome<'a> {
    /// Short id of the request; the log line carries it too.
    pub request_id: ShortId,
    /// The provider's URL where that is not Apple: every page then says so.
    pub not_apple: Option<&'a str>,
    /// The host that was asked; empty where it is not known, and then no page names one.
    pub host: &'a str,
}

/// One page. The status each is meant for is [`View::status`].
#[derive(Clone, Debug)]
pub enum View {
    /// Apple's button, with a sentence on why it is shown.
    SignIn(SignIn),
    /// Asks whether to sign out.
    SignOut(Form),
    /// Signed in, but not admitted.
    Denied(Box<Denied>),
    /// Who the session says one is.
    User(Box<UserPage>),
    /// The callback belongs to no attempt of this browser, or to another one.
    NotMatched {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// The attempt was older than its ten minutes.
    ExpiredAttempt {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// The person cancelled at Apple.
    Cancelled {
        /// Begins a new sign-in.
        retry: Href,
    },
    /// Apple answered with an error.
    AppleRefused {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// Apple did not answer in time, or not as it should.
    AppleUnavailable {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// We have no keys of Apple's, so nothing that Apple says can be checked.
    KeysUnavailable {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// Apple's code had been redeemed before, or was too old.
    CodeUsed {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// The browser came back without the cookie it was given.
    NoCookies {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// Three sign-ins in a row led to a fourth.
    Loop {
        /// What is known of why.
        cause: LoopCause,
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// The signed sign-in link was changed or is older than its ten minutes.
    LinkInvalid {
        /// Begins a new sign-in.
        start_again: Href,
    },
    /// Signed in, but the address asked for was longer than 2,048 bytes and was not kept.
    AddressTooLong {
        /// Its path, or `/` where that was too long itself.
        path: Href,
    },
    /// A page that moves on by itself, where a redirect would lose a `SameSite=Strict` cookie.
    Moved {
        /// Where to.
        to: Href,
    },
    /// The connection has to show a good certificate, and shows none, or a bad one.
    Certificate {
        /// Whether it showed one at all.
        shown: bool,
    },
    /// The request is malformed.
    BadRequest,
    /// There is nothing here.
    NotFound,
    /// This address takes other methods.
    MethodNotAllowed {
        /// Given where the address is a step of signing in: begins a new sign-in.
        start_again: Option<Href>,
    },
    /// The body is larger than this address takes.
    TooLarge,
    /// The body has a type that this address does not read.
    UnsupportedMediaType {
        /// Given where the address is a step of signing in: begins a new sign-in.
        start_again: Option<Href>,
    },
    /// The request target is too long.
    UriTooLong,
    /// The head of the request is too large.
    HeaderTooLarge,
    /// The connection was made for another host.
    Misdirected,
    /// The application cannot be reached, or its answer is not HTTP.
    UpstreamUnreachable,
    /// The application is not available at the moment.
    UpstreamUnavailable,
    /// The application did not answer in time.
    UpstreamTimeout,
    /// What is kept of sessions can neither be read nor written at the moment, so this was not done.
    StoreUnanswered(StoreTask),
    /// Our own fault.
    Internal,
    /// The address is known but not served.
    NotImplemented,
}

impl View {
    /// The status that the page is meant for. A page that stands for several (the sign-in page of
    /// somebody who asked for another account) names its usual one.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignIn(page) => match page.cause {
                SignInCause::SignedOut | SignInCause::AnotherAccount | SignInCause::Asked => {
                    StatusCode::OK
                }
                SignInCause::NothingWasSent | SignInCause::TooLongAgo => StatusCode::UNAUTHORIZED,
            },
            Self::SignOut(_)
            | Self::User(_)
            | Self::Cancelled { .. }
            | Self::AddressTooLong { .. }
            | Self::Moved { .. } => StatusCode::OK,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::NotMatched { .. }
            | Self::ExpiredAttempt { .. }
            | Self::AppleRefused { .. }
            | Self::CodeUsed { .. }
            | Self::NoCookies { .. }
            | Self::Loop { cause: LoopCause::CookieNotKept, .. }
            | Self::LinkInvalid { .. }
            | Self::BadRequest => StatusCode::BAD_REQUEST,
            // No RFC has 495, so the crate has no name for it.
            Self::Certificate { .. } => StatusCode::from_u16(495).unwrap_or(StatusCode::FORBIDDEN),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Loop { .. } | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::AppleUnavailable { .. } | Self::UpstreamUnreachable => StatusCode::BAD_GATEWAY,
            Self::KeysUnavailable { .. } | Self::UpstreamUnavailable | Self::StoreUnanswered(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether a frame of the same origin may show it: only the page that answers a frame, whose
    /// one link opens in the top window. Everything else must not be framed at all (T80).
    pub fn may_be_framed(&self) -> bool {
        let answers_a_frame =
            |cause| matches!(cause, SignInCause::NothingWasSent | SignInCause::TooLongAgo);
        matches!(self, Self::SignIn(page) if answers_a_frame(page.cause))
    }
}

/// What could not be done without the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreTask {
    /// To find out whether a session has ended.
    CheckSession,
    /// To begin a session, or to hand it to another host.
    SignIn,
    /// To end a session.
    SignOut,
}

/// The page with Apple's button.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Why it is shown.
    pub cause: SignInCause,
    /// Begins the sign-in; opens in the top window.
    pub url: Href,
}

/// Why the page with Apple's button is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInCause {
    /// The person has just signed out.
    SignedOut,
    /// A form or a frame asked without a session; a redirect would have lost what it sent.
    NothingWasSent,
    /// A form or a program asked with a session that is too old for this page.
    TooLongAgo,
    /// The person asked to use another account.
    AnotherAccount,
    /// The page was asked for as such, or another proxy shows it in place of what was asked.
    Asked,
}

/// What is known of why signing in goes round in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopCause {
    /// The session cookie never came back.
    CookieNotKept,
    /// It came back but could not be opened, or had ended before it began.
    CookieNotAccepted,
    /// Nothing is known.
    Unknown,
}

/// A form that posts to one of our endpoints.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where to.
    pub action: Href,
    /// Proves that our own page sent it; goes as [`CSRF_FIELD`].
    pub csrf: Secret,
    /// The address to return to afterwards; goes as [`RETURN_FIELD`].
    pub return_to: Option<String>,
}

/// Whom a page speaks to, as far as it says so.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The address that Apple gave, reliable or not.
    pub address: Option<String>,
    /// Whether that is a relay address.
    pub private_relay: bool,
    /// Apple's stable name for the person.
    pub subject: String,
    /// The name from the first consent.
    pub name: Option<String>,
}

impl Person {
    /// What pages say about this identity.
    pub fn from_identity(identity: &Identity) -> Self {
        Self {
            address: identity.address.shown().map(str::to_owned),
            private_relay: identity.address.is_private_relay(),
            subject: identity.subject.to_string(),
            name: identity.display_name.as_deref().map(str::to_owned),
        }
    }
}

/// The page of a person who is signed in but not admitted.
#[derive(Clone, Debug)]
pub struct Denied {
    /// The person.
    pub person: Person,
    /// What is missing or different, about this person and this request alone.
    pub reasons: Vec<DenialReason>,
    /// Ends this session and leads to the page with Apple's button; none where there is no session
    /// to change.
    pub another_account: Option<Form>,
}

/// What is missing or different. Never holds what a rule wanted: that may name other people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenialReason {
    /// A rule reads the address and Apple sent none.
    AddressAbsent,
    /// A rule reads the address and Apple gave a relay address in its place.
    AddressHidden,
    /// A rule reads the address and Apple does not vouch for it.
    AddressUnverified,
    /// The address is not among those that are let in.
    AddressNotListed,
    /// The address is of no organization that is let in.
    DomainNotListed,
    /// The account (`sub`) is not among those that are let in.
    AccountNotListed,
    /// The person is in none of the groups that are let in.
    GroupNotListed,
    /// Apple sent no claim of this name.
    ClaimMissing {
        /// Name of the claim.
        name: String,
    },
    /// The claim is there and says something else.
    ClaimDifferent {
        /// Name of the claim.
        name: String,
        /// What it says about this person.
        seen: Option<String>,
    },
    /// The claim was too long for the session, so nothing can be decided on it.
    ClaimNotKept {
        /// Name of the claim.
        name: String,
    },
    /// The method is not allowed.
    Method,
    /// The path is not allowed.
    Path,
    /// The network that the request came from is not allowed.
    Network,
    /// The client's certificate is not one that is let in, or there is none.
    Certificate,
    /// It is not the time at which people are let in.
    Time,
    /// The rules let nobody in, or a rule refuses this person for which there is no explanation.
    Rule,
}

/// The page about oneself.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The person.
    pub person: Person,
    /// Name and value of each claim; text as it is, everything else as JSON.
    pub claims: Vec<(String, String)>,
    /// Names of the claims that were too long for the session.
    pub omitted: Vec<String>,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// The time now, to say how long that is.
    pub now: Timestamp,
    /// Ends the session.
    pub sign_out: Form,
}

impl UserPage {
    /// The page about this identity.
    pub fn new(identity: &Identity, expires_at: Timestamp, now: Timestamp, sign_out: Form) -> Self {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            person: Person::from_identity(identity),
            claims: identity.claims.iter().map(|(name, v)| (name.to_owned(), text(v))).collect(),
            omitted: identity.omitted.iter().map(|name| name.to_string()).collect(),
            expires_at,
            now,
            sign_out,
        }
    }
}
