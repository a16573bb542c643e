//! Sign in with Apple as the rest of the house sees it: an address to send a browser to, and a
//! person in return for what the browser brought back.

mod endpoints;
mod failure;

use std::sync::Arc;

use super::authorize::authorize_url;
use super::client::{ClientError, Timeouts};
use super::client_secret::ClientSecrets;
use super::connections::{Connection, Connections};
use super::id_token::{Expectations, IdTokenError, VerifiedIdToken, verify};
use super::settings::Settings;
use super::token::{self, TokenAnswer};
use crate::base::secret::Secret;
use crate::base::tasks::Tasks;
use crate::base::time::{Clock, monotonic};
use endpoints::Endpoints;

pub use failure::{CompletionError, Fault, Remedy};

/// Apple, or whoever `idp_provider_url` says stands in for it. Nothing about it is learnt from
/// answers: issuer and endpoints follow from the settings alone (T44). Follows from one
/// configuration; what outlives it is in [`Connections`].
#[derive(Debug)]
pub struct AppleProvider {
    settings: Settings,
    endpoints: Endpoints,
    connection: Arc<Connection>,
    secrets: ClientSecrets,
    clock: Clock,
}

/// What a completed sign-in yields.
#[derive(Debug)]
pub struct SignedIn {
    /// The person, proven.
    pub token: VerifiedIdToken,
    /// For asking again, days later, whether Apple still stands by it.
    pub refresh_token: Option<Secret>,
}

/// Why there can be no provider with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// `idp_provider_url` is not an address that may be called.
    #[error(
        "{0:?} cannot be the provider: it must be https (http on loopback alone), with a host and without query, fragment or user"
    )]
    Url(String),
    /// The machine cannot do TLS.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl AppleProvider {
    /// A provider that reads `clock` and shares what `connections` has. Nothing is called yet.
    ///
    /// # Errors
    /// When the provider's URL may not be called, or the machine has no certificate authorities.
    pub fn new(
        settings: Settings,
        timeouts: Timeouts,
        clock: Clock,
        connections: &Connections,
    ) -> Result<Self, ProviderError> {
        let endpoints = Endpoints::below(&settings.provider_url)
            .ok_or_else(|| ProviderError::Url(settings.provider_url.clone()))?;
        let keys_url = endpoints.keys.clone();
        let connection = connections.connection(keys_url, &settings.extra_roots, timeouts)?;
        let secrets = ClientSecrets::new(&settings);
        Ok(Self { settings, endpoints, connection, secrets, clock })
    }

    /// Fetches Apple's keys now and every hour from now on, for as long as a provider uses them and
    /// `tasks` lives. Providers that share keys may all call this.
    pub fn keep_keys_fresh(&self, tasks: &Tasks) {
        self.connection.keep_keys_fresh(tasks);
    }

    /// The only `iss` that is accepted.
    pub fn issuer(&self) -> &str {
        &self.settings.provider_url
    }

    /// Where a browser signs in, for one attempt.
    pub fn authorize_url(&self, state: &str, nonce: &str) -> String {
        authorize_url(self.endpoints.authorize.as_str(), &self.settings, state, nonce)
    }

    /// Redeems `code`, once, and checks what it brings against the attempt's `nonce`.
    ///
    /// # Errors
    /// Says what went wrong, whose fault that is and what to answer.
    pub async fn complete(&self, code: &Secret, nonce: &str) -> Result<SignedIn, CompletionError> {
        // Keys first: a code should not be spent on a token that nobody could check.
        self.connection.keys.current(monotonic()).await?;
        let client_secret = self.secrets.current(self.clock.now())?;
        let url = self.endpoints.token.clone();
        let answer =
            token::redeem(&self.connection.client, url, &self.settings, &client_secret, code)
                .await?;
        let now = self.clock.now();
        if let Some(date) = answer.date {
            let ahead_seconds = now.seconds_since(date);
            if ahead_seconds.abs() > token::NOTEWORTHY_SKEW_SECONDS {
                tracing::warn!(ahead_seconds, "this machine's clock differs from apple's");
            }
        }
        let answer = token::read(&answer, &self.settings, &client_secret, code, now)?;
        let token = self.verified(&answer, nonce).await?;
        Ok(SignedIn { token, refresh_token: answer.refresh_token })
    }

    /// Verifies, a second time with newer keys where that could help.
    async fn verified(
        &self,
        answer: &TokenAnswer,
        nonce: &str,
    ) -> Result<VerifiedIdToken, CompletionError> {
        let token = answer.id_token.expose_str().unwrap_or_default();
        let expected = Expectations {
            issuer: &self.settings.provider_url,
            client_id: &self.settings.client_id,
            nonce,
            access_token: &answer.access_token,
        };
        let fetched = self.connection.keys.current(monotonic()).await?;
        let first = verify(token, &fetched.keys, expected, self.clock.now());
        let Some(kid) = first.as_ref().err().and_then(IdTokenError::kid_to_look_for) else {
            return Ok(first?);
        };
        match self.connection.keys.newer_than(&fetched, kid, monotonic()).await {
            Some(newer) => Ok(verify(token, &newer.keys, expected, self.clock.now())?),
            None => Ok(first?),
        }
    }
}

#[cfg(test)]
mod tests;
