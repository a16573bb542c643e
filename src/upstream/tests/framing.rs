//! What the application receives, and what its answers may look like.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, LOCATION, TRANSFER_ENCODING};
use http::{HeaderValue, Method};

use super::super::*;
use super::harness::*;

#[tokio::test]
async fn t07_framing_is_ours_and_never_the_clients() {
    let app = App::answering(OK).await;
    let way = Way::to(&app);
    let mut lying = request(Method::POST, "/", "abc");
    lying.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1"));
    lying.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("gzip"));
    lying.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    way.text(lying).await;
    let received = app.received(0);
    assert!(received.starts_with("POST / HTTP/1.1\r\n"), "{received}");
    assert!(received.contains("content-length: 3\r\n") && received.ends_with("\r\n\r\nabc"));
    assert!(!received.contains("gzip") && !received.contains("expect"), "{received}");
    assert!(received.contains(&format!("host: app.localhost:{}\r\n", app.address.port())));
}

#[tokio::test]
async fn bodies_of_unknown_length_are_chunked_whatever_the_method() {
    let app = App::start(vec![vec![Do::Until("0\r\n\r\n"), say(OK), Do::Again]]).await;
    let way = Way::to(&app);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let (sender, body) = streamed();
        let mut upload = request(method, "/", "");
        *upload.body_mut() = body;
        sender.send(data("abc")).unwrap();
        sender.send(trailers("x-pomerium-jwt-assertion", "forged")).unwrap();
        drop(sender);
        assert_eq!(way.text(upload).await, "hello");
    }
    let received = app.received(0);
    assert_eq!(received.matches("3\r\nabc\r\n0\r\n\r\n").count(), 3, "{received}");
    assert!(!received.contains("forged"), "{received}");
}

#[tokio::test]
async fn empty_bodies_say_so_where_the_method_could_have_one() {
    let app = App::answering(OK).await;
    let way = Way::to(&app);
    for (method, said) in
        [(Method::POST, 1), (Method::PUT, 2), (Method::GET, 2), (Method::DELETE, 2)]
    {
        way.text(request(method, "/", "")).await;
        assert_eq!(app.received(0).matches("content-length: 0").count(), said);
    }
}

#[tokio::test]
async fn t26_the_address_of_the_request_chooses_nothing() {
    let app = App::answering(OK).await;
    let way = Way::to(&app);
    way.text(request(Method::GET, "http://169.254.169.254/latest?a=b", "")).await;
    let received = app.received(0);
    assert!(received.starts_with("GET /latest?a=b HTTP/1.1\r\n"), "{received}");
    let mut named = request(Method::GET, "/", "");
    named.headers_mut().insert(HOST, HeaderValue::from_static("wiki.example"));
    way.text(named).await;
    assert!(app.received(0).contains("host: wiki.example\r\n"));
    let tunnel = request(Method::CONNECT, "127.0.0.1:22", "");
    assert!(matches!(way.send(tunnel).await, Err(SendError::Connect)));
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn t62_redirects_are_handed_on_and_not_followed() {
    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let app = App::answering(elsewhere).await;
    let answer = Way::to(&app).send(request(Method::GET, "/", "")).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()[LOCATION], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn t12_malformed_answers_are_502_and_their_connections_closed() {
    for (answer, label) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "malformed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "malformed",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello", "malformed"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "malformed"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nFolded: x\r\n y\r\nContent-Length: 0\r\n\r\n", "malformed"),
        ("hello", "malformed"),
        ("", "reset"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "reset"),
    ] {
        let app = App::start(vec![vec![Do::Head, say(answer), Do::Close]]).await;
        let error = Way::to(&app).send(request(Method::GET, "/", "")).await.unwrap_err();
        assert_eq!(
            (error.code().word(), error.status().as_u16()),
            (label, 502),
            "{answer:?}: {error}"
        );
        app.until_ended(1).await;
    }
}

#[tokio::test]
async fn t12_surplus_bytes_reach_nobody() {
    let stolen = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
    for (method, answer, body) in [
        (Method::GET, OK, "hello"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\n\r\n", ""),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""),
    ] {
        let surplus = vec![Do::Head, say(&format!("{answer}{stolen}"))];
        let app = App::start(vec![surplus, vec![Do::Head, say(OK)]]).await;
        let way = Way::to(&app);
        assert_eq!(way.text(request(method.clone(), "/", "")).await, body);
        assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello", "{method} {answer:?}");
        assert_eq!(app.connections(), 2);
    }
}

#[tokio::test]
async fn t12_announcements_end_here() {
    let flood = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(500);
    let app = App::answering(&format!("HTTP/1.1 100 Continue\r\n\r\n{flood}{OK}")).await;
    let way = Way::to(&app);
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn t12_old_servers_get_a_connection_for_each_request() {
    let old = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello";
    let app = App::answering(old).await;
    let way = Way::to(&app);
    for _ in 0..2 {
        assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    }
    assert_eq!(app.connections(), 2);
    let until_the_end = vec![Do::Head, say("HTTP/1.1 200 OK\r\n\r\nto the end"), Do::Close];
    let app = App::start(vec![until_the_end]).await;
    assert_eq!(Way::to(&app).text(request(Method::GET, "/", "")).await, "to the end");
}

#[tokio::test]
async fn t06_trailers_of_an_answer_end_here() {
    let answer = "HTTP/1.1 200 OK\r\nTrailer: Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n";
    let app = App::answering(answer).await;
    let way = Way::to(&app);
    let answer = way.send(request(Method::GET, "/", "")).await.unwrap();
    assert!(answer.headers().is_empty(), "{:?}", answer.headers());
    let whole = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
    assert!(whole.trailers().is_none());
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(70_000));
    let app = App::answering(&long).await;
    let error = Way::to(&app).send(request(Method::GET, "/", "")).await.unwrap_err();
    assert!(matches!(error, SendError::HeadTooLong), "{error}");
    assert_eq!(error.status(), 502);
}
