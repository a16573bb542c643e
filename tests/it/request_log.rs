//! The line that each request leaves in the log.

use crate::support::{Site, get};
use serde_json::{Value, json};

fn assert_bounded(value: &Value, line: &Value) {
    match value {
        Value::String(text) => {
            assert!(text.len() <= 2_048, "{} bytes: {line}", text.len());
            let odd = |c: char| {
                c.is_control()
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!text.contains(odd), "{text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| assert_bounded(item, line)),
        Value::Object(members) => members.values().for_each(|item| assert_bounded(item, line)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t83_every_request_is_one_line_of_bounded_harmless_json() {
    let site = Site::plain().await;
    let host = site.host("wiki");
    let pieces: [&[u8]; 16] = [
        b"/",
        b"%0d%0a",
        b"\x1b[31m",
        b"%1b",
        b"\"",
        b"\\",
        b"%e2%80%ae",
        b"\xe2\x80\xae",
        b"\xff",
        b"{\"level\":\"ERROR\"}",
        b"?",
        b"abc",
        b"%zz",
        b"..",
        b"'",
        b"%00",
    ];
    let mut number = 42_u64;
    let mut sent = 0;
    for round in 0..300_usize {
        let mut path = b"/".to_vec();
        for _ in 0..round % 9 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            path.extend(pieces[usize::try_from(number >> 60).unwrap()]);
        }
        if round % 10 == 0 {
            path.extend("%e2%80%ae".repeat(1_000).bytes());
        }
        let odd = "\u{202e}\u{1b}[2J".repeat(round % 60);
        let cookie = site.cookie(
            "wiki",
            json!({"email": format!("{odd}@evil.test"), "sub": format!("s{odd}\n")}),
        );
        let mut head = [
            b"GET ".as_slice(),
            &path,
            b" HTTP/1.1\r\nHost: ",
            host.as_bytes(),
            b"\r\nCookie: ",
            cookie.as_bytes(),
        ]
        .concat();
        head.extend(b"\r\nUser-Agent: \"\xff\t{}\r\nReferer: \xe2\x80\xae\r\n\r\n");
        let mut wire = site.wire().await;
        wire.send(head).await;
        sent += usize::from(wire.answer(false).await.is_some());
    }
    // Each line has been read as JSON here; a line break inside one would make two of it.
    let log = site.log().await;
    assert!(log.len() > 150 && log.len() <= sent, "{} lines of {sent}", log.len());
    for line in &log {
        assert_eq!(line["message"], "request");
        assert_bounded(line, line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w22_the_log_has_the_host_asked_and_the_application_apart() {
    let site = Site::plain().await;
    let cookie = site.cookie("wiki", json!({}));
    get(&site, "wiki", "/x?secret=1", &cookie, "text/html").await;
    let line = site.last_log().await;
    assert_eq!(
        (&line["host"], &line["upstream"]),
        (&json!(site.host("wiki")), &json!(site.app.address().to_string()))
    );
    assert_eq!(
        (&line["path"], &line["method"], &line["status"], &line["bytes"]),
        (&json!("/x"), &json!("GET"), &json!(200), &json!(2))
    );
}
