//! Floor 2: the identity provider.

pub mod key_file;
mod settings;

pub use settings::{APPLE, ClientSecretSource, KeyIdentity, Settings};
