//! Descriptions that are none: nothing is guessed, nothing has a default, and no dialect reads the
//! headers of another.

use super::ask::{DIALECTS, Original, TRUSTED, send, site};

/// Each header that a dialect reads.
fn family(dialect: &str) -> &'static [&'static str] {
    match dialect {
        "nginx" => &["X-Original-Method", "X-Original-URL"],
        "envoy" => &["Host"],
        _ => &["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"],
    }
}

#[tokio::test]
async fn a51_11_a51_14_each_header_of_the_family_comes_once_or_the_question_is_none() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        let (line, headers) = Original::get(&site, "/public/x").question(dialect);
        assert_eq!(send(&site, &line, &headers).await.status, 200, "{dialect}");
        for name in family(dialect) {
            let at = headers.iter().position(|(other, _)| other == name).unwrap();
            let mut without = headers.clone();
            without.remove(at);
            assert_eq!(send(&site, &line, &without).await.status, 400, "{dialect} {name}");
            // Twice, even where both say the same; and as one with a comma.
            let mut twice = headers.clone();
            twice.push(headers[at].clone());
            assert_eq!(send(&site, &line, &twice).await.status, 400, "{dialect} {name} twice");
            let mut listed = headers.clone();
            listed[at].1 = format!("{0}, {0}", headers[at].1);
            assert_eq!(send(&site, &line, &listed).await.status, 400, "{dialect} {name} listed");
            let mut empty = headers.clone();
            empty[at].1 = String::new();
            assert_eq!(send(&site, &line, &empty).await.status, 400, "{dialect} {name} empty");
        }
        let twice = [("Authorization", "Basic YTpi"), ("Authorization", "Basic YTpj")];
        let answer = Original::get(&site, "/public/x").with(&twice).ask(&site, dialect).await;
        assert_eq!(answer.status, 400, "{dialect}");
    }
}

/// What another dialect would read, in front of what this one reads and behind it.
#[tokio::test]
async fn t03_no_dialect_reads_the_headers_of_another() {
    let site = site(TRUSTED).await;
    let host = site.host("wiki");
    let url = format!("https://{host}/public/x");
    let all: [(&str, &str); 14] = [
        ("X-Original-URL", &url),
        ("X-Original-Method", "OPTIONS"),
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-Host", &host),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/public"),
        ("X-Forwarded-Server", "public"),
        ("X-Envoy-Original-Path", "/public/x"),
        ("X-Envoy-External-Address", "203.0.113.9"),
        ("X-Original-URI", "/public/x"),
        ("X-Rewrite-Url", "/public/x"),
        ("X-Auth-Request-Redirect", "/public/x"),
        ("Forwarded", "for=203.0.113.9;host=public"),
    ];
    for dialect in DIALECTS {
        let own = family(dialect);
        for (name, value) in all.iter().filter(|(name, _)| !own.contains(name)) {
            for target in ["/private/x", "/office/x"] {
                let asked = Original::get(&site, target).with(&[(name, value)]);
                let status = asked.ask(&site, dialect).await.status;
                let wanted = if target == "/office/x" { 403 } else { 401 };
                assert_eq!(status, wanted, "{dialect} {target} {name}: {value}");
            }
        }
        // And none of them stands in for what is missing.
        let (line, headers) = Original::get(&site, "/private/x").question(dialect);
        let others = all.iter().filter(|(name, _)| !own.contains(name));
        let others: Vec<_> =
            others.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if dialect != "envoy" {
            let mut alone = vec![headers[0].clone()];
            alone.extend(others);
            assert_eq!(send(&site, &line, &alone).await.status, 400, "{dialect}");
        }
    }
}

/// Targets that no client of a proxy sends, or that two readers read differently.
pub const ODD_TARGETS: &[&str] = &[
    "//",
    "//public/x",
    "/public//x",
    "/public/x//",
    "/.",
    "/./public",
    "/public/.",
    "/public/..",
    "/public/../private/x",
    "/public/./x",
    "/..",
    "/../public/x",
    "/public/%2e%2e/private/x",
    "/public/%2E%2E/private/x",
    "/public/.%2e/private/x",
    "/public/%2e./private/x",
    "/public/%252e%252e/private/x",
    "/public/..;/private/x",
    "/public/..;x=y/private/x",
    "/public/;/x",
    "/public/%2e/x",
    "/public%2f..%2fprivate/x",
    "/public%2Fx",
    "/public/..%2fprivate",
    "/public%252fx",
    "/public\\..\\private",
    "/public%5c..%5cprivate",
    "/public%5Cx",
    "/public%255cx",
    "/public/x%00",
    "/public/%00/x",
    "/public/%0d%0aX:1",
    "/public/%0a",
    "/public/%7f",
    "/public/%c0%ae%c0%ae/x",
    "/public/%c0%afx",
    "/public/%e0%80%ae/x",
    "/public/%ff",
    "/public/%",
    "/public/%2",
    "/public/%zz",
    "/public/%u002e",
    "/public/ü",
    "/public/..%20/private",
    "/public/%20../x/..%09/",
    "/public/.. ",
    "/public/...;/..",
    "/public/%25%32%65%25%32%65/x",
    "/public/x/%2e%2e%2f",
    "/public//../private",
    "/public/a/../../private",
    "/public/%2e%2e;x/private",
    "/public/%25252e%25252e/x",
    "/public/%2525252f",
    "/public/.%252e/x",
    "/public/..%00/x",
    "/public/..%5cprivate",
    "/public/..%c0%af/x",
    "/public/%e2%80%8e/../x",
    "/public/%2e%2e/%2e%2e/",
    "/public/;x=1/y",
    "/public/..%ff/",
    "*",
    "public/x",
    "",
];

