//! The way to an application and back: streaming, failures, TLS, protocols.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Answer, Multiplexed, Plan, Recorder, Site, Wire, keys};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// A public route of the lunch host to `to`, with further lines of YAML.
async fn public(to: &str, more: &str) -> Site {
    let routes = format!(
        "  - from: https://{{lunch}}\n    to: {to}\n    allow_public_unauthenticated_access: true\n{more}"
    );
    Site::with(Plan { routes, plain: true, ..Plan::default() }).await
}

async fn get(site: &Site, path: &str, accept: &str) -> Answer {
    let host = site.host("lunch");
    site.wire()
        .await
        .ask(&format!("GET {path} HTTP/1.1"), &[("Host", &host), ("Accept", accept)])
        .await
}

/// An application that a test plays itself.
async fn by_hand() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// Reads until `text` has come, and gives all that has.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut chunk = [0; 1024];
            let count = stream.read(&mut chunk).await.unwrap();
            assert!(count > 0, "closed before {text:?}: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&chunk[..count]);
        }
    };
    timeout(Duration::from_secs(10), reading).await.expect("did not come");
    String::from_utf8_lossy(&read).into_owned()
}

// Streaming.

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_reaches_the_application_before_the_other_half_is_sent() {
    let (listener, to) = by_hand().await;
    let site = public(&to, "").await;
    let host = site.host("lunch");
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let chunked = framing.contains("chunked");
        let part = |text: &str| if chunked { format!("5\r\n{text}\r\n") } else { text.to_owned() };
        let mut client = site.wire().await;
        client
            .send(format!(
                "POST /up HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n{}",
                part("first")
            ))
            .await;
        let (mut application, _) = listener.accept().await.unwrap();
        let head = until(&mut application, "first").await;
        assert!(!head.contains("after"));
        client.send(part("after")).await;
        until(&mut application, "after").await;
        if chunked {
            client.send("0\r\n\r\n").await;
            until(&mut application, "0\r\n\r\n").await;
        }
        application
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(client.answer(false).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_one_by_one() {
    let (listener, to) = by_hand().await;
    let site = public(&to, "").await;
    let host = site.host("lunch");
    let mut client = site.wire().await;
    client
        .send(format!("GET /events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n"))
        .await;
    let (mut application, _) = listener.accept().await.unwrap();
    until(&mut application, "\r\n\r\n").await;
    application
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    for event in ["data: one", "data: two", "data: three"] {
        let chunk = format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2);
        application.write_all(chunk.as_bytes()).await.unwrap();
        client.until(event).await;
    }
    // A cut must be seen as one: no last chunk comes.
    drop(application);
    assert!(client.answer(false).await.is_none());
    let line = site.last_log().await;
    assert_eq!((&line["status"], line["bytes"].as_u64() > Some(20)), (&json!(200), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_frees_the_application() {
    let (listener, to) = by_hand().await;
    let site = public(&to, "").await;
    let host = site.host("lunch");
    let mut client = site.wire().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let (mut application, _) = listener.accept().await.unwrap();
    until(&mut application, "\r\n\r\n").await;
    drop(client);
    let mut rest = [0; 16];
    let ended = timeout(Duration::from_secs(5), application.read(&mut rest)).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "the connection to the application stays");
}

// Protocols.

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_with_a_host_is_served() {
    let site = public("http://{up}", "").await;
    let host = site.host("lunch");
    site.app.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let mut wire = site.wire().await;
    let answer = wire.ask("GET /old HTTP/1.0", &[("Host", &host)]).await;
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.all("transfer-encoding").len()),
        (200, "ok", 0)
    );
    assert!(wire.is_closed().await);
    let seen = site.app.last();
    assert_eq!((seen.line.as_str(), seen.target()), ("GET /old HTTP/1.1", "/old"));
    assert_eq!(site.wire().await.ask("GET / HTTP/1.0", &[]).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_over_tls_reaches_the_same_application() {
    let site = Site::start().await;
    let cookie = site.cookie("wiki", json!({}));
    let host = site.host("wiki");
    let mut client = Multiplexed::tls(site.address(), "wiki.localhost").await;
    for n in 0..3 {
        let answer = client
            .ask("GET", &format!("https://{host}/x{n}?q"), &[("cookie", &cookie)])
            .await
            .unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        let seen = site.app.last();
        assert_eq!(seen.line, format!("GET /x{n}?q HTTP/1.1"));
        assert!(seen.one("x-pomerium-jwt-assertion").is_some());
        assert_eq!(
            answer.one("strict-transport-security").map(|value| &value[..7]),
            Some("max-age")
        );
    }
    assert_eq!(site.app.connections(), 1, "the connection to the application is used again");
    let answer =
        client.ask("GET", &format!("https://{host}/"), &[("accept", "text/html")]).await.unwrap();
    assert_eq!(answer.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_of_to_takes_the_place_of_what_matched() {
    let routes = "  - from: https://{lunch}\n    prefix: /app/\n    to: http://{up}/base/\n    allow_public_unauthenticated_access: true\n  \
        - from: https://{lunch}\n    path: /one\n    to: http://{up}/only\n    allow_public_unauthenticated_access: true\n  \
        - from: https://{lunch}\n    regex: '/v[0-9]+/.*'\n    to: http://{up}/versions\n    allow_public_unauthenticated_access: true\n  \
        - from: https://{lunch}\n    prefix: /plain\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n  \
        - from: https://{lunch}\n    to: http://{up}/rest/\n    allow_public_unauthenticated_access: true\n";
    let site = Site::with(Plan { routes: routes.to_owned(), plain: true, ..Plan::default() }).await;
    for (path, target) in [
        ("/app/x?q=/app/", "/base/x?q=/app/"),
        ("/app/", "/base/"),
        ("/one?x", "/only?x"),
        ("/v1/x", "/versions"),
        ("/plain/x", "/plain/x"),
        ("/x", "/rest/x"),
        ("/", "/rest/"),
    ] {
        assert_eq!(get(&site, path, "*/*").await.status, 200);
        assert_eq!(site.app.last().target(), target, "{path}");
    }
}

// Redirects.

#[tokio::test(flavor = "multi_thread")]
async fn t62_a_redirecting_application_is_not_followed() {
    let elsewhere = Recorder::start().await;
    let site = public("http://{up}", "").await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/secret", elsewhere.address());
        site.app.answer(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nRefresh: 0;url={location}\r\nContent-Length: 0\r\n\r\n"
        ));
        let answer = get(&site, "/", "*/*").await;
        assert_eq!((answer.status, answer.one("location")), (status, Some(&*location)));
    }
    // Nor does anything that a client says name another target.
    let host = site.host("lunch");
    let address = elsewhere.address().to_string();
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (name, value) in [
        ("X-Forwarded-Host", address.as_str()),
        ("X-Original-Url", "http://x/"),
        ("X-Rewrite-Url", "/x"),
        ("Forwarded", "host=x"),
        ("Via", "x"),
    ] {
        let answer =
            site.wire().await.ask("GET / HTTP/1.1", &[("Host", &host), (name, value)]).await;
        assert_eq!(
            (answer.status, site.app.last().one("host")),
            (200, Some(&*site.app.address().to_string()))
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}

// Failures.

/// The page of a failure, checked for what it must not tell; and its log line.
async fn failed(site: &Site, status: u16) -> Value {
    for accept in ["text/html", "application/json"] {
        let answer = get(site, "/x", accept).await;
        let line = site.last_log().await;
        assert_eq!((answer.status, &line["status"]), (status, &json!(status)), "{line}");
        let id = line["id"].as_str().unwrap();
        assert!(answer.body.contains(id), "{}", answer.body);
        assert_eq!(answer.one("x-request-id"), line["request_id"].as_str());
        let told = format!("{:?} {}", answer.headers, answer.body).to_lowercase();
        for word in [
            "refused",
            "127.0.0.1",
            "certificate",
            "reset",
            "os error",
            "connect error",
            "upstream_reset",
            "tls",
            line["detail"].as_str().unwrap(),
        ] {
            assert!(!told.contains(&word.to_lowercase()), "{word}: {told}");
        }
        if accept == "application/json" {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["request_id"], id);
        }
    }
    site.last_log().await
}

#[tokio::test(flavor = "multi_thread")]
async fn w19_a_failing_application_is_a_page_with_an_id_and_nothing_internal() {
    let (listener, to) = by_hand().await;
    drop(listener);
    let site = public(&to, "").await;
    let line = failed(&site, 503).await;
    assert_eq!((&line["reasons"], &line["decision"]), (&json!(["refused"]), &json!("allow")));
    let site = public("http://{up}", "").await;
    for (answer, reason) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "malformed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "malformed",
        ),
        ("SSH-2.0-OpenSSH\r\n\r\n", "malformed"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade, close\r\n\r\n",
            "malformed",
        ),
    ] {
        site.app.answer(answer);
        assert_eq!(failed(&site, 502).await["reasons"], json!([reason]), "{answer}");
    }
    site.app.answer(format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\nConnection: close\r\n\r\n",
        "a".repeat(70_000)
    ));
    assert_eq!(failed(&site, 502).await["reasons"], json!(["head_too_long"]));
    site.app.answer("");
    assert_eq!(failed(&site, 502).await["reasons"], json!(["reset"]));
    // A good one afterwards is served.
    site.app.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(get(&site, "/", "*/*").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_takes_too_long_is_504_and_its_time_is_the_routes() {
    let (listener, to) = by_hand().await;
    let site = public(&to, "    timeout: 1s\n").await;
    let held = tokio::spawn(async move {
        let mut all = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            all.push(stream);
        }
    });
    let line = failed(&site, 504).await;
    assert_eq!(line["reasons"], json!(["head_timeout"]));
    let took = line["duration_ms"].as_f64().unwrap();
    assert!((990.0..6_000.0).contains(&took), "{took}");
    held.abort();
    // A body that takes longer than that is not cut, once the answer has begun.
    let (listener, to) = by_hand().await;
    let site = public(&to, "    timeout: 1s\n").await;
    let host = site.host("lunch");
    let mut client = site.wire().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let (mut application, _) = listener.accept().await.unwrap();
    until(&mut application, "\r\n\r\n").await;
    application.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").await.unwrap();
    sleep(Duration::from_millis(1_400)).await;
    application.write_all(b"cd").await.unwrap();
    assert_eq!(client.answer(false).await.unwrap().body, "abcd");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_finish_its_request_is_told_so_where_it_can_be() {
    let (listener, to) = by_hand().await;
    let site = public(&to, "").await;
    let host = site.host("lunch");
    let mut client = site.wire().await;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        ))
        .await;
    let (mut application, _) = listener.accept().await.unwrap();
    until(&mut application, "abc").await;
    client.send("zz\r\n").await;
    let answer = client.answer(false).await;
    assert!(answer.is_none_or(|answer| answer.status == 400));
    // The application sees a cut, never an end.
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), application.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && !String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{rest:?}");
}

