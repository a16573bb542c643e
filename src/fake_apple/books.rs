//! What Apple remembers: codes, tokens and consents. In memory, bounded, gone at the end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::base::random;
use crate::base::secret::same;
use crate::base::time::Timestamp;

/// How long a code can be redeemed.
const CODE_LIFETIME: Duration = Duration::from_secs(300);

/// Most entries of each kind; the oldest goes first.
const MAX_ENTRIES: usize = 10_000;

/// A person as one client knows them.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub client_id: String,
    /// All claims of the person; which of them go out depends on the consent.
    pub claims: Arc<Map<String, Value>>,
    /// Whether the first consent included the address.
    pub email_granted: bool,
}

impl Account {
    pub(super) fn subject(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    fn is(&self, client_id: &str, subject: &str) -> bool {
        self.client_id == client_id && self.subject() == subject
    }
}

/// What a code stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub account: Account,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    /// PKCE (RFC 7636), S256.
    pub code_challenge: Option<String>,
    pub authorized_at: Timestamp,
    used: bool,
}

/// Access and refresh token of one redemption.
pub(super) struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
}

/// Why a code or token is not honoured, in Apple's words: the description of `invalid_grant`.
pub(super) struct InvalidGrant(pub String);

/// Everything that outlives one request.
#[derive(Default)]
pub(super) struct Books {
    codes: Shelf<String, Grant>,
    access_tokens: Shelf<String, Account>,
    refresh_tokens: Shelf<String, Account>,
    /// Client and subject, and whether the address was granted.
    consents: Shelf<(String, String), bool>,
}

/// Whether a person consents to this client for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    First,
    Known,
}

impl Books {
    /// Remembers that a person consented. What was granted at first stays until it is revoked.
    pub(super) fn consent(
        &mut self,
        client_id: &str,
        claims: &Arc<Map<String, Value>>,
        wants_email: bool,
        now: Timestamp,
    ) -> (Consent, Account) {
        let mut account = Account {
            client_id: client_id.to_owned(),
            claims: Arc::clone(claims),
            email_granted: wants_email,
        };
        let key = (client_id.to_owned(), account.subject().to_owned());
        if let Some(granted) = self.consents.get(&key) {
            account.email_granted = *granted;
            return (Consent::Known, account);
        }
        self.consents.put(key, wants_email, now);
        (Consent::First, account)
    }

    /// A code for `account`.
    pub(super) fn issue_code(
        &mut self,
        account: Account,
        redirect_uri: &str,
        (nonce, code_challenge): (Option<String>, Option<String>),
        now: Timestamp,
    ) -> String {
        let code = format!("c{}.0.fake.{}", hex(), random::token());
        let grant = Grant {
            account,
            redirect_uri: redirect_uri.to_owned(),
            nonce,
            code_challenge,
            authorized_at: now,
            used: false,
        };
        self.codes.put(code.clone(), grant, now);
        code
    }

    /// Spends a code, once.
    pub(super) fn redeem(
        &mut self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        code_verifier: Option<&str>,
        now: Timestamp,
    ) -> Result<(Grant, Tokens), InvalidGrant> {
        let refuse = |text: String| Err(InvalidGrant(text));
        let gone = "The code has expired or has been revoked.";
        let Some(grant) = self.codes.get_mut(code) else { return refuse(gone.to_owned()) };
        if grant.account.client_id != client_id {
            return refuse(format!("client_id mismatch. The code was not issued to {client_id}."));
        }
        if grant.used {
            return refuse("The code has already been used.".to_owned());
        }
        if now > grant.authorized_at.plus(CODE_LIFETIME) {
            return refuse(gone.to_owned());
        }
        if grant.redirect_uri != redirect_uri {
            return refuse(format!(
                "redirect_uri mismatch. The code was not issued to {redirect_uri}."
            ));
        }
        if !verifier_fits(grant.code_challenge.as_deref(), code_verifier) {
            return refuse("code_verifier mismatch.".to_owned());
        }
        grant.used = true;
        let grant = grant.clone();
        let tokens = Tokens {
            access_token: self.issue_access_token(&grant.account, now),
            refresh_token: format!("r{}.0.fake.{}", hex(), random::token()),
        };
        self.refresh_tokens.put(tokens.refresh_token.clone(), grant.account.clone(), now);
        Ok((grant, tokens))
    }

    pub(super) fn issue_access_token(&mut self, account: &Account, now: Timestamp) -> String {
        let token = format!("a{}.0.fake.{}", hex(), random::token());
        self.access_tokens.put(token.clone(), account.clone(), now);
        token
    }

    /// The account that a refresh token of `client_id` stands for.
    pub(super) fn refresh(&self, token: &str, client_id: &str) -> Result<Account, InvalidGrant> {
        match self.refresh_tokens.get(token) {
            Some(account) if account.client_id == client_id => Ok(account.clone()),
            Some(_) => Err(InvalidGrant(format!(
                "client_id mismatch. The token was not issued to {client_id}."
            ))),
            None => Err(InvalidGrant("The token has expired or has been revoked.".to_owned())),
        }
    }

    /// Whose token this is, and which kind.
    pub(super) fn token_owner(&self, token: &str) -> Option<(&'static str, Account)> {
        let refresh = self.refresh_tokens.get(token).map(|account| ("refresh_token", account));
        let access = || self.access_tokens.get(token).map(|account| ("access_token", account));
        refresh.or_else(access).map(|(kind, account)| (kind, account.clone()))
    }

    /// Ends all codes and tokens and the consent of a person for a client.
    pub(super) fn forget(&mut self, client_id: &str, subject: &str) {
        self.codes.retain(|grant| !grant.account.is(client_id, subject));
        self.access_tokens.retain(|account| !account.is(client_id, subject));
        self.refresh_tokens.retain(|account| !account.is(client_id, subject));
        self.consents.remove(&(client_id.to_owned(), subject.to_owned()));
    }
}

/// A challenge wants its verifier; a verifier wants its challenge.
fn verifier_fits(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            same(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())), challenge)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// 32 hex digits, as Apple's tokens begin with.
pub(super) fn hex() -> String {
    random::bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A map that holds [`MAX_ENTRIES`] and drops the oldest.
struct Shelf<K, V>(HashMap<K, (Timestamp, V)>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone, V> Shelf<K, V> {
    fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.get(key).map(|(_, value)| value)
    }

    fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.get_mut(key).map(|(_, value)| value)
    }

    fn put(&mut self, key: K, value: V, now: Timestamp) {
        if self.0.len() >= MAX_ENTRIES {
            let oldest = self.0.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            oldest.map(|key| self.0.remove(&key));
        }
        self.0.insert(key, (now, value));
    }

    fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }

    fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.0.retain(|_, (_, value)| keep(value));
    }
}