#[tokio::test]
async fn a51_12_a51_19_a51_27_odd_targets_are_400_in_every_dialect() {
    let site = site(TRUSTED).await;
    assert!(ODD_TARGETS.len() >= 60, "{}", ODD_TARGETS.len());
    for dialect in DIALECTS {
        for target in ODD_TARGETS {
            let answer = Original::get(&site, target).ask(&site, dialect).await;
            // A target that ends what names the dialect is not asked for it.
            let nowhere = dialect == "envoy" && matches!(*target, "*" | "public/x");
            let wanted = if nowhere { 404 } else { 400 };
            assert_eq!(answer.status, wanted, "{dialect} {target:?}");
        }
    }
}

#[tokio::test]
async fn single_characters_may_be_spelt_in_any_way() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for (target, wanted) in [
            ("/public/x", 200),
            ("/public/", 200),
            ("/%70ublic/x", 200),
            ("/public/%41", 200),
            ("/public/a%2db", 200),
            ("/public/a%20b", 200),
            ("/public/%C3%BC", 200),
            ("/public/a;v=1", 200),
            ("/public/a%3Bv=1", 200),
            ("/public/%23x", 200),
            ("/public/%3Fx", 200),
            ("/public/...", 200),
            ("/public/..hidden", 200),
            ("/public/x?a=../..&b=%2e%2e//&c=%00", 200),
            ("/public/x?", 200),
            ("/%70rivate/x", 401),
            ("/privat%65/x", 401),
        ] {
            let status = Original::get(&site, target).ask(&site, dialect).await.status;
            assert_eq!(status, wanted, "{dialect} {target}");
        }
    }
}

#[tokio::test]
async fn a51_3_a_raw_fragment_is_400_and_an_escaped_one_is_data() {
    let site = site(TRUSTED).await;
    for dialect in DIALECTS {
        for (target, wanted) in [
            ("/public/x#", 400),
            ("/public/x#/private", 400),
            ("/public#/../private/x", 400),
            ("/private/x#/public", 400),
            ("/public/x?y#z", 400),
            ("#/public/x", 400),
            ("/private%23/public", 401),
            ("/public%23/../private/x", 400),
        ] {
            let asked = Original::get(&site, target);
            let status = asked.ask(&site, dialect).await.status;
            let nowhere = dialect == "envoy" && target.starts_with('#');
            assert_eq!(status, if nowhere { 400 } else { wanted }, "{dialect} {target}");
        }
    }
}

#[tokio::test]
async fn a51_19_an_address_that_is_none_has_no_default() {
    let site = site(TRUSTED).await;
    let host = site.host("wiki");
    for url in [
        "",
        "/",
        "/public/x",
        "public/x",
        "https://",
        "https:///public/x",
        "https:/public/x",
        "//{}/public/x",
        "{}/public/x",
        "https://{}",
        "https://{}?x",
        "https://{}#/public/x",
        "ftp://{}/public/x",
        "HTTPS://{}/public/x",
        "javascript://{}/public/x",
        "https://u@{}/public/x",
        "https://{}/public/x https://{}/public/x",
        "https://{}\\@other/public/x",
        "https:// {}/public/x",
        "https://{}:99999/public/x",
        "https://{}:/public/x",
        "https://[::1/public/x",
        " https://{} /public/x",
    ] {
        let url = url.replace("{}", &host);
        let headers = [("Host", "russet"), ("X-Original-Method", "GET"), ("X-Original-URL", &*url)];
        let answer = site.wire().await.ask("GET /.russet/auth/nginx HTTP/1.0", &headers).await;
        assert_eq!(answer.status, 400, "{url:?}");
    }
    for dialect in ["traefik", "caddy", "haproxy"] {
        for target in ["http://wiki.localhost/public/x", "https:/public/x", "?x", "public"] {
            let answer = Original::get(&site, target).ask(&site, dialect).await;
            assert_eq!(answer.status, 400, "{dialect} {target}");
        }
        for proto in ["javascript", "HTTPS", "https,http", "https, https", "h2", "on"] {
            let (line, mut headers) = Original::get(&site, "/public/x").question(dialect);
            let at = headers.iter().position(|(name, _)| name == "X-Forwarded-Proto").unwrap();
            headers[at].1 = proto.to_owned();
            assert_eq!(send(&site, &line, &headers).await.status, 400, "{dialect} {proto}");
        }
    }
}
