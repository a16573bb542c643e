//! What never leaves the house, and what the house is built of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{COOKIE_SECRET, Plan, Process, SHARED_SECRET, Wire, browser, keys};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use russet::fake_apple::Endpoint;
use russet::fake_browser::{Browser, Page};
use serde_json::Value;

fn in_base64(secret: &[u8]) -> [String; 3] {
    let written = STANDARD.encode(secret);
    // Not the last character, which depends on what follows.
    let start = |text: String| text[..text.len() - 3].to_owned();
    [
        start(written),
        start(URL_SAFE_NO_PAD.encode(secret)),
        String::from_utf8_lossy(secret).into_owned(),
    ]
}

/// What must not be in any output, and everything that was shown.
#[derive(Default)]
struct Told {
    canaries: Vec<String>,
    pages: String,
}

impl Told {
    fn show(&mut self, page: &Page) {
        self.pages.push_str(&format!("{:?} {}", page.headers, page.body));
    }

    fn keep_cookies(&mut self, browser: &Browser) {
        for host in ["wiki.localhost", "auth.localhost"] {
            let names = browser.cookie_names(host);
            self.canaries.extend(names.iter().filter_map(|name| browser.cookie(host, name)));
        }
    }

    /// Signs somebody in and looks around, keeping every secret that comes by.
    async fn walk(&mut self, process: &Process, browser: &mut Browser, person: &str, status: u16) {
        let url =
            |host: &str, path: &str| format!("https://{host}.localhost:{}{path}", process.port);
        let at_apple = browser.load(&url("wiki", "/deep?q=canary-of-the-query")).await.unwrap();
        for (name, value) in at_apple.url.query_pairs() {
            if ["state", "nonce"].contains(&&*name) {
                self.canaries.push(value.into_owned());
            }
        }
        self.keep_cookies(browser);
        let form = at_apple.form("/auth/choose").unwrap();
        let answer = browser.submit(&at_apple, &form, &[("person", person)]).await.unwrap();
        let form = answer.form("/oauth2/callback").unwrap();
        let secret =
            form.fields.iter().filter(|(name, _)| ["code", "state", "id_token"].contains(&&**name));
        self.canaries.extend(secret.map(|(_, value)| value.clone()));
        let page = browser.submit(&answer, &form, &[]).await.unwrap();
        assert_eq!(page.status.as_u16(), status);
        self.show(&page);
        self.keep_cookies(browser);
        for (host, path) in [
            ("auth", "/oauth2/callback?code=canary-in-a-query"),
            ("wiki", "/.pomerium/user"),
            ("wiki", "/.pomerium/"),
            ("wiki", "/%2f"),
        ] {
            let page = browser.fetch(&url(host, path), "text/html").await.unwrap();
            self.show(&page);
        }
        // The same answer again.
        let again = browser.submit(&answer, &form, &[]).await.unwrap();
        self.show(&again);
    }
}

