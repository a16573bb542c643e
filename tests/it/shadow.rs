//! Shadow policies over real sockets: asked, counted, logged, and of no consequence whatever they
//! say.

use std::process::Command;

use regex::Regex;
use russet::decision::record::Outcome;
use russet::gateway::ShadowCount;
use serde_json::{Value, json};

use crate::support::{NAVIGATION, Plan, Site, keys};

/// The wiki is for corp.example, lunch for everybody; `{shadow}` stands for a shadow policy.
const ROUTES: &str = "  - from: https://{wiki}\n    to: http://{up}\n    name: wiki\n    \
     pass_identity_headers: true\n    policy: [{allow: {and: [{domain: corp.example}]}}]\n{wiki_shadow}  \
     - from: https://{lunch}\n    to: http://{up}\n    name: lunch\n    \
     allow_public_unauthenticated_access: true\n{lunch_shadow}";

fn plan(wiki_shadow: &str, lunch_shadow: &str) -> Plan {
    let key = |policy: &str| match policy {
        "" => String::new(),
        policy => format!("    shadow_policy: {policy}\n"),
    };
    let routes = ROUTES
        .replace("{wiki_shadow}", &key(wiki_shadow))
        .replace("{lunch_shadow}", &key(lunch_shadow));
    let extra = "decision_log: '{state}/decisions.log'\n".to_owned();
    Plan { routes, extra, plain: true, ..Plan::default() }
}

fn cell(route: &str, real: Outcome, shadow: Outcome, count: u64) -> ShadowCount {
    ShadowCount { route: route.to_owned(), real, shadow, count }
}

async fn get(site: &Site, host: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut wire = site.wire().await;
    let host = site.host(host);
    let mut all = vec![("Host", host.as_str())];
    all.extend_from_slice(headers);
    wire.ask(&format!("GET {path} HTTP/1.1"), &all).await.status
}

async fn decided(site: Site) -> Vec<Value> {
    let path = site.state().join("decisions.log");
    let state = site.drain().await;
    let text = std::fs::read_to_string(&path).unwrap();
    drop(state);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_shadow_policy_is_counted_and_logged_where_it_differs() {
    let site = Site::with(plan("{allow: {and: [{claim/org_id: A1}]}}", "")).await;
    let inside = site.cookie("wiki", json!({"org_id": "A1"}));
    let without = site.cookie("wiki", json!({}));
    let newly = site.cookie("wiki", json!({"org_id": "A1", "email": "eve@else.example"}));
    assert_eq!(get(&site, "wiki", "/same", &[("Cookie", &inside)]).await, 200);
    assert_eq!(get(&site, "wiki", "/lost", &[("Cookie", &without)]).await, 200);
    assert_eq!(get(&site, "wiki", "/gained", &[("Cookie", &newly)]).await, 403);
    assert_eq!(get(&site, "wiki", "/nobody", &NAVIGATION).await, 302);
    assert_eq!(get(&site, "lunch", "/none", &[]).await, 200);
    let counts = site.running.shared().shadow_counts();
    assert_eq!(
        counts,
        [
            cell("wiki", Outcome::Allow, Outcome::Allow, 1),
            cell("wiki", Outcome::Allow, Outcome::Deny, 1),
            cell("wiki", Outcome::Deny, Outcome::Allow, 1),
            cell("wiki", Outcome::SignIn, Outcome::SignIn, 1),
        ]
    );
    let log = site.log().await;
    let of = |path: &str| log.iter().find(|line| line["path"] == path).unwrap();
    assert_eq!(of("/lost")["shadow"], json!("deny"));
    assert_eq!(of("/lost")["shadow_reasons"], json!(["claim-unauthorized"]));
    assert_eq!(of("/gained")["shadow"], json!("allow"));
    for same in ["/same", "/nobody", "/none"] {
        assert!(of(same).get("shadow").is_none(), "{}", of(same));
    }
    let lines = decided(site).await;
    let of = |path: &str| lines.iter().find(|line| line["path"] == path).unwrap();
    assert_eq!(of("/same")["shadow"], json!({"outcome": "allow", "reasons": ["claim-ok"]}));
    assert_eq!(
        of("/lost")["shadow"],
        json!({"outcome": "deny", "reasons": ["claim-unauthorized"]})
    );
    assert_eq!(of("/nobody")["shadow"]["outcome"], json!("sign_in"));
    assert!(of("/none").get("shadow").is_none());
}

/// What differs from one request to the next, whoever asks.
fn settled(text: &str) -> String {
    let text = text.to_owned();
    let chance = [
        (r"(?i)date: [^\r\n]*", "date"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
        (r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", "SHORT"),
        (r"[A-Za-z0-9_.-]{30,}", "TOKEN"),
        (r"1[0-9]{9}", "TIME"),
        (r"(localhost|127\.0\.0\.1)(:|%3A)[0-9]+", "$1:PORT"),
        (r#"x-forwarded-port", "[0-9]+"#, "PORT"),
    ];
    chance.iter().fold(text, |text, (pattern, instead)| {
        Regex::new(pattern).unwrap().replace_all(&text, *instead).into_owned()
    })
}

/// Every answer, and everything that reached the application.
async fn everything(site: &Site) -> Vec<String> {
    let ann = site.cookie("wiki", json!({"sub": "001.ann"}));
    let eve = site.cookie("wiki", json!({"sub": "002.eve", "email": "eve@else.example"}));
    let mut answers = Vec::new();
    for (host, headers) in [
        ("wiki", vec![("Cookie", ann.as_str())]),
        ("wiki", vec![("Cookie", eve.as_str()), ("Accept", "text/html")]),
        ("wiki", NAVIGATION.to_vec()),
        ("wiki", vec![]),
        ("lunch", NAVIGATION.to_vec()),
        ("lunch", vec![("Cookie", "__Host-russet=junk")]),
        ("nobody", vec![]),
    ] {
        let mut wire = site.wire().await;
        let host = site.host(host);
        let mut all = vec![("Host", host.as_str())];
        all.extend(headers);
        let answer = wire.ask("GET /page?q=1 HTTP/1.1", &all).await;
        let headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let text = format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), answer.body);
        answers.push(settled(&text));
    }
    let seen = site.app.requests().into_iter().map(|request| settled(&format!("{request:?}")));
    answers.extend(seen);
    answers
}

fn assert_same(found: &[String], expected: &[String], shadow: &str) {
    assert_eq!(found.len(), expected.len(), "{shadow}");
    for (found, expected) in found.iter().zip(expected) {
        let lines = found.lines().zip(expected.lines());
        for (found, expected) in lines {
            assert_eq!(found, expected, "{shadow}");
        }
        assert_eq!(found.len(), expected.len(), "{shadow}");
    }
}

#[tokio::test]
async fn answers_and_applications_are_the_same_with_and_without_a_shadow() {
    let plain = Site::with(plan("", "")).await;
    let expected = everything(&plain).await;
    let statuses: Vec<&str> = expected[..7].iter().map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "403", "302", "401", "200", "200", "404"]);
    assert_eq!(expected.len(), 7 + 3, "three reached the application");
    let rejects = "{deny: {or: [{reject: true}]}}";
    let identity = "{allow: {and: [{email: {is: nobody@else.example}}, {claim/org_id: X}]}}";
    let everybody = "{allow: {or: [{accept: true}]}}";
    for (wiki, lunch) in [(rejects, identity), (everybody, rejects)] {
        let site = Site::with(plan(wiki, lunch)).await;
        assert_same(&everything(&site).await, &expected, &format!("{wiki} {lunch}"));
        assert!(!site.running.shared().shadow_counts().is_empty());
    }
    for routes in [
        "  - from: https://elsewhere.localhost\n    to: http://127.0.0.1:1\n    policy: [{allow: {or: [{accept: true}]}}]\n",
        "  - from: https://*.localhost\n    to: http://127.0.0.1:1\n    policy: [{deny: {or: [{reject: true}]}}]\n",
    ] {
        let shadow_routes = Some(routes.to_owned());
        let site = Site::with(Plan { shadow_routes, ..plan("", "") }).await;
        assert_same(&everything(&site).await, &expected, routes);
        assert!(!site.running.shared().shadow_counts().is_empty());
    }
}

