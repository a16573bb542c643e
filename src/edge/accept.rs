//! The accept loop of one listener. It survives a shortage of files or memory, keeps to the limits,
//! and at shutdown serves every connection that the kernel has accepted.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::connection::Connections;
use super::drain::Drain;
use super::limits::Limits;
use super::service::Service;
use super::slots::{Slot, Slots};
use super::transport::Transport;
use crate::base::tasks::Tasks;

/// Accepts connections from one listening socket and has a service answer them, on the runtime that
/// calls [`Acceptor::run`].
pub struct Acceptor {
    /// Where connections come in.
    pub listener: Listener,
    /// Limits of its connections.
    pub limits: Arc<Limits>,
    /// How many connections there may be, shared with all other listeners.
    pub slots: Arc<Slots>,
    /// Owns the connections.
    pub tasks: Tasks,
    /// Ends it.
    pub drain: Drain,
}

/// Where connections come in. HTTP/3 joins here, with a UDP socket.
#[derive(Debug)]
pub enum Listener {
    /// HTTP/1 and HTTP/2 on an open listening socket, as [`super::bind`] makes it.
    Tcp(StdListener, Transport),
}

/// What became of the connections that were open when a shutdown began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Ended by themselves in time.
    pub finished: usize,
    /// Cut off at the deadline.
    pub aborted: usize,
}

impl Acceptor {
    /// Serves until the drain begins, then brings the open connections to their end and cuts off
    /// those that have not ended in time.
    ///
    /// # Errors
    /// When the listener cannot be used at all; a failing accept is logged and survived.
    pub async fn run<S: Service>(self, service: Arc<S>) -> io::Result<Drained> {
        let Self { listener, limits, slots, tasks, drain } = self;
        let Listener::Tcp(listener, transport) = listener;
        let mut draining = drain.clone();
        let connections =
            Arc::new(Connections { service, transport, limits, tasks: tasks.clone(), drain });
        let listener = TcpListener::from_std(listener)?;
        let open = Arc::new(Open::default());
        let start = |stream: TcpStream, peer: SocketAddr, slot: Slot| {
            let connections = Arc::clone(&connections);
            let counted = open.one_more();
            tasks.run_until_stopped("connection", async move {
                connections.serve(stream, peer).await;
                drop((slot, counted));
            });
        };
        let patience = tokio::select! {
            never = accept_all(&listener, &slots, &connections, &start) => match never {},
            patience = draining.begun() => patience,
        };
        // The kernel has accepted these clients, and they wait for an answer.
        let listener = listener.into_std()?;
        while let Some(room) = slots.try_room()
            && let Ok((stream, peer)) = listener.accept()
        {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match (stream, slots.take(room, peer.ip())) {
                (Ok(stream), Some(slot)) => start(stream, peer, slot),
                (Ok(_), None) => connections.too_many_from(peer),
                (Err(error), _) => tracing::debug!(%error, "a connection cannot be served"),
            }
        }
        drop(listener);
        let before = open.count();
        let in_time = timeout(patience, open.none_left()).await.is_ok();
        let aborted = if in_time { 0 } else { open.count() };
        tasks.stop();
        Ok(Drained { finished: before.saturating_sub(aborted), aborted })
    }
}

/// Accepts without end.
async fn accept_all<S: Service>(
    listener: &TcpListener,
    slots: &Arc<Slots>,
    connections: &Connections<S>,
    start: &impl Fn(TcpStream, SocketAddr, Slot),
) -> Infallible {
    loop {
        let room = slots.room().await;
        match listener.accept().await {
            Ok((stream, peer)) => match slots.take(room, peer.ip()) {
                Some(slot) => start(stream, peer, slot),
                None => connections.too_many_from(peer),
            },
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                // Out of files or memory: it passes when connections end (T76).
                tracing::warn!(%error, "cannot accept connections at the moment");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether only this one connection is lost, because its client went away while it waited.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Counts open connections and wakes who waits for the last one to end.
#[derive(Default)]
struct Open {
    count: AtomicUsize,
    changed: Notify,
}

impl Open {
    fn one_more(self: &Arc<Self>) -> Counted {
        self.count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    async fn none_left(&self) {
        loop {
            let changed = self.changed.notified();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }
}

struct Counted(Arc<Open>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t53_a_shortage_pauses_and_a_lost_client_does_not() {
        let too_many_files = io::Error::from_raw_os_error(24);
        assert!(!is_the_clients(&too_many_files));
        assert!(is_the_clients(&io::ErrorKind::ConnectionAborted.into()));
    }
}
