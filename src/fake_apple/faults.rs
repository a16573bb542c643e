//! What shall go wrong next: set by a test in the same process, or over HTTP (`POST /fake/faults`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::base::lock::lock;

/// Most faults that wait at a time.
const MAX_WAITING: usize = 1_000;

/// An endpoint that is counted and can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `GET /.well-known/openid-configuration`
    Discovery,
    /// `GET /auth/authorize`
    Authorize,
    /// `GET /auth/keys`
    Keys,
    /// `POST /auth/token`
    Token,
    /// `POST /auth/revoke`
    Revoke,
}

/// What goes wrong with one answer of an endpoint. Where the answer is not made from the proper one,
/// the request is not carried out: the code is not spent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerFault {
    /// The proper answer comes late: after this time, or once [`Faults::clear`] is called.
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The proper answer stops half-way, as truncated JSON of the length that it announces.
    Truncated,
    /// The proper JSON answer without some members: `id_token` in March 2021.
    Without {
        /// Their names.
        members: Vec<String>,
    },
    /// A status and nothing else: 429, 500.
    Status {
        /// Which.
        status: u16,
    },
    /// The error page of some server in between, status 502.
    Html,
    /// Status 400 and an error of the protocol: `invalid_grant`, `invalid_client`.
    Error {
        /// `error`.
        error: String,
        /// `error_description`.
        #[serde(default)]
        description: Option<String>,
    },
    /// This, verbatim, as JSON with status 200: an empty or poisoned key set.
    Body {
        /// The body.
        body: String,
    },
    /// A redirect to somewhere else.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// Where to.
        location: String,
    },
    /// The connection is closed without an answer.
    Disconnect,
    /// JSON that goes on for this long.
    Large {
        /// How long; 64 MiB at most.
        bytes: usize,
    },
    /// Some kilobytes of gzip that unpack to 64 MiB.
    GzipBomb,
}

impl AnswerFault {
    /// `value` instead of the proper JSON, with status 200.
    pub fn json(value: &Value) -> Self {
        Self::Body { body: value.to_string() }
    }

    /// An error of the protocol without a description.
    pub fn error(error: &str) -> Self {
        Self::Error { error: error.to_owned(), description: None }
    }
}

/// What is wrong with one id_token. Faults of claims and header come before the signature, so such a
/// token is signed properly.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum IdTokenFault {
    /// These claims, whatever they were: another `sub`, a number where text belongs.
    Set {
        /// Name and value.
        claims: Map<String, Value>,
    },
    /// Without these claims.
    Remove {
        /// Their names.
        claims: Vec<String>,
    },
    /// Made for another client.
    WrongAudience,
    /// Issued by `https://account.apple.com`, as Apple's discovery said in June 2025.
    WrongIssuer,
    /// The nonce of another sign-in.
    OtherNonce,
    /// Issued yesterday, expired an hour ago.
    Expired,
    /// Issued an hour from now.
    FromTheFuture,
    /// `at_hash` of another access token.
    WrongAccessTokenHash,
    /// These members in the header: `jku`, `crit`, another `alg`; null takes one out. The signature
    /// stays RS256.
    Header {
        /// Name and value.
        members: Map<String, Value>,
    },
    /// Under the name of a key that is in no set.
    UnknownKid,
    /// `alg` none and no signature.
    AlgNone,
    /// HS256 with the public key (as PEM) for a secret.
    HmacWithPublicKey,
    /// One byte of the signature is another.
    BadSignature,
    /// This text instead.
    Verbatim {
        /// The whole token.
        id_token: String,
    },
}

impl IdTokenFault {
    /// The claims of a JSON object, whatever they were; nothing for other JSON.
    pub fn set(claims: &Value) -> Self {
        Self::Set { claims: claims.as_object().cloned().unwrap_or_default() }
    }

    /// Without one claim.
    pub fn remove(claim: &str) -> Self {
        Self::Remove { claims: vec![claim.to_owned()] }
    }
}

