//! What one connection may carry, and where one request ends and the next begins.

use rcgen::{CertificateParams, KeyPair};

use crate::support::{Multiplexed, Plan, Site};

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_connection_made_for_one_certificate_asks_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("other.pem"), folder.path().join("other.key"));
    let pair = KeyPair::generate().unwrap();
    let made = CertificateParams::new(vec!["other.localhost".to_owned()]).unwrap();
    std::fs::write(&cert, made.self_signed(&pair).unwrap().pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, mode).unwrap();
    let open = |host: &str| {
        format!(
            "  - from: https://{host}\n    to: http://{{up}}\n    allow_public_unauthenticated_access: true\n"
        )
    };
    let site = Site::with(Plan {
        routes: open("{wiki}") + &open("{lunch}") + &open("other.localhost:{port}"),
        extra: format!("certificates: [{{cert: {}, key: {}}}]", cert.display(), key.display()),
        ..Plan::default()
    })
    .await;
    let mut connection = Multiplexed::tls(site.address(), "wiki.localhost").await;
    for (host, expected) in [("wiki", 200), ("lunch", 200), ("other", 421), ("wiki", 200)] {
        let answer = connection.ask("GET", &site.url(host, "/"), &[]).await.unwrap();
        assert_eq!(answer.status, expected, "{host}");
    }
    assert_eq!(site.app.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn t07_two_lengths_are_seen_in_a_request_that_follows_closely_on_another() {
    let site = Site::with(Plan {
        routes: "  - from: https://{wiki}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n"
            .to_owned(),
        plain: true,
        ..Plan::default()
    })
    .await;
    let host = site.host("wiki");
    for (early, late) in [
        ("POST /b HTTP/1.1\r\n", "Host: {}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("POST /b HTTP/1.1\r\nContent-Length: 5\r\n", "Host: {}\r\nTransfer-Encoding: chunked\r\n"),
        ("POST /b HTTP/1.1\r\nCont", "ent-Length: 5\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n"),
        (
            "POST /b HTTP/1.1\r\nContent-Length: 5\r\n",
            "X: a HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n",
        ),
    ] {
        let mut wire = site.wire().await;
        wire.send(format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n{early}")).await;
        assert_eq!(wire.answer(false).await.unwrap().status, 200);
        let before = site.app.count();
        wire.send(format!("{}\r\n0\r\n\r\n", late.replace("{}", &host))).await;
        let status = wire.answer(false).await.unwrap().status;
        assert_eq!((status, site.app.count()), (400, before), "{early:?} {late:?}");
    }
}
