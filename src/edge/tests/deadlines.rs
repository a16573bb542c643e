//! Every wait for a client ends: each deadline at the value that is shipped, over streams in memory
//! and under a paused clock.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::time::{sleep, timeout};

use super::super::*;
use super::harness::*;
use super::memory::*;

/// Reads until the edge closes, and asserts that nothing came and how long it took.
async fn closed_without_a_byte<T: AsyncRead + Unpin>(stream: T, after: Duration) {
    let clock = Stopwatch::start();
    let end = read_all(stream).await;
    assert!(end.is_empty() || end == "<reset>", "{end}");
    clock.assert_passed(after);
}

#[tokio::test(start_paused = true)]
async fn t53_a_silent_client_is_dropped() {
    let limits = Limits::default();
    let edge = MemoryEdge::plain();
    let Connected { stream, served } = edge.connect();
    closed_without_a_byte(stream, limits.first_byte).await;
    served.await.unwrap();
    // Half a preface of HTTP/2, and no more.
    let Connected { mut stream, served } = edge.connect();
    stream.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    closed_without_a_byte(stream, limits.first_byte).await;
    served.await.unwrap();
    let edge = MemoryEdge::tls();
    // Not one byte, and half a greeting.
    for greeting in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let Connected { mut stream, served } = edge.connect();
        stream.write_all(greeting).await.unwrap();
        closed_without_a_byte(stream, limits.handshake).await;
        served.await.unwrap();
    }
    // Silent after the handshake, in either protocol.
    for protocol in ["h2", "http/1.1"] {
        let (stream, served) = edge.connect_tls(protocol).await;
        closed_without_a_byte(stream, limits.first_byte).await;
        served.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn t53_a_slow_head_gets_408_however_it_trickles() {
    let edge = MemoryEdge::plain();
    let (mut read, mut write) = split(edge.connect().stream);
    let clock = Stopwatch::start();
    let trickle = async {
        write.write_all(b"GET / HTTP/1.1\r\nHost: a").await.unwrap();
        while write.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(700)).await;
        }
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = read_until(&mut read, "\r\n\r\n") => answer,
        () = trickle => unreachable!("it never ends"),
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    clock.assert_passed(Limits::default().head);
}

#[tokio::test(start_paused = true)]
async fn t53_a_later_head_has_the_same_deadline() {
    let edge = MemoryEdge::plain();
    let mut stream = edge.connect().stream;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, "hello").await;
    // Longer than a head may take: an idle connection is something else.
    sleep(Limits::default().head * 2).await;
    let clock = Stopwatch::start();
    let answer = exchange(stream, b"GET / HTTP/1.1\r\nHost:").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    clock.assert_passed(Limits::default().head);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let idle = Limits::default().idle;
    let edge = MemoryEdge::plain();
    let Connected { mut stream, served } = edge.connect();
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    sleep(idle * 3).await;
    edge.service.release.0.add_permits(1);
    let clock = Stopwatch::start();
    let rest = read_all(stream).await;
    assert!(rest.ends_with("held"), "{rest}");
    clock.assert_passed(idle);
    served.await.unwrap();

    let (mut client, running) = http2(edge.connect().stream, 65_535).await;
    let clock = Stopwatch::start();
    assert_eq!(client.send_request(get("/")).await.unwrap().status(), StatusCode::OK);
    timeout(PATIENCE, running).await.expect("still open").unwrap();
    clock.assert_passed(idle);
}

#[tokio::test(start_paused = true)]
async fn t54_a_body_that_does_not_come_is_408() {
    let edge = MemoryEdge::plain();
    let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    let clock = Stopwatch::start();
    let answer = exchange(edge.connect().stream, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    clock.assert_passed(Limits::default().body_idle);
}

#[tokio::test(start_paused = true)]
async fn t54_a_body_that_trickles_is_408() {
    let edge = MemoryEdge::plain();
    let (mut read, mut write) = split(edge.connect().stream);
    write
        .write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        .await
        .unwrap();
    let clock = Stopwatch::start();
    let mut answer = [0; 12];
    let trickle = async {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        read = timeout(PATIENCE, read.read_exact(&mut answer)) => drop(read),
        () = trickle => {}
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
    // One second beyond the idle time is the first one that asks for bytes.
    clock.assert_passed(Limits::default().body_idle + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn t54_a_reader_that_takes_nothing_is_cut_off() {
    let edge = MemoryEdge::plain();
    let Connected { mut stream, served } = edge.connect();
    let clock = Stopwatch::start();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    edge.until_busy(0).await;
    clock.assert_passed(Limits::default().stall);
    served.await.unwrap();
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn t51_a_stream_whose_window_stays_shut_is_reset_and_its_neighbours_live() {
    let edge = MemoryEdge::plain();
    let (mut client, _running) = http2(edge.connect().stream, 100).await;
    let clock = Stopwatch::start();
    let stalled = client.send_request(get("/endless")).await.unwrap();
    edge.until_busy(1).await;
    edge.until_busy(0).await;
    clock.assert_passed(Limits::default().stall);
    let neighbour = client.send_request(get("/")).await.unwrap();
    assert_eq!(neighbour.into_body().collect().await.unwrap().to_bytes(), "hello");
    assert!(stalled.into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_client_going_away_ends_its_request() {
    let edge = MemoryEdge::plain();
    let mut stream = edge.connect().stream;
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    let clock = Stopwatch::start();
    drop(stream);
    edge.until_busy(0).await;
    clock.assert_passed(Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn t52_a_client_that_asks_for_answers_and_reads_none_is_cut_off() {
    let edge = MemoryEdge::plain();
    let mut stream = edge.connect().stream;
    let clock = Stopwatch::start();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let pings = b"\0\0\x08\x06\0\0\0\0\0 pings! ".repeat(1000);
    let flood = async { while stream.write_all(&pings).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("it never ended");
    clock.assert_passed(Limits::default().stall);
}

#[tokio::test(start_paused = true)]
async fn t74_an_end_that_has_begun_does_not_wait_for_silent_clients() {
    let (plain, tls) = (MemoryEdge::plain(), MemoryEdge::tls());
    let (silent, before_handshake) = (plain.connect(), tls.connect());
    let Connected { stream: mut idle, served: kept_alive } = plain.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut idle, "hello").await;
    let clock = Stopwatch::start();
    plain.drain.begin(PATIENCE);
    tls.drain.begin(PATIENCE);
    for served in [silent.served, before_handshake.served, kept_alive] {
        timeout(PATIENCE, served).await.expect("held up").unwrap();
    }
    // A closed connection is read on, so that no answer is lost.
    clock.assert_passed(Limits::default().drain_grace + Limits::default().linger);
}
