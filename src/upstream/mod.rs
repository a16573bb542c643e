//! Floor 2: the web applications behind us.
//!
//! Sends one request to one configured application and streams the answer back, over connections
//! that are kept for the next request. Decides nothing, follows no redirect, and connects to nothing
//! but what a route names (T26, T62).

mod body;
mod connect;
mod error;
mod exchange;
mod key;
mod pool;
mod sent_body;
mod settings;
mod tls;

pub use body::{CutOff, UpstreamBody};
pub use connect::{Upstream, Upstreams};
pub use error::{CertificateDefect, SendError};
pub use exchange::Pool;
pub use settings::{PoolLimits, Scheme, Settings, Target, TlsSettings};
pub use tls::SetupError;

#[cfg(test)]
mod tests;
