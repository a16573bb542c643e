//! The program as separate processes, static as it is shipped: `make test` builds it (`make binary`)
//! and says where it is in `RUSSET_BINARY`. The profile is the tests' own, so that dependencies are
//! built once; `make test PROGRAM=release`, which CI runs, starts the optimised one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::large_futures,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and waits for processes by the real clock"
)]

#[path = "binary/fronts/mod.rs"]
mod fronts;
#[path = "binary/house.rs"]
mod house;
#[path = "binary/image.rs"]
mod image;

use std::fs;
use std::process::{Command, Stdio};

use house::{House, KEY_ID, TEAM_ID, binary, run, scratch};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_signs_in_across_hosts_and_processes() {
    let house = House::start();
    let mut browser = house.browser();
    let page = house.sign_in(&mut browser, "wiki", "/deep?q=%2F&e=", "ann").await;
    assert_eq!(
        (page.status.as_u16(), page.url.as_str()),
        (200, &*house.url("wiki", "/deep?q=%2F&e="))
    );
    assert!(page.body.contains("GET /deep?q=%2F&e= HTTP/1.1"), "{}", page.body);
    assert!(page.body.to_lowercase().contains("x-pomerium-claim-email: ann@corp.example"));
    let page = browser.load(&house.url("lunch", "/")).await.unwrap();
    assert_eq!((page.status.as_u16(), page.url.host_str()), (200, Some("lunch.localhost")));
    let mut other = house.browser();
    let page = house.sign_in(&mut other, "wiki", "/", "rae").await;
    assert_eq!(page.status.as_u16(), 403);
    let lines = house.log();
    let refused = lines.iter().find(|line| line["status"] == 403).expect("no line of the 403");
    assert_eq!(refused["sub"], "000403.7be1d5a0429f4c3e8d6b5a4f3c2e1d33.0903");
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_cookie_of_one_host_is_worth_nothing_on_another() {
    let house = House::start();
    let mut browser = house.browser();
    house.sign_in(&mut browser, "lunch", "/", "ann").await;
    let cookie = browser.cookie("lunch.localhost", "__Host-russet").unwrap();
    let mut thief = house.browser();
    thief.plant("wiki.localhost", "__Host-russet", &cookie);
    thief.plant("lunch.localhost", "__Host-russet", &cookie);
    let [wiki, lunch] = ["wiki", "lunch"].map(|host| house.url(host, "/"));
    assert_eq!(thief.fetch(&wiki, "application/json").await.unwrap().status.as_u16(), 401);
    assert_eq!(thief.fetch(&lunch, "application/json").await.unwrap().status.as_u16(), 200);
}

/// Keys in `state_dir` outlive the process, so a restart signs nobody out.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_signs_nobody_out() {
    let mut house = House::start();
    let mut browser = house.browser();
    house.sign_in(&mut browser, "wiki", "/", "ann").await;
    house.restart();
    let page = browser.fetch(&house.url("wiki", "/"), "application/json").await.unwrap();
    assert_eq!(page.status.as_u16(), 200);
}

