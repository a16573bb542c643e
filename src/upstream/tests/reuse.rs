//! When a connection serves another request, and when it must not.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;

use super::super::*;
use super::harness::*;

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let answers = [
        OK,
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        OK,
    ];
    let script = answers.iter().flat_map(|answer| [Do::Head, say(answer)]).collect();
    let app = App::start(vec![script]).await;
    let way = Way::to(&app);
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(way.text(request(Method::POST, "/", "")).await, "");
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "abc");
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "");
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_is_replaced() {
    let one = vec![Do::Head, say(OK), Do::Close];
    let app = App::start(vec![one.clone(), one.clone(), one]).await;
    let way = Way::to(&app);
    for number in 1..=3 {
        assert_eq!(way.text(request(Method::POST, "/", "body")).await, "hello");
        app.until_ended(number).await;
    }
    assert_eq!(app.connections(), 3);
}

#[tokio::test]
async fn t73_a_request_that_was_written_is_never_sent_twice() {
    let app = App::start(vec![
        vec![Do::Head, say(OK), Do::Until("payment"), Do::Reset],
        vec![Do::Head, say(OK), Do::Again],
    ])
    .await;
    let way = Way::to(&app);
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    let error = way.send(request(Method::POST, "/", "payment")).await.unwrap_err();
    assert!(matches!(error, SendError::Reset(_)), "{error}");
    assert_eq!(error.status(), 502);
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn t11_a_request_that_breaks_off_takes_its_connection_with_it() {
    let app = App::answering(OK).await;
    let way = Way::to(&app);
    for _ in 0..20 {
        let (sender, body) = streamed();
        let mut broken = request(Method::POST, "/", "");
        *broken.body_mut() = body;
        sender.send(data("half of ")).unwrap();
        sender.send(Err("the client is gone")).unwrap();
        let error = match way.whole(broken).await {
            Err(error) => error.to_string(),
            Ok((_, body)) => body.unwrap_err().to_string(),
        };
        assert!(!error.is_empty());
        assert_eq!(way.text(request(Method::GET, "/mine", "")).await, "hello");
    }
    let connections = app.connections();
    for number in 0..connections {
        let received = app.received(number);
        let ended = received.ends_with("half of \r\n") || !received.contains("POST");
        assert!(ended, "something followed the broken request: {received}");
    }
}

#[tokio::test]
async fn t12_an_answer_before_the_body_was_read_is_passed_on_and_the_connection_closed() {
    let early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let app = App::start(vec![vec![Do::Head, say(early)], vec![Do::Head, say(OK)]]).await;
    let way = Way::to(&app);
    let (sender, body) = streamed();
    let mut upload = request(Method::POST, "/", "");
    *upload.body_mut() = body;
    sender.send(data("the beginning")).unwrap();
    let (status, body) = way.whole(upload).await.unwrap();
    assert_eq!((status, body.unwrap().as_ref()), (413, b"no".as_slice()));
    app.until_ended(1).await;
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    assert_eq!(app.connections(), 2);
    drop(sender);
}

#[tokio::test]
async fn dropping_an_answer_closes_its_connection() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning";
    let app = App::start(vec![vec![Do::Head, say(endless)], vec![Do::Head, say(OK)]]).await;
    let way = Way::to(&app);
    let mut answer = way.send(request(Method::GET, "/", "")).await.unwrap();
    let first = answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "beginning");
    drop(answer);
    app.until_ended(1).await;
    assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
}

#[tokio::test]
async fn dropping_a_request_that_waits_closes_its_connection() {
    let app = App::start(vec![vec![Do::Head]]).await;
    let way = Way::to(&app);
    let waiting = way.send(request(Method::GET, "/", ""));
    assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
    app.until_ended(1).await;
}

#[tokio::test]
async fn idle_connections_age_and_are_counted() {
    let app = App::answering(OK).await;
    let settings = settings(target(Scheme::Http, "127.0.0.1", app.address.port()));
    let limits = PoolLimits { idle: Duration::from_millis(500), ..PoolLimits::default() };
    let way = Way::limited(settings.clone(), limits);
    for _ in 0..2 {
        assert_eq!(way.text(request(Method::GET, "/", "")).await, "hello");
    }
    assert_eq!(app.connections(), 1);
    // Nobody asks for it again: it is swept.
    app.until_ended(1).await;

    let way = Way::limited(settings, PoolLimits { per_target: 1, ..PoolLimits::default() });
    let send = || way.text(request(Method::GET, "/", ""));
    let (one, other) = tokio::join!(send(), send());
    assert_eq!((one.as_str(), other.as_str()), ("hello", "hello"));
    app.until_ended(2).await;
    send().await;
    assert_eq!(app.connections(), 3);
}
