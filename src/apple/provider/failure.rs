//! What can go wrong between a code and a person (`apple.md` §17), and what follows from it.

use crate::apple::client_secret::MintError;
use crate::apple::id_token::IdTokenError;
use crate::apple::keys::KeysUnavailable;
use crate::apple::token::TokenError;
use crate::telemetry::Code;

/// Why a sign-in could not be completed. Its text is for the log; it holds no code, secret, token
/// or nonce.
#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    /// The code brought no tokens.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The id_token is not to be believed.
    #[error("the id_token is refused: {0}")]
    IdToken(#[from] IdTokenError),
    /// Nothing to check an id_token with.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    /// Our own key does not sign.
    #[error(transparent)]
    ClientSecret(#[from] MintError),
}

/// What to answer to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// 400: this attempt is over, another one may well succeed.
    StartAgain,
    /// 502: Apple answered wrongly, or not in time, or does not know us.
    BadGateway,
    /// 503: Apple's keys are not to be had.
    Unavailable,
}

/// Who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The person, by starting again: worth a line, no more.
    Person,
    /// The operator: settings, key or clock.
    Operator,
    /// Apple, or the way there.
    Apple,
}

impl CompletionError {
    /// The stable word for it in log lines.
    pub fn code(&self) -> Code {
        match self {
            Self::Token(TokenError::InvalidGrant { .. }) => Code::TokenInvalidGrant,
            Self::Token(TokenError::InvalidClient(_)) => Code::TokenInvalidClient,
            Self::Token(TokenError::Refused { .. }) => Code::TokenRefused,
            Self::Token(TokenError::Unanswered(_)) => Code::TokenUnanswered,
            Self::Token(TokenError::Unexpected { .. }) => Code::TokenUnexpected,
            Self::Token(TokenError::MissingIdToken) => Code::MissingIdToken,
            Self::IdToken(error) => error.code(),
            Self::Keys(_) => Code::KeysUnavailable,
            Self::ClientSecret(_) => Code::ClientSecretNotMinted,
        }
    }

    /// What to answer.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Token(TokenError::InvalidGrant { .. }) | Self::IdToken(IdTokenError::Nonce) => {
                Remedy::StartAgain
            }
            Self::Token(_) | Self::IdToken(_) | Self::ClientSecret(_) => Remedy::BadGateway,
            Self::Keys(_) => Remedy::Unavailable,
        }
    }

    /// Who has to do something.
    pub fn fault(&self) -> Fault {
        match self {
            // Apple's words for an address or a client that is not the one of the authorize request.
            Self::Token(TokenError::InvalidGrant { description, .. }) => {
                if description.contains("mismatch") { Fault::Operator } else { Fault::Person }
            }
            Self::Token(TokenError::InvalidClient(_) | TokenError::Refused { .. })
            | Self::IdToken(
                IdTokenError::Audience { .. }
                | IdTokenError::Issuer { .. }
                | IdTokenError::Expired { .. }
                | IdTokenError::FromTheFuture { .. },
            )
            | Self::ClientSecret(_) => Fault::Operator,
            Self::IdToken(IdTokenError::Nonce) => Fault::Person,
            Self::Token(
                TokenError::Unanswered(_)
                | TokenError::Unexpected { .. }
                | TokenError::MissingIdToken,
            )
            | Self::IdToken(_)
            | Self::Keys(_) => Fault::Apple,
        }
    }
}
