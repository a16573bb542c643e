//! The end loses nothing.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::super::*;
use super::harness::*;
use crate::base::tasks::Tasks;

const PATIENT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn t74_what_is_in_flight_finishes_and_the_client_learns_of_the_end() {
    let edge = Edge::plain(Limits::default());
    let mut http1 = edge.connect().await;
    http1.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut client, running) = http2(edge.connect().await, 65_535).await;
    let held = client.send_request(get("/held"));
    edge.until_busy(2).await;
    // Connected, and its request not yet read.
    let mut waiting = edge.connect().await;
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.drain.begin(PATIENT);
    let answer = read_all(waiting).await;
    assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    until(|| std::net::TcpStream::connect(edge.address).is_err()).await;
    edge.service.release.0.add_permits(2);
    let answer = read_all(http1).await;
    assert!(answer.contains("connection: close") && answer.ends_with("held"), "{answer}");
    assert_eq!(held.await.unwrap().status(), StatusCode::OK);
    running.await.unwrap();
    let drained = edge.running.await.unwrap().unwrap();
    assert_eq!(drained, Drained { finished: 3, aborted: 0 });
}

#[tokio::test]
async fn t74_whom_the_kernel_has_let_in_is_answered() {
    for _ in 0..10 {
        let edge = Edge::plain(Limits::default());
        // Nothing is awaited here, so that nothing is accepted before the end begins.
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(edge.address).unwrap();
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
                stream.set_nonblocking(true).unwrap();
                stream
            })
            .collect();
        edge.drain.begin(PATIENT);
        for stream in waiting {
            let answer = read_all(TcpStream::from_std(stream).unwrap()).await;
            assert!(answer.ends_with("hello"), "{answer}");
        }
        assert_eq!(edge.running.await.unwrap().unwrap(), Drained { finished: 5, aborted: 0 });
    }
}

#[tokio::test]
async fn t74_two_hundred_busy_clients_see_no_error() {
    let edge = Edge::plain(Limits { drain_grace: PATIENT, ..Limits::default() });
    let tasks = Tasks::on(Handle::current());
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let (address, answered) = (edge.address, Arc::clone(&answered));
            tasks.run_to_end("client", async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                loop {
                    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
                    let answer = read_until(&mut stream, "hello").await;
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.contains("connection: close") {
                        return;
                    }
                }
            })
        })
        .collect();
    until(|| answered.load(Ordering::SeqCst) > 400).await;
    edge.drain.begin(PATIENT);
    for client in clients {
        client.await.expect("a client saw an error");
    }
    assert_eq!(edge.running.await.unwrap().unwrap().aborted, 0);
}

#[tokio::test]
async fn t74_what_does_not_end_is_cut_off_at_the_deadline() {
    let mut edge = Edge::plain(Limits::default());
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    edge.drain.begin(Duration::from_millis(100));
    assert_eq!((&mut edge.running).await.unwrap().unwrap(), Drained { finished: 0, aborted: 1 });
    edge.until_busy(0).await;
}

#[tokio::test]
async fn t74_silent_connections_do_not_hold_up_the_end() {
    let edge = Edge::tls(Limits::default());
    let silent = edge.connect().await;
    let mut idle = edge.connect_tls("a.example", &["http/1.1"]).await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut idle, "hello").await;
    edge.drain.begin(PATIENT * 2);
    let end = tokio::time::timeout(PATIENT, edge.running).await.expect("held up");
    assert_eq!(end.unwrap().unwrap().aborted, 0);
    drop((silent, idle));
}

#[tokio::test]
async fn workers_share_a_port_and_drain_together() {
    let listeners = bind((Ipv4Addr::LOCALHOST, 0).into(), 3).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let limits = Arc::new(Limits::default());
    let made = Arc::new(AtomicUsize::new(0));
    let workers = {
        let made = Arc::clone(&made);
        Workers::start(listeners, None, &limits, &Slots::new(100, 100), move |worker| {
            assert!(worker.index < 3);
            made.fetch_add(1, Ordering::SeqCst);
            TestService::default()
        })
        .unwrap()
    };
    for _ in 0..20 {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert!(exchange(stream, request).await.ends_with("hello"));
    }
    let drained = workers.drain(PATIENT).await.unwrap();
    assert_eq!(drained.aborted, 0);
    assert_eq!(made.load(Ordering::SeqCst), 3);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn t53_one_address_gets_no_more_than_its_slots() {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::on(Handle::current());
    let (_drain, begun) = DrainStart::new();
    let acceptor = Acceptor {
        listener: Listener::Tcp(listener, Transport::Plain),
        limits: Arc::new(Limits::default()),
        slots: Slots::new(100, 2),
        tasks: tasks.clone(),
        drain: begun,
    };
    drop(tasks.run_to_end("acceptor", acceptor.run(Arc::new(TestService::default()))));
    let held =
        [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let third = TcpStream::connect(address).await.unwrap();
    assert_eq!(read_all(third).await, "");
    drop(held);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    loop {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = stream;
        if stream.write_all(request).await.is_ok() && read_all(stream).await.ends_with("hello") {
            break;
        }
    }
}

#[tokio::test]
async fn t53_a_connection_that_ends_gives_its_slot_back() {
    let edge = Edge::plain(Limits::default());
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(exchange(edge.connect().await, request).await.ends_with("hello"));
    // The accept loop itself holds one of the thousand.
    until(|| edge.slots.free() == 999).await;
}
