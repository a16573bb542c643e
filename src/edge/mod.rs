//! Floor 2: listeners and connections: everything between a socket and one HTTP request.
//!
//! Knows TCP, TLS, HTTP/1 and HTTP/2, their limits and deadlines; knows nothing of routes, sessions
//! or policies. What answers a request is a [`Service`], which the rooms above bring along.
//!
//! *Invariant:* which runtime a request runs on is known here and to `base::tasks` alone.

mod accept;
mod body;
mod connection;
mod drain;
mod drive;
mod framing;
mod io;
mod limits;
mod listener;
mod progress;
mod redirect;
mod refusal;
mod service;
mod slots;
mod tls;
mod transport;
mod watch;
mod workers;

pub use accept::{Acceptor, Drained, Listener};
pub use body::{BodyError, RequestBody, ResponseBody};
pub use drain::{Drain, DrainStart};
pub use limits::Limits;
pub use listener::{BindError, bind};
pub use redirect::Redirect;
pub use refusal::{EarlyRefusal, RefusedHead};
pub use service::{ConnectionInfo, Service};
pub use slots::Slots;
pub use tls::{CertificateSet, Certificates, TlsError};
pub use transport::Transport;
pub use workers::{WorkerThread, Workers};

#[cfg(test)]
mod tests;