/// Faults that wait for their answer, first in, first out, for each endpoint and for id_tokens.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Waiting>,
    cleared: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    answers: BTreeMap<Endpoint, VecDeque<Repeated<AnswerFault>>>,
    id_tokens: VecDeque<Repeated<Vec<IdTokenFault>>>,
}

#[derive(Debug)]
struct Repeated<T> {
    fault: T,
    times: u32,
}

impl Faults {
    /// The next answer of `endpoint` goes wrong.
    pub fn next(&self, endpoint: Endpoint, fault: AnswerFault) {
        self.repeat(endpoint, fault, 1);
    }

    /// The next `times` answers of `endpoint` go wrong; `u32::MAX` is until [`Faults::clear`].
    pub fn repeat(&self, endpoint: Endpoint, fault: AnswerFault, times: u32) {
        push(self.waiting().answers.entry(endpoint).or_default(), fault, times);
    }

    /// The next id_token has all of `faults`, in this order.
    pub fn next_id_token(&self, faults: impl IntoIterator<Item = IdTokenFault>) {
        self.repeat_id_token(faults, 1);
    }

    /// The next `times` id_tokens have all of `faults`.
    pub fn repeat_id_token(&self, faults: impl IntoIterator<Item = IdTokenFault>, times: u32) {
        push(&mut self.waiting().id_tokens, faults.into_iter().collect(), times);
    }

    /// Everything goes well again, and answers that are delayed come now.
    pub fn clear(&self) {
        *self.waiting() = Waiting::default();
        self.cleared.notify_waiters();
    }

    /// Ends at the next [`Faults::clear`] after this call.
    pub(super) fn cleared(&self) -> Notified<'_> {
        self.cleared.notified()
    }

    /// How many answers and id_tokens will go wrong.
    pub fn waiting_count(&self) -> u64 {
        let waiting = self.waiting();
        let answers = waiting.answers.values().flatten().map(|fault| u64::from(fault.times));
        let id_tokens = waiting.id_tokens.iter().map(|fault| u64::from(fault.times));
        answers.chain(id_tokens).sum()
    }

    pub(super) fn take(&self, endpoint: Endpoint) -> Option<AnswerFault> {
        pop(self.waiting().answers.get_mut(&endpoint)?)
    }

    pub(super) fn take_id_token(&self) -> Vec<IdTokenFault> {
        pop(&mut self.waiting().id_tokens).unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }
}

fn push<T>(queue: &mut VecDeque<Repeated<T>>, fault: T, times: u32) {
    if times > 0 && queue.len() < MAX_WAITING {
        queue.push_back(Repeated { fault, times });
    }
}

fn pop<T: Clone>(queue: &mut VecDeque<Repeated<T>>) -> Option<T> {
    let first = queue.front_mut()?;
    let fault = first.fault.clone();
    first.times = first.times.saturating_sub(if first.times == u32::MAX { 0 } else { 1 });
    if first.times == 0 {
        queue.pop_front();
    }
    Some(fault)
}

/// What `POST /fake/faults` takes: a fault for one or more endpoints, for id_tokens, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    #[serde(default = "once")]
    times: u32,
    discovery: Option<AnswerFault>,
    authorize: Option<AnswerFault>,
    keys: Option<AnswerFault>,
    token: Option<AnswerFault>,
    revoke: Option<AnswerFault>,
    #[serde(default)]
    id_token: Vec<IdTokenFault>,
}

fn once() -> u32 {
    1
}

impl Order {
    pub(super) fn carry_out(self, faults: &Faults) {
        let answers = [
            (Endpoint::Discovery, self.discovery),
            (Endpoint::Authorize, self.authorize),
            (Endpoint::Keys, self.keys),
            (Endpoint::Token, self.token),
            (Endpoint::Revoke, self.revoke),
        ];
        for (endpoint, fault) in answers {
            if let Some(fault) = fault {
                faults.repeat(endpoint, fault, self.times);
            }
        }
        if !self.id_token.is_empty() {
            faults.repeat_id_token(self.id_token, self.times);
        }
    }
}
