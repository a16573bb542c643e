//! Floor 2: sessions and what leads to them: the sealed cookie, the attempt, the ticket, the
//! return address, and whether a session still lives.

mod settings;

pub use settings::{CookieSettings, SameSite, Settings};
