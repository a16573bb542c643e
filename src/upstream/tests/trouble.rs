//! Applications that are not there, are not who they should be, or take too long.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;

use super::super::*;
use super::harness::*;
use crate::base::tasks::Tasks;

#[tokio::test]
async fn t78_nobody_there_is_503_and_named() {
    let unused = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    let way = Way::with(settings(target(Scheme::Http, "app.localhost", port)));
    let error = way.get("/").await.unwrap_err();
    assert!(matches!(error, SendError::Refused(at) if at.ip() == Ipv4Addr::LOCALHOST), "{error}");
    assert_eq!(error.status(), 503);

    let way = Way::with(settings(target(Scheme::Http, "no..name", 80)));
    let error = way.get("/").await.unwrap_err();
    assert_eq!((error.code().word(), error.status().as_u16()), ("name", 503));
}

#[tokio::test]
async fn t78_silence_is_504_and_a_connection_that_takes_too_long_is_502() {
    let app = App::start(vec![vec![Do::Head]]).await;
    let mut short = settings(target(Scheme::Http, "127.0.0.1", app.address.port()));
    short.timeout = Some(Duration::from_millis(100));
    let error = Way::with(short).get("/").await.unwrap_err();
    assert!(matches!(error, SendError::HeadTimeout(_)), "{error}");
    assert_eq!(error.status(), 504);
    app.until_ended(1).await;

    // It accepts, but does not speak TLS.
    let mut tls = settings(target(Scheme::Https, "localhost", app.address.port()));
    tls.tls.skip_verify = true;
    let limits = PoolLimits { connect: Duration::from_millis(100), ..PoolLimits::default() };
    let error = Way::limited(tls, limits).get("/").await.unwrap_err();
    assert!(matches!(error, SendError::ConnectTimeout { .. }), "{error}");
    assert_eq!(error.status(), 502);
}

#[tokio::test]
async fn a_slow_upload_is_no_slow_answer() {
    let app = App::start(vec![vec![Do::Until("0\r\n\r\n"), say(OK)]]).await;
    let mut short = settings(target(Scheme::Http, "127.0.0.1", app.address.port()));
    short.timeout = Some(Duration::from_secs(1));
    let (sender, body) = streamed();
    let mut upload = request(Method::POST, "/", "");
    *upload.body_mut() = body;
    let tasks = Tasks::on(Handle::current());
    drop(tasks.run_to_end("client", async move {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            sender.send(data("part")).unwrap();
        }
    }));
    assert_eq!(Way::with(short).text(upload).await, "hello");
}

#[tokio::test]
async fn t78_a_cut_answer_is_an_error_and_never_an_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    ] {
        for end in [Do::Close, Do::Reset] {
            let script = vec![Do::Head, say(answer), Do::Pause(30), end];
            let app = App::start(vec![script]).await;
            let (status, body) = Way::to(&app).get("/").await.unwrap();
            assert_eq!(status, 200);
            assert!(body.is_err(), "{answer:?}");
        }
    }
    let until_the_end =
        vec![Do::Head, say("HTTP/1.1 200 OK\r\n\r\nhello"), Do::Pause(30), Do::Reset];
    let app = App::start(vec![until_the_end]).await;
    assert!(Way::to(&app).get("/").await.unwrap().1.is_err());
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Authority { issuer: Issuer::new(params, key), certificate }
}

