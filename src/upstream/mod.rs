//! Floor 2: the web applications behind us.

mod settings;

pub use settings::{Scheme, Settings, Target, TlsSettings};