/// The limit that `docs/attacks.md` names at T38, so that nobody learns of it by accident.
#[tokio::test(flavor = "multi_thread")]
async fn t38_a_signed_out_copy_is_dead_until_a_restart() {
    let mut house = House::start();
    let mut browser = house.browser();
    house.sign_in(&mut browser, "wiki", "/", "ann").await;
    let mut thief = house.browser();
    let copy = browser.cookie("wiki.localhost", "__Host-russet").unwrap();
    thief.plant("wiki.localhost", "__Host-russet", &copy);
    let wiki = house.url("wiki", "/");
    assert_eq!(thief.fetch(&wiki, "application/json").await.unwrap().status.as_u16(), 200);
    let confirm = browser.load(&house.url("wiki", "/.pomerium/sign_out")).await.unwrap();
    let form = confirm.form("/.pomerium/sign_out").unwrap();
    browser.submit(&confirm, &form, &[]).await.unwrap();
    assert_eq!(thief.fetch(&wiki, "application/json").await.unwrap().status.as_u16(), 401);
    house.restart();
    assert_eq!(thief.fetch(&wiki, "application/json").await.unwrap().status.as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_apple_refuses_the_return_url_the_log_shows_what_to_register() {
    let house = House::start();
    let line = house.log().into_iter().find(|line| line["redirect_uri"].is_string());
    assert_eq!(line.unwrap()["redirect_uri"], house.url("auth", "/oauth2/callback"));
    let (_, told, _) = run(&["check", "--config", &house.config()], "");
    assert!(told.contains(&house.url("auth", "/oauth2/callback")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_apple_refuses_the_client_the_log_shows_the_services_id() {
    let house = House::start();
    let line = house.log().into_iter().find(|line| line["redirect_uri"].is_string()).unwrap();
    assert_eq!(line["client_id"], house::CLIENT_ID);
    let (_, told, _) = run(&["check", "--config", &house.config()], "");
    assert!(told.contains(house::CLIENT_ID) && told.contains("Services ID"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_another_provider_than_apple_is_told_everywhere() {
    let house = House::start();
    assert!(house.log().iter().any(|line| line.to_string().contains("NOT APPLE")));
    let (code, health, _) = run(&["health", "--config", &house.config()], "");
    assert_eq!(code, 0);
    assert!(health.contains("NOT APPLE"), "{health}");
    let page = house.browser().load(&house.url("auth", "/.pomerium/signed_out")).await.unwrap();
    assert!(page.body.contains("Not Apple."), "{}", page.body);
    let check = ["check", "--config", &house.config()];
    assert_eq!(run(&check, "").0, 0);
    assert_eq!(run(&[&check[..], &["--deny-warnings"]].concat(), "").0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn t74_told_to_stop_it_ends_well_and_soon() {
    let mut house = House::start();
    house.browser().load(&house.url("auth", "/.pomerium/signed_out")).await.unwrap();
    assert_eq!(house.stop(), Some(0));
    let (code, _, told) = run(&["health", "--config", &house.config()], "");
    assert_eq!(code, 1, "nobody answers any more");
    assert!(told.contains("no answer"), "{told}");
}

#[test]
fn the_demo_walks_everybody_through() {
    let (code, told, errors) = run(&["demo", "--check"], "");
    assert_eq!(code, 0, "{told}\n{errors}");
    assert!(told.ends_with(" 0 not\n"), "{told}");
}

#[test]
fn check_says_how_it_went_by_its_exit_code() {
    let folder = scratch();
    let file = folder.path().join("config.yaml");
    let path = file.to_str().unwrap();
    let check = |more: &[&str]| run(&[&["check", "--config", path], more].concat(), "");
    fs::write(&file, "idp_client_idd: x\n").unwrap();
    let (code, told, _) = check(&[]);
    assert_eq!(code, 3);
    assert!(
        told.contains(&format!("{path}:1:1: error[")) && told.contains("idp_client_id"),
        "{told}"
    );
    let (code, json, _) = check(&["--format", "json"]);
    assert_eq!(code, 3);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    fs::copy("config.example.yaml", &file).unwrap();
    assert_eq!(check(&[]).0, 0);
    assert_eq!(check(&["--deny-warnings"]).0, 3, "its key is one that everybody has");
    assert_eq!(run(&["check", "--config", "/nowhere.yaml"], "").0, 3);
    assert_eq!(run(&["check", "--no-such-flag"], "").0, 2);
    assert_eq!(run(&["run", "--config", "/nowhere.yaml"], "").0, 3);
}

/// `russet client-secret ... | russet client-secret --verify -`: the token alone is on standard
/// output, and a reader who goes away makes it fail without a panic.
#[test]
fn client_secrets_go_through_pipes() {
    let folder = scratch();
    let key = folder.path().join(format!("AuthKey_{KEY_ID}.p8"));
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let mint = [
        "client-secret",
        "--team-id",
        TEAM_ID,
        "--key-id",
        KEY_ID,
        "--client-id",
        "com.example.web",
        "--key",
    ];
    let mint = [&mint[..], &[key.to_str().unwrap()]].concat();
    let (code, token, told) = run(&mint, "");
    assert_eq!(code, 0, "{told}");
    assert_eq!(token.trim_end().split('.').count(), 3, "{token}");
    assert!(!token.trim_end().contains(char::is_whitespace) && told.contains("UTC"), "{told}");
    let (code, shown, told) = run(&["client-secret", "--verify", "-"], &token);
    assert_eq!(code, 0, "{shown}{told}");
    assert!(shown.contains(TEAM_ID) && shown.contains(KEY_ID), "{shown}");
    let (code, ..) = run(&["client-secret", "--verify", "not.a.token"], "");
    assert_ne!(code, 0);
    let mut child = Command::new(binary())
        .args(&mint)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert!(status.code().is_some_and(|code| code != 101), "it must not panic: {status}");
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (code, _, told) = run(&["demo", "--check", "--port", &port.to_string()], "");
    assert_eq!(code, 1);
    assert!(told.contains(&format!("port {port} is taken")) && told.contains("help:"), "{told}");
}
