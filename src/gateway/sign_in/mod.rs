//! What a browser carries while it signs in, and once it has.

pub(crate) mod browser;
pub(crate) mod cookies;
