//! Nobody may take for ever.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::*;
use super::harness::*;

#[tokio::test]
async fn t53_a_silent_client_is_dropped() {
    let edge = Edge::plain(short());
    assert_eq!(read_all(edge.connect().await).await, "");
    // Half a preface of HTTP/2, and no more.
    assert_eq!(exchange(edge.connect().await, b"PRI * HTTP/2.0\r\n").await, "");
    let edge = Edge::tls(short());
    // Not one byte, and half a greeting.
    assert_eq!(read_all(edge.connect().await).await, "");
    assert_eq!(exchange(edge.connect().await, b"\x16\x03\x01\x02\x00\x01").await, "");
    // Silent after the handshake, in either protocol.
    for protocol in ["h2", "http/1.1"] {
        let stream = edge.connect_tls("a.example", &[protocol]).await;
        let end = read_all(stream).await;
        assert!(end.is_empty() || end == "<reset>", "{protocol}: {end}");
    }
    // The accept loop itself holds one.
    until(|| edge.slots.free() == 999).await;
}

#[tokio::test]
async fn t53_a_slow_head_gets_408_however_it_trickles() {
    let edge = Edge::plain(short());
    let (mut read, mut write) = edge.connect().await.into_split();
    let mut answer = String::new();
    let trickle = async {
        write.write_all(b"GET / HTTP/1.1\r\nHost: a").await.unwrap();
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        end = tokio::time::timeout(PATIENCE, read.read_to_string(&mut answer)) => drop(end),
        () = trickle => {}
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn t53_a_later_head_has_the_same_deadline() {
    let edge = Edge::plain(short());
    let mut stream = edge.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, "hello").await;
    // Longer than a head may take: an idle connection is something else.
    tokio::time::sleep(short().head * 2).await;
    let answer = exchange(stream, b"GET / HTTP/1.1\r\nHost:").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let edge = Edge::plain(Limits { idle: Duration::from_millis(150), ..short() });
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    edge.service.release.0.add_permits(1);
    let rest = read_all(stream).await;
    assert!(rest.ends_with("held"), "{rest}");

    let (mut client, running) = http2(edge.connect().await, 65_535).await;
    assert_eq!(client.send_request(get("/")).await.unwrap().status(), StatusCode::OK);
    tokio::time::timeout(PATIENCE, running).await.expect("still open").unwrap();
}

#[tokio::test]
async fn t54_a_body_that_does_not_come_is_408() {
    let edge = Edge::plain(short());
    let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    let answer = exchange(edge.connect().await, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn t54_a_body_that_trickles_is_408() {
    let limits = Limits { body_idle: Duration::from_millis(500), ..short() };
    let edge = Edge::plain(limits);
    let (mut read, mut write) = edge.connect().await.into_split();
    write
        .write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    let trickle = async {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        read = tokio::time::timeout(PATIENCE, read.read_exact(&mut answer)) => drop(read),
        () = trickle => {}
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn t54_a_reader_that_takes_nothing_is_cut_off() {
    let edge = Edge::plain(short());
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    edge.until_busy(0).await;
    drop(stream);
}

#[tokio::test]
async fn t51_a_stream_whose_window_stays_shut_is_reset_and_its_neighbours_live() {
    let edge = Edge::plain(short());
    let (mut client, _running) = http2(edge.connect().await, 100).await;
    let stalled = client.send_request(get("/endless")).await.unwrap();
    edge.until_busy(1).await;
    edge.until_busy(0).await;
    let neighbour = client.send_request(get("/")).await.unwrap();
    assert_eq!(neighbour.into_body().collect().await.unwrap().to_bytes(), "hello");
    assert!(stalled.into_body().collect().await.is_err());
}

#[tokio::test]
async fn the_client_going_away_ends_its_request() {
    let edge = Edge::plain(short());
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    edge.until_busy(1).await;
    drop(stream);
    edge.until_busy(0).await;
}

#[tokio::test]
async fn t52_a_client_that_asks_for_answers_and_reads_none_is_cut_off() {
    let edge = Edge::plain(short());
    let mut stream = edge.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let pings = b"\0\0\x08\x06\0\0\0\0\0 pings! ".repeat(1000);
    let flood = async { while stream.write_all(&pings).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, flood).await.expect("it never ended");
}
