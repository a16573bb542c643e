//! Floor 2: the identity provider. [`AppleProvider`] is the way in: it says where a browser signs
//! in and turns what comes back into a person.
//!
//! *Invariant:* an [`Identity`](crate::identity::Identity) comes from a [`VerifiedIdToken`], which
//! only `id_token::verify` makes. Nothing is learnt from Apple's answers but keys and tokens; only
//! `client` talks to the outside.

mod authorize;
mod callback;
mod client;
pub mod client_secret;
mod connections;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod id_token;
mod json;
pub mod key_file;
mod keys;
mod provider;
mod settings;
pub mod shape;
mod shown;
#[cfg(any(test, fuzzing))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#[cfg_attr(not(test), expect(dead_code, reason = "fuzzing needs the keys and tokens alone"))]
mod testing;
mod token;

pub use authorize::OWN_PARAMETERS;
pub use callback::{Callback, CallbackError};
pub use client::{CallError, ClientError, Timeouts};
pub use connections::Connections;
pub use id_token::{IdTokenError, VerifiedIdToken};
pub use keys::{FetchError, KeySetError, KeysUnavailable};
pub use provider::{AppleProvider, CompletionError, Fault, ProviderError, Remedy, SignedIn};
pub use settings::{APPLE, ClientSecretSource, KeyIdentity, Settings};
pub use token::{ClientRefused, TokenError};
