//! Floor 2: sessions and what leads to them: the sealed cookie, the sign-in link, the attempt, the
//! ticket, the return address, revocations, and whether a session is alive.
//!
//! Nothing here is stored but revocations. Everything that begins travels in the browser, sealed.

pub mod attempt;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod lifecycle;
pub mod link;
pub mod return_address;
pub mod revocations;
pub mod sealed_cookie;
mod settings;
pub mod ticket;

pub use settings::{CookieSettings, SameSite, Settings};

use crate::base::ids::SessionId;
use crate::base::time::Timestamp;
use crate::identity::Identity;

/// One sign-in of one person. All cookies that grow from it carry its id.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names the sign-in.
    pub id: SessionId,
    /// Who signed in.
    pub identity: Identity,
    /// When, by our clock.
    pub begun_at: Timestamp,
    /// When it ends by itself; fixed at sign-in (`cookie_expire`).
    pub expires_at: Timestamp,
}
