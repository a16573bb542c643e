//! One thread with one single-threaded runtime for each worker, which shares nothing with the others
//! on the way of a request: it has its own listening socket, service and upstream connections.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::accept::{Acceptor, Drained, Listener};
use super::drain::DrainStart;
use super::limits::Limits;
use super::service::Service;
use super::slots::Slots;
use crate::base::tasks::Tasks;

/// The thread of one worker, as the function that makes its service sees it.
#[derive(Clone, Debug)]
pub struct WorkerThread {
    /// Number of the worker, from 0.
    pub index: usize,
    /// Owns what the service starts in the background, on the worker's own runtime.
    pub tasks: Tasks,
}

/// The running workers. They serve until [`Workers::drain`].
#[derive(Debug)]
pub struct Workers {
    drain: DrainStart,
    running: Vec<oneshot::Receiver<io::Result<Drained>>>,
}

impl Workers {
    /// Starts one worker for each listener. `service` is called once on each worker's thread.
    ///
    /// # Errors
    /// When a thread or runtime cannot be started; the workers started before it stop.
    pub fn start<S, F>(
        listeners: Vec<TcpListener>,
        tls: Option<&TlsAcceptor>,
        limits: &Arc<Limits>,
        slots: &Arc<Slots>,
        service: F,
    ) -> io::Result<Self>
    where
        S: Service,
        F: Fn(WorkerThread) -> S + Clone + Send + 'static,
    {
        let (drain, begun) = DrainStart::new();
        let mut running = Vec::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let tasks = Tasks::on(runtime.handle().clone());
            let acceptor = Acceptor {
                listener: Listener::Tcp(listener, tls.cloned().into()),
                limits: Arc::clone(limits),
                slots: Arc::clone(slots),
                tasks: tasks.clone(),
                drain: begun.clone(),
            };
            let service = service.clone();
            let (ended, end) = oneshot::channel();
            thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                let drained = runtime.block_on(async {
                    acceptor.run(Arc::new(service(WorkerThread { index, tasks }))).await
                });
                if let Err(error) = &drained {
                    tracing::error!(index, %error, "a worker cannot serve its listener");
                }
                // What may be left are look-ups of names, which nobody waits for any longer.
                runtime.shutdown_background();
                // Nobody asks where the workers were dropped instead of drained.
                drop(ended.send(drained));
            })?;
            running.push(end);
        }
        Ok(Self { drain, running })
    }

    /// Stops accepting, lets what is in flight finish, and cuts off what is left after `patience`.
    ///
    /// # Errors
    /// When a worker could not serve its listener, or died.
    pub async fn drain(self, patience: Duration) -> io::Result<Drained> {
        self.drain.begin(patience);
        let mut all = Drained::default();
        for worker in self.running {
            let one = worker.await.map_err(|_| io::Error::other("a worker died"))??;
            all.finished += one.finished;
            all.aborted += one.aborted;
        }
        Ok(all)
    }
}