/// An application over TLS that says hello to everybody; its port.
async fn tls_app(params: CertificateParams, signer: Option<&Authority>) -> u16 {
    let key = KeyPair::generate().unwrap();
    let leaf = match signer {
        Some(authority) => params.signed_by(&key, &authority.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tasks = Tasks::on(Handle::current());
    drop(tasks.clone().run_to_end("application", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            drop(tasks.run_to_end("application's connection", async move {
                let mut room = [0; 4096];
                while let Ok(1..) = stream.read(&mut room).await {
                    stream.write_all(OK.as_bytes()).await.unwrap();
                }
            }));
        }
    }));
    port
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn over_tls(port: u16, trusted: &Authority) -> Settings {
    let mut settings = settings(target(Scheme::Https, "app.localhost", port));
    settings.tls.custom_roots = Arc::from([trusted.certificate.clone()]);
    settings
}

#[tokio::test]
async fn t63_each_defect_of_a_certificate_is_502_and_named() {
    let trusted = authority("trusted");
    let stranger = authority("stranger");
    let mut expired = named("app.localhost");
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut future = named("app.localhost");
    future.not_before = date_time_ymd(4000, 1, 1);
    for (params, signer, defect) in [
        (named("app.localhost"), Some(&stranger), CertificateDefect::UnknownIssuer),
        (named("other.localhost"), Some(&trusted), CertificateDefect::WrongName),
        (expired, Some(&trusted), CertificateDefect::Expired),
        (future, Some(&trusted), CertificateDefect::NotYetValid),
        (named("app.localhost"), None, CertificateDefect::SelfSigned),
    ] {
        let port = tls_app(params, signer).await;
        let error = Way::with(over_tls(port, &trusted)).get("/").await.unwrap_err();
        assert_eq!(error.status(), 502);
        assert!(error.to_string().contains(&defect.to_string()), "{error}");
        let SendError::Certificate { defect: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, defect);
    }
}

#[tokio::test]
async fn t63_a_good_certificate_is_enough_and_skipping_is_possible() {
    let trusted = authority("trusted");
    let port = tls_app(named("app.localhost"), Some(&trusted)).await;
    let hello = || request(Method::GET, "/", "");
    assert_eq!(Way::with(over_tls(port, &trusted)).text(hello()).await, "hello");

    // In addition to the roots of the system, or to those of the route.
    let extra: Arc<[_]> = Arc::from([trusted.certificate.clone()]);
    let mut both = settings(target(Scheme::Https, "app.localhost", port));
    both.tls.extra_roots = Arc::clone(&extra);
    assert_eq!(Way::with(both).text(hello()).await, "hello");
    let mut both = over_tls(port, &authority("other"));
    both.tls.extra_roots = extra;
    assert_eq!(Way::with(both).text(hello()).await, "hello");

    let self_signed = tls_app(named("whatever.example"), None).await;
    let mut skipping = settings(target(Scheme::Https, "app.localhost", self_signed));
    skipping.tls.skip_verify = true;
    assert_eq!(Way::with(skipping).text(hello()).await, "hello");
}

#[tokio::test]
async fn t63_connections_that_were_checked_otherwise_are_not_shared() {
    let trusted = authority("trusted");
    let port = tls_app(named("app.localhost"), Some(&trusted)).await;
    let upstreams = Upstreams::default();
    let mut skipping = settings(target(Scheme::Https, "app.localhost", port));
    skipping.tls.skip_verify = true;
    let skipping = upstreams.upstream(&skipping).unwrap();
    let checking = upstreams.upstream(&over_tls(port, &authority("other"))).unwrap();
    let pool = Pool::new(PoolLimits::default(), Tasks::on(Handle::current()));
    let send = async |upstream| pool.send(Permit, upstream, request(Method::GET, "/", "")).await;
    let answer = send(&skipping).await.unwrap();
    http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
    assert!(matches!(send(&checking).await, Err(SendError::Certificate { .. })));
}

#[tokio::test]
async fn t63_plain_http_on_a_tls_target_is_502() {
    let app = App::start(vec![vec![say("HTTP/1.1 400 Bad Request\r\n\r\n"), Do::Close]]).await;
    let mut settings = settings(target(Scheme::Https, "localhost", app.address.port()));
    settings.tls.skip_verify = true;
    let error = Way::with(settings).get("/").await.unwrap_err();
    assert_eq!((error.code().word(), error.status().as_u16()), ("tls", 502), "{error}");
}
