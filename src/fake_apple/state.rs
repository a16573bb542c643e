//! What the endpoints share: settings, keys, books, faults, and a record of what was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::books::Books;
use super::faults::{Endpoint, Faults};
use super::form::Form;
use super::keys::{Keys, SigningKey};
use super::people::Person;
use super::settings::{Client, PlusSign, Settings, StartError};
use crate::base::lock::lock;
use crate::base::random;
use crate::base::secret::{Secret, same};
use crate::base::time::{Clock, Timestamp};

/// A running fake Apple, as its endpoints see it.
pub(super) struct Apple {
    pub base_url: String,
    pub clients: Vec<Client>,
    pub people: Vec<Person>,
    pub plus_sign: PlusSign,
    pub password: Option<Secret>,
    /// What the cookie of a browser holds that gave the password; new at each start.
    pub unlocked: String,
    pub clock: Clock,
    pub faults: Faults,
    pub meter: Meter,
    keys: Mutex<Keys>,
    books: Mutex<Books>,
}

impl Apple {
    pub(super) fn new(settings: Settings, base_url: String) -> Result<Self, StartError> {
        Ok(Self {
            base_url,
            clients: settings.clients,
            people: settings.people,
            plus_sign: settings.plus_sign,
            password: settings.password,
            unlocked: random::token(),
            clock: settings.clock,
            faults: Faults::default(),
            meter: Meter::default(),
            keys: Mutex::new(Keys::generate()?),
            books: Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.client_id == client_id)
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }

    pub(super) fn signing_key(&self) -> std::sync::Arc<SigningKey> {
        lock(&self.keys).signing()
    }

    pub(super) fn published_keys(&self) -> Value {
        lock(&self.keys).published()
    }

    pub(super) fn rotate_keys(&self) -> Result<(), StartError> {
        lock(&self.keys).rotate()
    }

    /// Whether `given` is the password, in constant time. Without a password nobody needs one.
    pub(super) fn knows_password(&self, given: &str) -> bool {
        self.password.as_ref().is_none_or(|password| same(password.expose(), given))
    }

    pub(super) fn report(&self) -> Report {
        let requests = lock(&self.meter.last_requests);
        Report {
            base_url: self.base_url.clone(),
            calls: lock(&self.meter.calls).clone(),
            faults_waiting: self.faults.waiting_count(),
            key_ids: lock(&self.keys).ids(),
            last_refusal: lock(&self.meter.last_refusal).clone(),
            last_requests: requests.iter().map(|(at, request)| (*at, request.shown())).collect(),
        }
    }
}

/// What the control endpoints and tests read; nothing secret.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The name of this Apple for itself.
    pub base_url: String,
    /// How often each endpoint was called, faults included.
    pub calls: BTreeMap<Endpoint, u64>,
    /// How many answers and id_tokens will go wrong.
    pub faults_waiting: u64,
    /// The names of the published keys; the last one signs.
    pub key_ids: Vec<String>,
    /// Why the last refused request was refused; Apple itself says less.
    pub last_refusal: Option<String>,
    /// The last request to token and revoke: names and values, secret values masked.
    pub last_requests: BTreeMap<Endpoint, BTreeMap<String, String>>,
}

/// Counts and remembers what was asked.
#[derive(Default)]
pub(super) struct Meter {
    calls: Mutex<BTreeMap<Endpoint, u64>>,
    last_requests: Mutex<BTreeMap<Endpoint, RecordedRequest>>,
    last_refusal: Mutex<Option<String>>,
}

impl Meter {
    pub(super) fn count(&self, endpoint: Endpoint) {
        *lock(&self.calls).entry(endpoint).or_default() += 1;
    }

    pub(super) fn calls(&self, endpoint: Endpoint) -> u64 {
        lock(&self.calls).get(&endpoint).copied().unwrap_or_default()
    }

    pub(super) fn record(&self, endpoint: Endpoint, head: &Parts, body: &str) {
        let request = RecordedRequest {
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            fields: Form::read(body).map(Form::into_pairs).unwrap_or_default(),
        };
        lock(&self.last_requests).insert(endpoint, request);
    }

    pub(super) fn last_request(&self, endpoint: Endpoint) -> Option<RecordedRequest> {
        lock(&self.last_requests).get(&endpoint).cloned()
    }

    /// Notes a refusal for the log and the report. Security: `reason` holds nothing secret.
    pub(super) fn refused(&self, what: &'static str, error: &str, reason: String) {
        tracing::warn!(what, error, reason, "request refused");
        *lock(&self.last_refusal) = Some(format!("{what}: {error}: {reason}"));
    }
}

/// A request to token or revoke as it came, secrets and all.
#[derive(Clone)]
pub struct RecordedRequest {
    /// The query string; there should be none.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The form's fields, decoded, in their order; none if it was no proper form.
    pub fields: Vec<(String, String)>,
}

impl RecordedRequest {
    /// The value of a field; empty if it was not sent.
    pub fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn shown(&self) -> BTreeMap<String, String> {
        const SHOWN: [&str; 4] = ["client_id", "grant_type", "redirect_uri", "token_type_hint"];
        let masked = |(name, value): &(String, String)| {
            let shown = if SHOWN.contains(&name.as_str()) { value } else { "(secret)" };
            (name.clone(), shown.to_owned())
        };
        self.fields.iter().map(masked).collect()
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}