// TLS to applications.

/// An application over TLS with this certificate.
async fn secured(chain_pem: &str, key_pem: &str) -> (u16, tokio::task::JoinHandle<()>) {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = [0; 4096];
                if stream.read(&mut head).await.is_ok() {
                    let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecure").await;
                    let _closed = stream.shutdown().await;
                }
            });
        }
    });
    (port, task)
}

/// Chain and key of a certificate for `name`, and the authority that signed it.
fn certificate(name: &str, until_year: i32) -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, format!("authority {until_year} of {name}"));
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    let chain = params.signed_by(&key, &issuer).unwrap().pem();
    (chain, key.serialize_pem(), authority_pem)
}

fn encoded(pem: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(pem)
}

#[tokio::test(flavor = "multi_thread")]
async fn t63_an_application_with_a_wrong_certificate_is_502_and_the_log_says_which() {
    let good = certificate("app.localhost", 2090);
    let other = certificate("app.localhost", 2089);
    let expired = certificate("app.localhost", 2021);
    let named = certificate("else.localhost", 2090);
    let alone = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(vec!["app.localhost".to_owned()]).unwrap();
    own.distinguished_name.push(DnType::CommonName, "alone");
    let own = own.self_signed(&alone).unwrap().pem();
    let own = (own, alone.serialize_pem());
    for ((chain, key), trusted, status, word) in [
        ((&good.0, &good.1), Some(&good.2), 200, ""),
        ((&good.0, &good.1), None, 502, "not trusted"),
        ((&good.0, &good.1), Some(&other.2), 502, "not trusted"),
        ((&expired.0, &expired.1), Some(&expired.2), 502, "expired"),
        ((&named.0, &named.1), Some(&named.2), 502, "other names"),
        ((&own.0, &own.1), None, 502, "self-signed"),
    ] {
        let (port, task) = secured(chain, key).await;
        let more = trusted
            .map_or_else(String::new, |pem| format!("    tls_custom_ca: {}\n", encoded(pem)));
        let site = public(&format!("https://app.localhost:{port}"), &more).await;
        if status == 200 {
            let answer = get(&site, "/", "*/*").await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, "secure"),
                "{}",
                site.last_log().await
            );
        } else {
            let line = failed(&site, status).await;
            assert_eq!(line["reasons"], json!(["certificate"]), "{line}");
            let detail = line["detail"].as_str().unwrap();
            assert!(detail.contains(word) && detail.contains("app.localhost"), "{detail}");
        }
        task.abort();
    }
    // Skipping is the route's alone.
    let (port, task) = secured(&named.0, &named.1).await;
    let site =
        public(&format!("https://app.localhost:{port}"), "    tls_skip_verify: true\n").await;
    assert_eq!(get(&site, "/", "*/*").await.status, 200);
    task.abort();
    // An application that speaks no TLS is never spoken to in clear.
    let (listener, to) = by_hand().await;
    let plain = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(first, [22], "a TLS greeting");
            stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let site = public(&to.replace("http:", "https:"), "    tls_skip_verify: true\n").await;
    assert_eq!(failed(&site, 502).await["reasons"], json!(["tls"]));
    plain.await.unwrap();
    // The authority of everything that goes out (`certificate_authority`) is believed too.
    let (port, task) = secured(&keys().chain_pem, &keys().key_pem).await;
    let site = public(&format!("https://wiki.localhost:{port}"), "").await;
    assert_eq!(get(&site, "/", "*/*").await.status, 200);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pipelined_behind_a_request_is_decided_by_itself() {
    let site = Site::plain().await;
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let mut wire: Wire = site.wire().await;
    wire.send(format!(
        "GET /mine HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\nGET /theirs HTTP/1.1\r\nHost: {host}\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.answer(false).await.unwrap().status, 200);
    assert_eq!(wire.answer(false).await.unwrap().status, 401);
    assert_eq!(site.app.count(), 1);
}
