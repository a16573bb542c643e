//! Times, sizes and numbers at their ends.

use crate::support::{Site, get, seal, with_routes};
use russet::base::time::Timestamp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn t87_times_at_their_ends() {
    let site = Site::plain().await;
    let now = site.clock.now().0;
    for (ends, alive) in [
        (i64::MAX, true),
        (1 << 53, true),
        ((1 << 53) + 1, true),
        (253_402_300_800, true),
        (i64::from(u32::MAX), true),
        (now + 60, true),
        (now - 1, false),
        (1, false),
        (0, false),
        (-1, false),
        (i64::from(i32::MIN), false),
        (i64::MIN, false),
    ] {
        for begins in [now, 0, i64::MIN, -1] {
            let mut session =
                site.session(json!({"exp": i64::MAX, "iat": i64::MIN, "auth_time": 1e300}));
            (session.begun_at, session.expires_at) = (Timestamp(begins), Timestamp(ends));
            let Some(sealed) = seal().seal(&session, "wiki.localhost") else { continue };
            let cookie = format!("__Host-russet={sealed}");
            for path in ["/", "/.pomerium/", "/.pomerium/user", "/.pomerium/sign_out"] {
                let status = get(&site, "wiki", path, &cookie, "text/html").await.status;
                let expected = if alive || path.ends_with("sign_out") { 200 } else { 302 };
                assert_eq!(status, expected, "{path} until {ends} from {begins}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t87_sizes_at_their_ends() {
    let site = with_routes("  - from: https://{lunch}\n    to: http://{up}\n    allow_public_unauthenticated_access: true\n").await;
    let host = site.host("lunch");
    let target = |length: usize| format!("GET /{} HTTP/1.1", "a".repeat(length - 1));
    let one = [("Host", host.as_str())];
    for (length, status) in [(16 * 1024, 200), (16 * 1024 + 1, 414), (40 * 1024, 414)] {
        assert_eq!(site.wire().await.ask(&target(length), &one).await.status, status, "{length}");
    }
    for (fields, status) in [(128, 200), (129, 431), (400, 431)] {
        let mut headers = vec![("Host", host.as_str())];
        headers.resize(fields, ("X-Field", "1"));
        assert_eq!(
            site.wire().await.ask("GET / HTTP/1.1", &headers).await.status,
            status,
            "{fields}"
        );
    }
    for (length, statuses) in [
        ("18446744073709551616", &[400][..]),
        ("-1", &[400]),
        ("+1", &[400]),
        ("0x1", &[400]),
        ("1e3", &[400]),
        ("", &[400]),
        ("99999999999999999999999", &[400]),
        ("00", &[200, 400]),
        ("0", &[200]),
    ] {
        let headers = [("Host", host.as_str()), ("Content-Length", length)];
        let status = site.wire().await.ask("POST / HTTP/1.1", &headers).await.status;
        assert!(statuses.contains(&status), "{length:?}: {status}");
    }
    let many = "10.0.0.1, ".repeat(5_000) + "10.0.0.2";
    let headers = [("Host", host.as_str()), ("X-Forwarded-For", &many)];
    assert_eq!(site.wire().await.ask("GET / HTTP/1.1", &headers).await.status, 200);
    let big = "x".repeat(70_000);
    let headers = [("Host", host.as_str()), ("X-Big", &big)];
    let mut wire = site.wire().await;
    assert_eq!(wire.ask("GET / HTTP/1.1", &headers).await.status, 431);
}

#[test]
fn t87_numbers_of_the_configuration_are_bounded() {
    let refused = |line: &str| {
        let text = format!("{line}\nroutes: []\n");
        let told = russet::config::load_text("t.yaml", &text, &|_| None, Timestamp(0)).render();
        let key = line.split(':').next().unwrap();
        told.lines().any(|line| line.contains("error") && line.contains(key))
    };
    for line in [
        "cookie_expire: 0s",
        "cookie_expire: -1h",
        "cookie_expire: 999999999999999999h",
        "timeout_idle: 1e99s",
        "xff_num_trusted_hops: -1",
        "xff_num_trusted_hops: 99999999999999999999",
        "xff_num_trusted_hops: 1.5",
        "cookie_expire: .inf",
        "timeout_idle: -0.1s",
    ] {
        assert!(refused(line), "{line}");
    }
    assert!(!refused("cookie_expire: 14h") && !refused("xff_num_trusted_hops: 1"));
}
