//! What one TLS connection may carry.

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