/// Keys of the site, in every writing that they could be printed in.
fn keys_of_the_site() -> Vec<String> {
    let mut all: Vec<String> =
        [COOKIE_SECRET, SHARED_SECRET].iter().flat_map(|key| in_base64(key)).collect();
    for pem in [&keys().apple_key_pem, &keys().key_pem] {
        all.extend(pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
        all.push(STANDARD.encode(pem)[60..160].to_owned());
    }
    all
}

/// Words that a person's own pages and applications may show, but no log.
const SHOWN: [&str; 3] = ["canary-of-the-query", "ann@corp.example", "r8k2m4x9qd"];

#[tokio::test(flavor = "multi_thread")]
async fn t27_no_secret_is_in_any_output_of_a_whole_sign_in() {
    let extra = "log_level: trace\njwt_claims_headers: {X-Email: email}\n".to_owned();
    let process = Process::start(Plan { extra, ..Plan::default() }).await;
    let mut told = Told::default();
    for (person, status) in [("ann", 200), ("rae", 403)] {
        let mut browser = browser(process.address(), &process.apple);
        told.walk(&process, &mut browser, person, status).await;
    }
    let Told { mut canaries, pages } = told;
    let request = process.apple.last_request(Endpoint::Token).unwrap();
    for field in ["client_secret", "code"] {
        assert!(request.field(field).len() > 20, "{request:?}");
        canaries.push(request.field(field).to_owned());
    }
    canaries.extend(keys_of_the_site());
    canaries.extend(SHOWN.map(str::to_owned));
    canaries.push("canary-in-a-query".to_owned());
    canaries.retain(|canary| canary.len() > 8);
    assert!(canaries.len() > 25, "{canaries:?}");
    let seen = format!("{:?}", process.app.requests());
    process.signal("TERM").await;
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.lines().count() > 10, "not much of a log: {}", ended.said);
    // No token of any kind: each begins like this.
    assert!(!ended.said.contains("eyJ"), "{}", ended.said);
    for canary in &canaries {
        assert!(!ended.said.contains(canary.as_str()), "the log holds {canary}");
        if SHOWN.contains(&canary.as_str()) {
            continue;
        }
        assert!(!seen.contains(canary.as_str()), "the application was sent {canary}");
        // A page may set a cookie; its text holds none.
        let shown = pages.matches(canary.as_str()).count();
        let set = pages.matches(&format!("={canary}; ")).count();
        assert_eq!(shown, set, "a page holds {canary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_request_in_flight_finish_and_sighup_is_told() {
    let application = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let routes = format!(
        "  - from: https://{{lunch}}\n    to: http://{}\n    allow_public_unauthenticated_access: true\n",
        application.local_addr().unwrap()
    );
    let process = Process::start(Plan { routes, plain: true, ..Plan::default() }).await;
    let (host, address) = (format!("lunch.localhost:{}", process.port), process.address());
    process.signal("HUP").await;
    let mut client = Wire::to(address).await;
    client.send(format!("GET /slow HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let accepted = tokio::time::timeout(Duration::from_secs(10), application.accept()).await;
    let (mut stream, _) = accepted.expect("nothing reaches the application").unwrap();
    process.signal("TERM").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let refused = tokio::net::TcpStream::connect(address).await;
    let served = match refused {
        Ok(_) => {
            tokio::time::timeout(Duration::from_secs(2), Wire::to(address).await.answer(false))
                .await
                .ok()
                .flatten()
        }
        Err(_) => None,
    };
    assert!(served.is_none(), "new connections are still served");
    use tokio::io::AsyncWriteExt as _;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.unwrap();
    let answer = client.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("SIGHUP") && ended.said.contains("restart"), "{}", ended.said);
    assert!(ended.said.contains("/slow"), "the last request is in the log: {}", ended.said);
    for line in ended.said.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

fn house() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Words of which a comparison is one of secrets.
const SECRETS: [&str; 12] = [
    "expose(",
    "expose_str(",
    "csrf",
    "nonce",
    "signature",
    "state",
    "ticket",
    "token",
    "secret",
    "code_verifier",
    "at_hash",
    "browser_hash",
];

/// What only looks like one: names of things, empty texts, kinds, states of the program.
fn is_harmless(left: &str, right: &str) -> bool {
    let literal = |side: &str| {
        side.starts_with(['"', '\''])
            || side.starts_with("b\"")
            || side.starts_with("b'")
            || side.starts_with(|c: char| c.is_ascii_digit())
    };
    let constant = |side: &str| {
        let name = side.trim_start_matches(['&', '*']);
        let last = name.rsplit("::").next().unwrap_or_default();
        name.contains("::")
            || (last.len() > 2 && last.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    literal(left)
        || literal(right)
        || constant(left)
        || constant(right)
        || left.ends_with("len()")
        || right.ends_with("len()")
}

/// The operands around a comparison, as far as they have no blanks.
fn operands(line: &str, at: usize) -> (&str, &str) {
    let left = line[..at]
        .trim_end()
        .rsplit([' ', '(', '!', '|', '{', ','])
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let left_start = line[..at].trim_end().rfind("if ").map_or(0, |start| start + 3);
    let whole_left = &line[left_start..at];
    let right = line[at + 2..].trim_start().split([' ', ',', ';', '{']).next().unwrap_or_default();
    (if left.is_empty() { whole_left } else { left }, right)
}

fn compares_secrets(line: &str) -> bool {
    let line = line.split("//").next().unwrap_or_default();
    ["==", "!="].iter().any(|operator| {
        line.match_indices(operator).any(|(at, _)| {
            let (left, right) = operands(line, at);
            let secret = SECRETS.iter().any(|word| {
                left.to_lowercase().contains(word) || right.to_lowercase().contains(word)
            });
            secret && !is_harmless(left, right)
        })
    })
}

#[test]
fn t82_secrets_are_compared_in_constant_time() {
    for (line, bad) in [
        ("if attempt.state == given {", true),
        ("if given != self.nonce {", true),
        ("csrf == form.csrf", true),
        ("a.expose() == b.expose()", true),
        ("if secret::same(&attempt.state, given) {", false),
        ("if state == State::Idle {", false),
        ("name == \"state\"", false),
        ("// state == given", false),
        ("token.len() == 43", false),
    ] {
        assert_eq!(compares_secrets(line), bad, "{line}");
    }
    let mut files = Vec::new();
    rust_files(&house().join("src"), &mut files);
    assert!(files.len() > 100);
    let mut found = Vec::new();
    for file in files {
        let shown = file.strip_prefix(house()).unwrap().display().to_string();
        // The fake Apple has no secrets to keep, and tests compare what they made themselves.
        if shown.contains("/tests")
            || shown.ends_with("testing.rs")
            || shown.starts_with("src/fake_apple")
            || shown.starts_with("src/cli/demo")
            || shown.starts_with("src/fake_browser")
        {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let product = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for (number, line) in product.lines().enumerate() {
            if compares_secrets(line) {
                found.push(format!("{shown}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "compare with `secret::same`:\n{}", found.join("\n"));
}

#[test]
fn t97_the_house_is_built_of_what_is_pinned_and_nothing_unsafe() {
    let lock = std::fs::read_to_string(house().join("Cargo.lock")).unwrap();
    assert!(lock.matches("\nchecksum = ").count() > 100, "dependencies are pinned with checksums");
    let sources: std::collections::BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("source = \"registry+")).collect();
    let all = lock.lines().filter(|line| line.starts_with("source = ")).count();
    let pinned = lock.matches("source = \"registry+").count();
    assert_eq!((sources.len(), pinned), (1, all), "one registry, and nothing from elsewhere");
    let manifest = std::fs::read_to_string(house().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let mut files = Vec::new();
    rust_files(&house().join("src"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let allowed = text.contains("allow(unsafe_code") || text.contains("expect(unsafe_code");
        assert!(!allowed, "{}", file.display());
    }
    // Libraries that do cryptography in addition to aws-lc, or hashes that are broken. Cargo.lock
    // holds what any system could need, so a name that is not in it is built nowhere.
    for name in ["openssl-sys", "native-tls", "openssl", "boring", "md5", "sha1"] {
        assert!(!lock.contains(&format!("\nname = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
    // ring is in it as an option of others that nobody takes.
    assert!(is_built("aws-lc-rs"), "the test sees what is built");
    assert!(!is_built("ring"), "ring is built in");
}

/// Whether a crate is part of the program on this system. Asks for this system alone: crates that
/// only others need may never have been downloaded.
fn is_built(name: &str) -> bool {
    let arguments = ["tree", "--offline", "--locked", "--edges", "normal,build", "--invert", name];
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let tree = cargo.args(arguments).current_dir(house()).output().unwrap();
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    !tree.stdout.is_empty()
}