#[tokio::test]
async fn a_shadow_configuration_finds_routes_of_its_own() {
    let shadow_routes = Some(
        "  - from: https://wiki.localhost:{port}\n    to: http://127.0.0.1:1\n    name: new-wiki\n    \
         prefix: /docs\n    policy: [{allow: {and: [{claim/org_id: A1}]}}]\n"
            .to_owned(),
    );
    // The shadow configuration is asked in place of the routes' own shadow policies.
    let base = plan("{deny: {or: [{reject: true}]}}", "");
    let site = Site::with(Plan { shadow_routes, ..base }).await;
    let ann = site.cookie("wiki", json!({"org_id": "A1"}));
    assert_eq!(get(&site, "wiki", "/docs/a", &[("Cookie", &ann)]).await, 200);
    assert_eq!(get(&site, "wiki", "/else", &[("Cookie", &ann)]).await, 200);
    assert_eq!(get(&site, "nobody", "/", &[]).await, 404);
    let counts = site.running.shared().shadow_counts();
    assert_eq!(
        counts,
        [
            cell("", Outcome::NoRoute, Outcome::NoRoute, 1),
            cell("wiki", Outcome::Allow, Outcome::Allow, 1),
            cell("wiki", Outcome::Allow, Outcome::NoRoute, 1),
        ]
    );
    let lines = decided(site).await;
    assert_eq!(
        lines[0]["shadow"],
        json!({"outcome": "allow", "reasons": ["claim-ok"], "route-id": "new-wiki"})
    );
    assert_eq!(lines[1]["shadow"], json!({"outcome": "no_route", "reasons": ["route-not-found"]}));
    assert_eq!(lines[2]["shadow"]["outcome"], json!("no_route"));
}

#[tokio::test]
#[should_panic(expected = "Shadow")]
async fn a_configuration_that_is_a_shadow_is_not_served() {
    let extra = "shadow: true\n".to_owned();
    Site::with(Plan { extra, ..plan("", "") }).await;
}

/// And one that is served is not a shadow.
#[test]
fn a_shadow_configuration_says_that_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = write("AuthKey_KEY4KEY567.p8", &keys().apple_key_pem);
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let routes = "routes:\n  - from: https://wiki.example.com\n    to: http://127.0.0.1:1\n    \
                  allowed_users: [001.ab]\n";
    let served = format!(
        "insecure_server: true\naddress: 127.0.0.1:0\nidp_provider: apple\n\
         idp_client_id: com.example.site.web\nidp_team_id: TEAM2TEAM3\nidp_key_id: KEY4KEY567\n\
         idp_private_key_file: {}\n{routes}",
        key.display()
    );
    let (config, shadow) = (write("config.yaml", &served), write("shadow.yaml", routes));
    let output = Command::new(env!("CARGO_BIN_EXE_russet"))
        .arg("run")
        .args([&"--config".into(), &config, &"--shadow-config".into(), &shadow])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("does not say `shadow: true`"), "{said}");
    // Only routes and policies are read of it, so nothing else is missed.
    assert!(!said.contains("idp_client_id") && !said.contains("certificate"), "{said}");
}
