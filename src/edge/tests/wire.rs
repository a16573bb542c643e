//! What is let in, what is refused, and what a client sees when something goes wrong.

use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use tokio::io::AsyncWriteExt as _;

use super::super::*;
use super::harness::*;

#[tokio::test]
async fn http1_and_prior_knowledge_http2_share_a_plain_port() {
    let edge = Edge::plain(Limits::default());
    let answer =
        exchange(edge.connect().await, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    let (mut client, _) = http2(edge.connect().await, 65_535).await;
    let answer = client.send_request(get("/")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
}

#[tokio::test]
async fn http10_with_a_host_is_served() {
    let edge = Edge::plain(Limits::default());
    let answer = exchange(edge.connect().await, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn t07_two_lengths_get_400_and_the_connection_ends() {
    let edge = Edge::plain(Limits::default());
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 5\r\nContent-Length: 5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Content-Length:",
    ] {
        let request = format!(
            "POST /upload HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\n\
             GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = exchange(edge.connect().await, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{fields}: {answer}");
    }
    assert_eq!(edge.service.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn t07_chunked_bodies_and_kept_connections_still_work() {
    let edge = Edge::plain(Limits::default());
    let mut stream = edge.connect().await;
    for _ in 0..3 {
        let upload = b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5\r\nabcde\r\n0\r\n\r\n";
        stream.write_all(upload).await.unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n5").await.starts_with("HTTP/1.1 200 OK"));
        stream
            .write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
            .await
            .unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n2").await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn t55_heads_are_bounded_over_http1() {
    let limits = Limits::default();
    let edge = Edge::plain(Limits::default());
    let head =
        |fields: String| format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    let status = async |head: String| {
        let answer = exchange(edge.connect().await, head.as_bytes()).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let bytes = limits.head_bytes as usize;
    let overhead = head("X: \r\n".into()).len();
    let long = |length: usize| head(format!("X: {}\r\n", "x".repeat(length - overhead)));
    assert_eq!(status(long(bytes)).await, "200");
    assert_eq!(status(long(bytes + 1)).await, "431");
    assert_eq!(status(long(bytes * 4)).await, "431");
    let many = |count: usize| head("X: y\r\n".repeat(count - 2));
    assert_eq!(status(many(limits.head_fields)).await, "200");
    assert_eq!(status(many(limits.head_fields + 1)).await, "431");
    let target = |length: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "x".repeat(length - 1))
    };
    assert_eq!(status(target(limits.target_bytes)).await, "200");
    assert_eq!(status(target(limits.target_bytes + 1)).await, "414");
}

#[tokio::test]
async fn t55_heads_are_bounded_over_http2() {
    let edge = Edge::plain(Limits::default());
    let status = async |request: Request<Empty<bytes::Bytes>>| {
        let (mut client, _) = http2(edge.connect().await, 65_535).await;
        client.send_request(request).await.map(|answer| answer.status())
    };
    let many = |count: usize| {
        let mut request = get("/");
        for _ in 0..count {
            request.headers_mut().append("x", "y".parse().unwrap());
        }
        request
    };
    assert_eq!(status(many(128)).await.unwrap(), StatusCode::OK);
    assert_eq!(status(many(129)).await.unwrap(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let mut long = get("/");
    long.headers_mut().insert("x", "x".repeat(70_000).parse().unwrap());
    assert!(!status(long).await.is_ok_and(|status| status == StatusCode::OK));
    let target = get(&format!("/{}", "x".repeat(16 * 1024)));
    assert_eq!(status(target).await.unwrap(), StatusCode::URI_TOO_LONG);
}

async fn whole(client: &mut Http2, path: &str) -> hyper::Result<bytes::Bytes> {
    let answer = client.send_request(get(path)).await?;
    Ok(answer.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn t86_a_panic_is_500_for_one_request_and_nothing_for_the_others() {
    let edge = Edge::plain(Limits::default());
    let (mut client, _) = http2(edge.connect().await, 65_535).await;
    let other = client.send_request(get("/held"));
    let answer = client.send_request(get("/panic")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("the test wants it"));
    assert!(whole(&mut client, "/panic-in-body").await.is_err());
    edge.service.release.0.add_permits(1);
    assert_eq!(other.await.unwrap().status(), StatusCode::OK);

    // The same over HTTP/1: even the connection lives on.
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(read_until(&mut stream, "defect").await.starts_with("HTTP/1.1 500 "));
    let next = exchange(stream, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(next.starts_with("HTTP/1.1 200 OK"), "{next}");
    let cut =
        exchange(edge.connect().await, b"GET /panic-in-body HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!cut.ends_with("0\r\n\r\n"), "{cut}");
}

#[tokio::test]
async fn t78_a_cut_answer_looks_cut_to_the_client() {
    let edge = Edge::plain(Limits::default());
    let cut = exchange(edge.connect().await, b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(cut.contains("half") && !cut.contains("0\r\n\r\n"), "{cut}");
    // HTTP/1.0 knows no length here, so that only a reset tells.
    let cut = exchange(edge.connect().await, b"GET /cut HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(cut.ends_with("<reset>"), "{cut}");
    let (mut client, _) = http2(edge.connect().await, 65_535).await;
    assert!(whole(&mut client, "/cut").await.is_err());
}

#[tokio::test]
async fn an_answer_before_the_body_was_read_arrives() {
    let edge = Edge::plain(Limits::default());
    let mut stream = edge.connect().await;
    let head = b"POST /ignore-upload HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let answer = read_until(&mut stream, "too much").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Who still sends is not met with a reset, which could overtake the answer.
    for _ in 0..5 {
        stream.write_all(&[b'x'; 1000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(read_all(stream).await, "");
}

#[tokio::test]
async fn t50_a_client_that_gives_up_requests_without_end_is_cut_off() {
    let edge = Edge::plain(Limits { cancellations: 20, ..Limits::default() });
    let (mut client, running) = http2(edge.connect().await, 65_535).await;
    for _ in 0..60 {
        let Ok(()) = client.ready().await else { break };
        let before = edge.service.calls.load(std::sync::atomic::Ordering::SeqCst);
        let request = client.send_request(get("/held"));
        tokio::select! {
            _ = request => {}
            () = until(|| edge.service.calls.load(std::sync::atomic::Ordering::SeqCst) > before) => {}
        }
    }
    tokio::time::timeout(PATIENCE, running).await.expect("still open").unwrap();
    assert!(edge.service.calls.load(std::sync::atomic::Ordering::SeqCst) <= 25);
    edge.until_busy(0).await;
}
