//! The service learns of each refusal of the edge once, with what is known of the request.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::*;
use super::harness::*;
use super::memory::*;
use crate::base::tasks::Tasks;

/// What the service learns of raw bytes over HTTP/1, after the connection has ended.
async fn told_of(edge: &MemoryEdge, request: &str) -> (String, Vec<Refused>) {
    let Connected { stream, served } = edge.connect();
    let answer = exchange(stream, request.as_bytes()).await;
    timeout(PATIENCE, served).await.expect("it never ended").unwrap();
    (answer, edge.service.taken_refusals())
}

fn known(host: &str, path: &str) -> Option<(String, String)> {
    Some((host.to_owned(), path.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_read_head_is_told_once_with_host_and_path() {
    let edge = MemoryEdge::plain();
    let long = format!("/{}", "x".repeat(16 * 1024));
    for (request, refusal, path) in [
        (
            "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
            EarlyRefusal::BadFraming,
            "/a",
        ),
        (
            format!("GET {long} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            EarlyRefusal::TargetTooLong,
            long.as_str(),
        ),
        (
            "GET /panic HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
            EarlyRefusal::Panic,
            "/panic",
        ),
    ] {
        let (answer, refusals) = told_of(&edge, &request).await;
        assert!(answer.contains(refusal.status().as_str()), "{answer}");
        assert_eq!(refusals, [(refusal, known("a", path))]);
    }
    let (mut client, _running) = http2(edge.connect().stream, 65_535).await;
    let mut many = get("/many");
    for _ in 0..129 {
        many.headers_mut().append("x", "y".parse().unwrap());
    }
    let answer = client.send_request(many).await.unwrap();
    assert_eq!(answer.status(), EarlyRefusal::TooManyFields.status());
    drop(answer.into_body().collect().await);
    let expected = (EarlyRefusal::TooManyFields, known("a.example", "/many"));
    assert_eq!(edge.service.taken_refusals(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn what_the_library_refuses_by_itself_is_told_once() {
    let edge = MemoryEdge::plain();
    let field = format!("X: {}\r\n", "x".repeat(70_000));
    let fields = "X: y\r\n".repeat(200);
    for (request, refusal) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n".to_owned(), EarlyRefusal::Malformed),
        ("\x01\x02 nothing known\r\n\r\n".to_owned(), EarlyRefusal::Malformed),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), EarlyRefusal::Malformed),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(), EarlyRefusal::Malformed),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n"), EarlyRefusal::HeaderTooLarge),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), EarlyRefusal::HeaderTooLarge),
        // A head that never ends: the deadline of the edge.
        ("GET / HTTP/1.1\r\nHost:".to_owned(), EarlyRefusal::HeadDeadline),
    ] {
        let (answer, refusals) = told_of(&edge, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", refusal.status().as_str())), "{answer}");
        assert_eq!(refusals, [(refusal, None)], "{request:?}");
    }
    // A later request of a connection, after one that was answered.
    let (answer, refusals) = told_of(&edge, "GET / HTTP/1.1\r\nHost: a\r\n\r\n\x01\r\n\r\n").await;
    assert!(answer.contains("hello") && answer.contains("HTTP/1.1 400"), "{answer}");
    assert_eq!(refusals, [(EarlyRefusal::Malformed, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_another_protocol_than_agreed_is_told_once() {
    let edge = MemoryEdge::tls();
    for (protocol, bytes) in [
        ("h2", &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..]),
        ("http/1.1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        let (mut stream, served) = edge.connect_tls(protocol).await;
        stream.write_all(bytes).await.unwrap();
        drop(read_all(stream).await);
        timeout(PATIENCE, served).await.expect("it never ended").unwrap();
        let refusals = edge.service.taken_refusals();
        assert_eq!(refusals, [(EarlyRefusal::WrongPreface, None)], "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_without_end_is_told_once() {
    let edge = MemoryEdge::start(Limits { cancellations: 3, ..Limits::default() }, false);
    let Connected { stream, served } = edge.connect();
    let (mut client, _running) = http2(stream, 65_535).await;
    for _ in 0..8 {
        let Ok(()) = client.ready().await else { break };
        let request = client.send_request(get("/held"));
        drop(timeout(std::time::Duration::from_millis(5), request).await);
    }
    timeout(PATIENCE, served).await.expect("it never ended").unwrap();
    assert_eq!(edge.service.taken_refusals(), [(EarlyRefusal::TooManyCancellations, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_is_not_a_refusal() {
    for edge in [MemoryEdge::plain(), MemoryEdge::tls()] {
        let Connected { stream, served } = edge.connect();
        assert_eq!(read_all(stream).await, "");
        served.await.unwrap();
        drop(edge.connect().stream);
        assert_eq!(edge.service.taken_refusals(), []);
    }
    // Going away in the middle of a head is not one either.
    let edge = MemoryEdge::plain();
    let Connected { mut stream, served } = edge.connect();
    stream.write_all(b"GET / HT").await.unwrap();
    drop(stream);
    timeout(PATIENCE, served).await.expect("it never ended").unwrap();
    assert_eq!(edge.service.taken_refusals(), []);
}

#[tokio::test]
async fn one_connection_too_many_is_told_once() {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::on(Handle::current());
    let (_drain, begun) = DrainStart::new();
    let service = TestService::default();
    let acceptor = Acceptor {
        listener: Listener::Tcp(listener, Transport::Plain),
        limits: Arc::new(Limits::default()),
        slots: Slots::new(100, 1),
        tasks: tasks.clone(),
        drain: begun,
    };
    drop(tasks.run_to_end("acceptor", acceptor.run(Arc::new(service.clone()))));
    let held = TcpStream::connect(address).await.unwrap();
    assert_eq!(read_all(TcpStream::connect(address).await.unwrap()).await, "");
    assert_eq!(service.taken_refusals(), [(EarlyRefusal::TooManyConnections, None)]);
    drop(held);
}
