use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::apple::ClientSecretSource;
use crate::gateway::SigningKeySource;
use crate::session::SameSite;

const NOW: Timestamp = Timestamp(1_790_000_000);

/// What every complete configuration says; `{}` is the rest.
fn complete(rest: &str) -> String {
    let key = example_key();
    format!(
        "idp_client_id: com.example.web\nidp_team_id: DEF123GHIJ\nidp_key_id: ABC123DEFG\n\
         insecure_server: true\nidp_private_key: |\n{key}{rest}"
    )
}

const ROUTE: &str = "routes:\n  - from: https://wiki.example.com\n    to: http://127.0.0.1:3000\n    \
                     allowed_domains: [example.com]\n";

fn example_key() -> String {
    let example = fs::read_to_string("config.example.yaml").unwrap();
    let from = example.find("  -----BEGIN PRIVATE KEY").unwrap();
    let end = "-----END PRIVATE KEY-----\n";
    let to = example.find(end).unwrap() + end.len();
    example.get(from..to).unwrap().to_owned()
}

fn load_here(text: &str) -> Loaded {
    load_text("config.yaml", text, &|_| None, NOW)
}

fn settings(text: &str) -> Settings {
    let loaded = load_here(text);
    let told = loaded.render();
    loaded.settings.unwrap_or_else(|| panic!("{told}\n{text}"))
}

fn codes_of(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.sorted().iter().map(|item| item.code).collect()
}

/// Rewrites `path` with `UPDATE=1`, else compares.
fn expect_file(path: &Path, content: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, content).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == content,
        "{} is behind its source: run `UPDATE=1 cargo test --lib config::`\n{content}",
        path.display()
    );
}

#[test]
fn the_page_of_log_codes_lists_the_codes() {
    expect_file(Path::new("docs/log-codes.md"), &crate::telemetry::codes_page());
}

const SEPARATOR: &str = "\n==== told\n";

/// Each case is a configuration (`#env NAME=VALUE` lines are its environment, `#p8` its key), and
/// what is said about it.
#[test]
fn cases() {
    let mut paths: Vec<PathBuf> =
        fs::read_dir("tests/cases/config").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= 10);
    for path in paths {
        let case = fs::read_to_string(&path).unwrap();
        let input = case.split(SEPARATOR).next().unwrap().trim_end_matches('\n');
        let environment: HashMap<&str, &str> =
            input.lines().filter_map(|line| line.strip_prefix("#env ")?.split_once('=')).collect();
        let text = format!("{input}\n").replace("#p8\n", &example_key());
        let environment = |name: &str| environment.get(name).map(|value| (*value).to_owned());
        let loaded = load_text("config.yaml", &text, &environment, NOW);
        let mut told = loaded.render();
        if told.is_empty() {
            told.push_str("nothing\n");
        }
        let verdict = if loaded.settings.is_some() { "accepted" } else { "refused" };
        assert_eq!(loaded.settings.is_some(), !loaded.diagnostics.has_errors());
        let _ = write!(told, "\n{verdict}\n");
        expect_file(&path, &format!("{input}\n{SEPARATOR}{told}"));
    }
}

#[test]
fn the_reference_page_is_the_table() {
    expect_file(Path::new("docs/configuration.md"), &reference::configuration_page());
}

#[test]
fn the_list_of_diagnostics_is_the_table() {
    let path = Path::new("docs/diagnostics.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- configuration: begin").unwrap();
    let (marker, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- configuration: end -->").unwrap();
    let table = reference::diagnostics_table();
    let page = format!(
        "{before}<!-- configuration: begin{marker}-->\n{table}<!-- configuration: end -->{after}"
    );
    expect_file(path, &page);
    assert!(codes::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
}

#[test]
fn every_code_is_used() {
    let mut source = String::new();
    for directory in [
        "src/config",
        "src/config/lower",
        "src/config/yaml",
        "src/workbench",
        "src/workbench/cases",
        "src/cli/policy",
    ] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                source += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let table = fs::read_to_string("src/config/codes.rs").unwrap();
    for code in codes::ALL {
        let line = table.lines().find(|line| line.contains(code.code)).unwrap();
        let name = line.trim().split(' ').next().unwrap();
        assert!(source.contains(&format!("codes::{name}")), "{name}");
    }
}

#[test]
fn the_example_shows_every_key_and_passes() {
    let example = fs::read_to_string("config.example.yaml").unwrap();
    let shows = |scope: Scope, name: &str| {
        if !matches!(scope, Scope::Top | Scope::Route) {
            // Inner maps may stand on one line; one of them is of a key that is not served yet.
            return scope == Scope::DownstreamMtls || example.contains(&format!("{name}:"));
        }
        example.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ', '-']);
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
        }) || example.contains(&format!("`{name}:"))
    };
    for family in keys::FAMILIES {
        for key in family.keys.iter().filter(|key| key.status.is_supported()) {
            assert!(
                shows(family.scope, key.name),
                "config.example.yaml does not show `{}`",
                key.name
            );
        }
    }
    let loaded = load_text("config.example.yaml", &example, &|_| None, NOW);
    assert_eq!(codes_of(&loaded), [codes::EXAMPLE_KEY], "{}", loaded.render());
    assert_eq!(loaded.settings.unwrap().rules.len(), 4);
}

#[test]
fn defaults_are_pomeriums_and_the_designs() {
    let settings = settings(&complete(ROUTE));
    assert_eq!(settings.apple.provider_url, "https://appleid.apple.com");
    assert_eq!(settings.apple.scopes, ["name", "email"]);
    assert_eq!(settings.apple.redirect_uri, "https://wiki.example.com/oauth2/callback");
    assert!(matches!(settings.apple.client_secret, ClientSecretSource::Key(_)));
    assert_eq!(settings.session.cookie.name, "__Host-russet");
    assert_eq!(settings.session.cookie.same_site, SameSite::Lax);
    assert!(settings.session.cookie.http_only);
    assert_eq!(settings.session.lifetime.as_secs(), 14 * 3600);
    assert!(settings.session.cookie_secret.is_none() && settings.session.shared_secret.is_none());
    let gateway = &settings.gateway;
    assert_eq!(gateway.listener.address.to_string(), "[::]:443");
    assert_eq!(gateway.listener.health_address.to_string(), "127.0.0.1:28080");
    assert!(!gateway.listener.health_address_written);
    assert_eq!(gateway.listener.idle_timeout.as_secs(), 300);
    assert_eq!(gateway.response_headers.len(), 2, "no HSTS without a certificate");
    assert_eq!(gateway.authenticate_host, "wiki.example.com");
    let route = &gateway.routes[0];
    assert!(!route.pass_identity && !route.preserve_host);
    assert_eq!(route.upstream.as_ref().unwrap().timeout.unwrap().as_secs(), 30);
    assert_eq!(route.upstream.as_ref().unwrap().target.authority, "127.0.0.1:3000");
    assert_eq!(&*settings.rules[0].id, "wiki.example.com");
    assert_eq!(settings.log.level, LevelFilter::INFO);
}

#[test]
fn routes_become_what_they_say() {
    let settings = settings(&complete(
        "pass_identity_headers: true\nauthenticate_service_url: https://Auth.Example.com:8443/\n\
         cookie_name: sid\n\
         policy:\n  - {name: old, from: 'https://*.example.com', to: ['http://[::1]/base'], allowed_users: 'a@b.c, d', prefix: /x/}\n\
         routes:\n  - from: https://API.example.com.:8443\n    to: https://LOCALHOST\n    regex: /v1|/v2\n    \
         allowed_idp_claims: {org_id: [A1], real_user_status: 2}\n    pass_identity_headers: false\n    timeout: 0\n    \
         preserve_host_header: true\n    set_request_headers: {X-Jwt: $pomerium.jwt}\n    \
         remove_request_headers: X-Debug\n    set_response_headers: {disable: true}\n",
    ));
    assert_eq!(settings.gateway.authenticate_host, "auth.example.com:8443");
    assert_eq!(settings.session.cookie.name, "__Host-sid");
    let [first, second] = settings.rules.as_slice() else { panic!() };
    assert_eq!(
        (&*first.id, first.from.host.as_str(), first.from.port),
        ("old", "*.example.com", None)
    );
    assert!(matches!(&first.path, decision::PathRule::Prefix(prefix) if prefix == "/x/"));
    assert_eq!((second.from.host.as_str(), second.from.port), ("api.example.com", Some(8443)));
    let decision::PathRule::Regex(regex) = &second.path else { panic!() };
    assert!(regex.is_match("/v2") && !regex.is_match("/v2/") && !regex.is_match("/x/v1"));
    let [first, second] = settings.gateway.routes.as_slice() else { panic!() };
    let target = &first.upstream.as_ref().unwrap().target;
    assert_eq!(
        (target.host.as_str(), target.port, target.authority.as_str()),
        ("::1", 80, "[::1]")
    );
    assert_eq!(target.path.as_deref(), Some("/base"));
    assert!(first.pass_identity && !second.pass_identity);
    assert_eq!(second.upstream.as_ref().unwrap().target.authority, "localhost");
    assert_eq!(
        (
            second.upstream.as_ref().unwrap().target.port,
            second.upstream.as_ref().unwrap().target.path.as_deref()
        ),
        (443, None)
    );
    assert_eq!(second.upstream.as_ref().unwrap().timeout, None);
    assert!(second.preserve_host && second.response_headers_disabled);
    assert_eq!(second.remove_request_headers, ["x-debug"]);
}

#[test]
fn the_environment_beats_the_file() {
    let routes =
        "- {from: 'https://a.example.com', to: 'http://127.0.0.1:1', allowed_users: [ann]}";
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, routes);
    let variables = HashMap::from([
        ("COOKIE_EXPIRE", "1h"),
        ("IDP_SCOPES", "email"),
        ("HEADERS", "{\"X-A\": \"b\"}"),
        ("JWT_CLAIMS_HEADERS", "email sub"),
        ("POLICY", encoded.as_str()),
        ("LOG_LEVEL", "WARNING"),
        ("ADDRESS", ""),
    ]);
    let environment = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let text = complete("cookie_expire: 2h\naddress: ':8443'\n");
    let loaded = load_text("config.yaml", &text, &environment, NOW);
    let told = loaded.render();
    let settings = loaded.settings.unwrap_or_else(|| panic!("{told}"));
    assert_eq!(settings.session.lifetime.as_secs(), 3600);
    assert_eq!(settings.apple.scopes, ["email"]);
    assert_eq!(settings.gateway.response_headers, [("x-a".to_owned(), "b".to_owned())]);
    assert_eq!(settings.gateway.claims_headers[1].0, "x-pomerium-claim-sub");
    assert_eq!(settings.gateway.authenticate_host, "a.example.com");
    assert_eq!(
        settings.gateway.listener.address.port(),
        8443,
        "an empty variable counts for nothing"
    );
    assert_eq!(settings.log.level, LevelFilter::WARN);
}

/// What Pomerium refuses by name is not a spelling mistake here either.
#[test]
fn a_key_that_is_gone_says_what_to_do() {
    let text = complete(&format!("{ROUTE}    set_authorization_header: id_token\n"));
    let told = load_text("c", &text, &|_| None, NOW).render();
    assert!(told.contains("error[R011]: `set_authorization_header` is not accepted"), "{told}");
    assert!(
        told.contains("`pass_identity_headers: true` tells the application who asks"),
        "{told}"
    );
}

/// `Name:value,Name:value` cannot carry a comma, and what is after one is never lost.
#[test]
fn no_piece_of_the_headers_variable_is_dropped() {
    let load = |headers: &'static str| {
        let environment = |name: &str| (name == "HEADERS").then(|| headers.to_owned());
        load_text("config.yaml", &complete(ROUTE), &environment, NOW)
    };
    let settings = load("X-A:b, X-C: d:e,").settings.unwrap();
    let expected =
        [("x-a", "b"), ("x-c", "d:e")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(settings.gateway.response_headers, expected);
    let told = load("Cache-Control:no-store, private").render();
    assert!(told.contains("environment variable HEADERS:1:1: error[R009]"), "{told}");
    assert!(told.contains("`private` has no `:`"), "{told}");
}

/// A key's fields have variables of their own, and a setting that is not yet done is never
/// overlooked, wherever it is written.
#[test]
fn t71_nothing_that_is_not_done_is_overlooked_in_the_environment() {
    let text = complete(ROUTE);
    for (name, value) in [
        ("DOWNSTREAM_MTLS_CA_FILE", "/ca.pem"),
        ("AUTOCERT", "true"),
        ("CLIENT_CA", "x"),
        ("DATABROKER_STORAGE_TYPE", "postgres"),
    ] {
        let loaded = load_text("c", &text, &|asked| (asked == name).then(|| value.to_owned()), NOW);
        assert!(loaded.settings.is_none(), "{name}");
        assert!(loaded.render().contains(&format!("environment variable {name}")), "{name}");
    }
}

/// Every key of the table that is not done: accepted at its default, told at any other value.
#[test]
fn t71_keys_that_are_not_done_are_accepted_at_their_default_alone() {
    let before = codes_of(&load_here(&complete(ROUTE)));
    for scope in [Scope::Top, Scope::Route] {
        for key in keys::of(scope).filter(|key| !key.name.ends_with('*')) {
            let at = |value: &str| {
                let line = format!("{}: {value}\n", key.name);
                match scope {
                    Scope::Top => complete(&format!("{line}{ROUTE}")),
                    _ => complete(&format!("{ROUTE}    {line}")),
                }
            };
            let told = |value: &str| {
                let loaded = load_here(&at(value));
                let codes = codes_of(&loaded);
                (
                    codes.into_iter().filter(|code| !before.contains(code)).collect::<Vec<_>>(),
                    loaded.render(),
                )
            };
            let other = match key.kind {
                keys::Type::Bool => {
                    if key.default.to_string() == "true" {
                        "false"
                    } else {
                        "true"
                    }
                }
                keys::Type::Duration { .. } => "77s",
                keys::Type::Count { .. } => "7",
                keys::Type::Size { .. } => "7MiB",
                keys::Type::Choice(words) => words.names().last().unwrap(),
                keys::Type::Address => "127.0.0.1:7777",
                keys::Type::Url => "https://x.example.com",
                keys::Type::Map => "{a: b}",
                keys::Type::Tree(_) | keys::Type::Texts | keys::Type::Routes => "[x]",
                keys::Type::Text | keys::Type::Path => "x",
            };
            match key.status {
                keys::Status::NotYet(_) => {
                    let default = key.default.to_string();
                    let default = if default.is_empty() { "~" } else { default.as_str() };
                    assert_eq!(told(default).0, Vec::<&str>::new(), "{}", key.name);
                    let (codes, text) = told(other);
                    assert_eq!(codes, [codes::NOT_YET], "{}: {text}", key.name);
                    assert!(text.contains("yet") && text.contains("meanwhile:"), "{text}");
                }
                keys::Status::Fixed(_) => {
                    assert_eq!(
                        told(&key.default.to_string()).0,
                        Vec::<&str>::new(),
                        "{}",
                        key.name
                    );
                    assert_eq!(told(other).0, [codes::REFUSED], "{}", key.name);
                }
                keys::Status::Refused(_) => {
                    assert_eq!(told(other).0, [codes::REFUSED], "{}", key.name);
                }
                keys::Status::Ignored(_) => {
                    assert_eq!(told(other).0, Vec::<&str>::new(), "{}", key.name);
                }
                keys::Status::Supported | keys::Status::Ours => {}
            }
        }
    }
}

#[test]
fn t71_a_route_that_says_nothing_admits_nobody_and_is_warned_about() {
    let route = "routes:\n  - {from: 'https://a.example.com', to: 'http://127.0.0.1:1'";
    for (rest, expected) in [
        ("", vec![codes::NOBODY]),
        (", policy: ", vec![codes::NOBODY]),
        (", allowed_users: []", vec![codes::NOBODY]),
        (", allowed_idp_claims: {}", vec![codes::NOBODY]),
        (", cors_allow_preflight: true", vec![codes::NOBODY]),
        (", allow_any_authenticated_user: false", vec![codes::NOBODY]),
        (", allow_any_authenticated_user: true", vec![codes::ANYBODY]),
        (", allow_public_unauthenticated_access: true", vec![]),
        (", allowed_user: [a]", vec![codes::NOBODY, codes::UNKNOWN]),
        (", allow_public_unauthenticated_access: true, allowed_users: [a]", vec![codes::ACCESS]),
        (", allow_any_authenticated_user: true, allowed_domains: [a.b]", vec![codes::ACCESS]),
    ] {
        let loaded = load_here(&complete(&format!("{route}{rest}}}\n")));
        let own = |code: &&str| code.starts_with("R0") && *code != codes::EXAMPLE_KEY;
        let told: Vec<_> = codes_of(&loaded).into_iter().filter(own).collect();
        assert_eq!(told, expected, "{rest}: {}", loaded.render());
    }
}

#[test]
fn t33_test_switches_are_told_loudly() {
    for (text, code) in [
        (complete(&format!("idp_provider_url: http://127.0.0.1:9000\n{ROUTE}")), codes::NOT_APPLE),
        (
            complete(&format!("idp_provider_url: https://account.apple.com/\n{ROUTE}")),
            codes::NOT_APPLE,
        ),
        (complete(&format!("{ROUTE}    tls_skip_verify: true\n")), codes::SKIP_VERIFY),
        (
            complete(
                &ROUTE.replace(
                    "allowed_domains: [example.com]",
                    "allow_any_authenticated_user: true",
                ),
            ),
            codes::ANYBODY,
        ),
        (complete(ROUTE), codes::EXAMPLE_KEY),
    ] {
        let loaded = load_here(&text);
        assert!(codes_of(&loaded).contains(&code), "{code}: {}", loaded.render());
        assert!(loaded.settings.is_some() && loaded.diagnostics.warnings() > 0);
    }
    // Nobody else may be trusted over plain http, and nothing turns verification off.
    for url in [
        "http://appleid.apple.com",
        "http://10.0.0.1",
        "ftp://x.test",
        "https://u:p@x.test",
        "https://x.test/?a",
    ] {
        let loaded = load_here(&complete(&format!("idp_provider_url: {url}\n{ROUTE}")));
        assert!(loaded.settings.is_none(), "{url}");
    }
    let apple =
        settings(&complete(&format!("idp_provider_url: https://appleid.apple.com:443/\n{ROUTE}")))
            .apple;
    assert!(apple.is_apple());
}

#[test]
fn apple_gets_only_return_urls_that_it_accepts() {
    for (host, fine) in [
        ("auth.example.com", true),
        ("auth.example.com:8443", true),
        ("localhost", false),
        ("auth.localhost", false),
        ("127.0.0.1", false),
        ("[::1]", false),
        ("intranet", false),
    ] {
        let url = format!("authenticate_service_url: https://{host}\n{ROUTE}");
        assert_eq!(load_here(&complete(&url)).settings.is_some(), fine, "{host}");
        let fake = format!("idp_provider_url: http://apple.localhost:9000\n{url}");
        assert!(load_here(&complete(&fake)).settings.is_some(), "{host} with a fake Apple");
    }
}

/// Apple's page would say "response_mode must be form_post"; we say it before.
#[test]
fn failure_authorize_parameters_response_mode_must_be_form_post() {
    for name in [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "state",
        "nonce",
        "scope",
        "code_challenge",
    ] {
        let loaded = load_here(&complete(&format!("idp_request_params: {{{name}: x}}\n{ROUTE}")));
        assert!(
            loaded.settings.is_none() && codes_of(&loaded).contains(&codes::PARAMETERS),
            "{name}"
        );
    }
    let params = "idp_request_params: {response_mode: form_post, locale: de_DE}\n";
    let apple = settings(&complete(&format!("{params}{ROUTE}"))).apple;
    assert_eq!(apple.request_params, [("locale".to_owned(), "de_DE".to_owned())]);
}

/// A path rule that can never match lets the route after it decide.
#[test]
fn t71_path_rules_that_no_path_can_meet_are_refused() {
    for (path, fine) in [
        ("/a", true),
        ("/a%20b;v=1", true),
        ("/%C3%A4", true),
        ("a", false),
        ("/a?b", false),
        ("/a//b", false),
        ("/a/../b", false),
        ("/./b", false),
        ("/%c3%A4", false),
        ("/%7Eann", false),
        ("/a%2Fb", false),
        ("/a%5Cb", false),
        ("/a%00", false),
        ("/a%", false),
        ("/a%2", false),
        ("/ä", false),
        ("/a b", false),
    ] {
        for key in ["prefix", "path"] {
            let loaded = load_here(&complete(&format!("{ROUTE}    {key}: '{path}'\n")));
            assert_eq!(loaded.settings.is_some(), fine, "{key}: {path}: {}", loaded.render());
        }
    }
}

#[test]
fn a_client_secret_made_elsewhere_is_looked_into() {
    let jwt = |payload: &str| {
        let encode = |text: &str| {
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
        };
        format!("{}.{}.sig", encode("{}"), encode(payload))
    };
    let told = |secret: &str| {
        let text = format!(
            "idp_client_id: com.example.web\ninsecure_server: true\nidp_client_secret: {secret}\n{ROUTE}"
        );
        let loaded = load_here(&text);
        (loaded.render(), loaded.settings.is_some())
    };
    let with = |exp: i64| jwt(&format!("{{\"sub\":\"com.example.web\",\"exp\":{exp}}}"));
    assert_eq!(told(&with(NOW.0 + 150 * 86_400)), (String::new(), true));
    let (text, fine) = told(&with(NOW.0 + 20 * 86_400 + 5));
    assert!(fine && text.contains("warning[R033]") && text.contains("in 20 days"), "{text}");
    let (text, fine) = told(&with(NOW.0 - 5));
    assert!(fine && text.contains("expired at"), "{text}");
    let (text, _) = told(&jwt("{\"sub\":\"com.example.app\"}"));
    assert!(text.contains("com.example.app") && text.contains("has no expiry"), "{text}");
    let (text, fine) = told("not-a-jwt-but-secret");
    assert!(!fine && text.contains("is not a JWT") && !text.contains("not-a-jwt"), "{text}");
}

#[test]
fn secrets_are_32_bytes_and_several_may_be_listed() {
    let secret =
        |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let fine: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let good = secret(&fine);
    let session = settings(&complete(&format!(
        "shared_secret: {good}\ncookie_secret: [{good}, {good}]\n{ROUTE}"
    )))
    .session;
    assert!(session.shared_secret.is_some() && session.cookie_secret.is_some());
    for (bad, word) in [
        (secret(&fine[..31]), "31 bytes"),
        (secret(&[0; 32]), "same byte"),
        (format!("'{good} x'"), "blank"),
        ("hunter2!".to_owned(), "base64"),
        ("YOUR_SECRET_HERE".to_owned(), "placeholder"),
        ("''".to_owned(), "is empty"),
    ] {
        let loaded = load_here(&complete(&format!("cookie_secret: {bad}\n{ROUTE}")));
        let told = loaded.render();
        assert!(loaded.settings.is_none() && told.contains(word), "{bad}: {told}");
        assert!(bad.len() < 3 || !told.contains(&bad), "shows the secret: {told}");
    }
}

#[test]
fn t60_no_message_shows_a_secret() {
    for text in [
        "cookie_secret: hunter2hunter2\n",
        "cookie_secret: [hunter2hunter2, 'hunter2hunter2']\n",
        "{cookie_secret: hunter2hunter2, idp_private_key: hunter2hunter2, unknown: x}\n",
        "cookie_secrt: hunter2hunter2\n",
        "{address: x, cookie_secret: hunter2hunter2}\n",
        "{address: x, \"cookie_secret\": \"hunter2hunter2\", [\n",
        "{address: x,\n cookie_secret:\n hunter2hunter2\n, insecure_server: yes}\n",
        "routes: [{to: 'http://ann:hunter2hunter2@127.0.0.1'}]\n",
        "shared-secret: hunter2hunter2\n",
        "signing_key: hunter2hunter2\n",
        "idp_private_key: hunter2hunter2\nidp_client_secret: hunter2hunter2\n",
        "cookie_secret: \"hunter2hunter2\n",
        "certificate_key: hunter2hunter2\ncertificate: hunter\n",
        "idp_private_key: |\n  -----BEGIN PRIVATE KEY-----\n hunter2hunter2\n",
        "routes:\n  - set_request_headers: {Authorization: \"hunter2hunter2 $x\\n\"}\n",
    ] {
        let loaded = load_here(text);
        assert!(loaded.diagnostics.has_errors());
        assert!(!loaded.render().contains("hunter2hunter2"), "{}", loaded.render());
    }
}

#[test]
fn t60_the_configuration_itself_must_not_be_open_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let cookie_secret = "cookie_secret: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    let without = complete(ROUTE).replace("idp_private_key: |\n", "x: |\n");
    for (mode, text, expected, severity) in [
        (0o600, complete(ROUTE), None, ""),
        (0o640, complete(ROUTE), None, ""),
        (0o644, complete(ROUTE), Some(codes::OPEN_CONFIGURATION), "warning"),
        (0o646, complete(ROUTE), Some(codes::OPEN_CONFIGURATION), "error"),
        (0o644, format!("{cookie_secret}{ROUTE}"), Some(codes::OPEN_CONFIGURATION), "warning"),
        (0o644, without.clone(), None, ""),
        (0o666, without, Some(codes::OPEN_CONFIGURATION), "warning"),
    ] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let loaded = load(&path, &|_| None, NOW);
        let found = loaded
            .diagnostics
            .sorted()
            .into_iter()
            .find(|item| item.code == codes::OPEN_CONFIGURATION);
        assert_eq!(found.map(|item| item.code), expected, "{mode:o}");
        assert_eq!(found.map_or("", |item| item.severity.word()), severity, "{mode:o}");
    }
}

#[test]
fn t59_a_configuration_that_is_no_text_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let told = |path: &Path| {
        let loaded = load(path, &|_| None, NOW);
        assert!(loaded.settings.is_none());
        loaded.render()
    };
    assert!(
        told(&path).contains("error[R001]: the configuration")
            && told(&path).contains("is not there")
    );
    assert!(told(directory.path()).contains("is a directory"));
    fs::write(&path, b"address: ':443'\nidp_client_id: \xff\xfe\n").unwrap();
    assert!(
        told(&path).contains("config.yaml:2:16: error[R002]: these bytes are not UTF-8"),
        "{}",
        told(&path)
    );
    fs::write(&path, "a: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
        .unwrap();
    assert!(told(&path).contains("R002"));
    fs::write(&path, "- a\n").unwrap();
    assert!(told(&path).contains("R009"));
    fs::write(&path, "").unwrap();
    assert!(told(&path).contains("`idp_client_id` is missing"));
}

/// Certificates for the tests, in files.
struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Self { directory };
        for name in ["one", "two"] {
            let certified =
                rcgen::generate_simple_self_signed(vec!["wiki.example.com".to_owned()]).unwrap();
            made.write(&format!("{name}.pem"), certified.cert.pem().as_bytes());
            made.write(&format!("{name}.key"), certified.signing_key.serialize_pem().as_bytes());
        }
        made
    }

    fn write(&self, name: &str, content: &[u8]) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn certificates_are_read_in_every_form() {
    let made = Certificates::make();
    let tls = complete(ROUTE).replace("insecure_server: true\n", "");
    let base64 = |name: &str| {
        base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            fs::read(made.path(name)).unwrap(),
        )
    };
    let (one, key) = (made.path("one.pem"), made.path("one.key"));
    let (two, two_key) = (made.path("two.pem"), made.path("two.key"));
    for (text, count) in [
        (
            format!(
                "certificates: [{{cert: {one}, key: {key}}}, {{cert: {two}, key: {two_key}}}]\n"
            ),
            2,
        ),
        (format!("certificate_file: {one}\ncertificate_key_file: {key}\n"), 1),
        (
            format!("certificate: {}\ncertificate_key: {}\n", base64("one.pem"), base64("one.key")),
            1,
        ),
    ] {
        let settings = settings(&format!("{text}{tls}"));
        assert_eq!(settings.gateway.listener.certificates.len(), count);
        assert_eq!(settings.gateway.response_headers.len(), 3, "HSTS with a certificate");
    }
    let loaded = load_here(&tls);
    assert!(codes_of(&loaded).contains(&codes::NO_CERTIFICATE), "{}", loaded.render());
    let other = tls.replace("wiki.example.com", "other.example.com");
    let loaded = load_here(&format!("certificates: [{{cert: {one}, key: {key}}}]\n{other}"));
    assert!(
        loaded.render().contains("no certificate is for other.example.com"),
        "{}",
        loaded.render()
    );
    let auth = "authenticate_service_url: https://auth.example.com\n";
    let told =
        load_here(&format!("{auth}certificates: [{{cert: {one}, key: {key}}}]\n{tls}")).render();
    assert!(
        told.contains(":1:27: warning[R024]: no certificate is for auth.example.com"),
        "{told}"
    );
    assert!(!told.contains("no certificate is for wiki"), "{told}");
}

#[test]
fn t29_broken_certificate_files_are_refused_at_start() {
    let made = Certificates::make();
    let (one, key) = (made.path("one.pem"), made.path("one.key"));
    let two_key = made.path("two.key");
    let good = settings(&complete(&format!(
        "certificate_authority_file: {one}\n{ROUTE}    tls_custom_ca_file: {one}\n"
    )));
    assert_eq!(good.apple.extra_roots.len(), 1);
    assert_eq!(good.gateway.routes[0].upstream.as_ref().unwrap().tls.custom_roots.len(), 1);
    assert_eq!(good.gateway.routes[0].upstream.as_ref().unwrap().tls.extra_roots.len(), 1);
    assert_eq!(good.files, [PathBuf::from(&one), PathBuf::from(&one)]);

    let garbage = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "AAAA");
    let cut = fs::read_to_string(&one).unwrap().replace("-----END CERTIFICATE-----", "");
    let bundles = [
        made.path("missing.pem"),
        made.directory.path().to_str().unwrap().to_owned(),
        made.write("empty.pem", b""),
        made.write("blank.pem", b"\n \n"),
        made.write("text.pem", b"nothing of the kind\n"),
        made.write("der.pem", b"\x30\x82\xff\xfe"),
        made.write("garbage.pem", garbage.as_bytes()),
        made.write("cut.pem", cut.as_bytes()),
        key.clone(),
    ];
    for bundle in &bundles {
        for text in [
            format!("certificate_authority_file: {bundle}\n{ROUTE}"),
            format!("{ROUTE}    tls_custom_ca_file: {bundle}\n"),
            format!("certificates: [{{cert: {bundle}, key: {key}}}]\n{ROUTE}"),
        ] {
            let loaded = load_here(&complete(&text));
            let told = loaded
                .diagnostics
                .sorted()
                .into_iter()
                .find(|item| matches!(item.code, codes::KEY_FILE | codes::CERTIFICATE));
            assert!(
                loaded.settings.is_none() && told.is_some_and(|told| told.place.is_some()),
                "{text}: {}",
                loaded.render()
            );
        }
    }
    // A key of another certificate, none at all, and one that others can read.
    let loaded =
        load_here(&complete(&format!("certificates: [{{cert: {one}, key: {two_key}}}]\n{ROUTE}")));
    assert!(
        loaded.settings.is_none() && loaded.render().contains("belongs to another certificate")
    );
    let loaded = load_here(&complete(&format!("certificate_file: {one}\n{ROUTE}")));
    assert!(
        loaded.settings.is_none() && loaded.render().contains("`certificate_key_file` is missing")
    );
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let loaded =
        load_here(&complete(&format!("certificates: [{{cert: {one}, key: {key}}}]\n{ROUTE}")));
    assert!(loaded.settings.is_none() && codes_of(&loaded).contains(&codes::OPEN_FILE));
}

#[test]
fn signing_keys_come_in_every_form_that_openssl_writes() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let output =
            std::process::Command::new("openssl").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{arguments}");
        String::from_utf8(output.stdout).unwrap()
    };
    let load = |pem: &str| {
        let path = directory.path().join("key.pem");
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        load_here(&complete(&format!("signing_key_file: {}\n{ROUTE}", path.display())))
    };
    let kinds = |pem: &str| {
        let loaded = load(pem);
        let told = loaded.render();
        let keys = loaded.settings.unwrap_or_else(|| panic!("{told}")).gateway.signing_keys;
        keys.iter()
            .map(|key| match key {
                SigningKeySource::Ec(_) => "ec",
                SigningKeySource::Rsa(_) => "rsa",
            })
            .collect::<Vec<_>>()
    };
    let sec1 = openssl("ecparam -genkey -name prime256v1");
    let pkcs8 = openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let rsa = openssl("genrsa 2048");
    let pkcs1 = openssl("genrsa -traditional 2048");
    assert_eq!(kinds(&sec1), ["ec"]);
    assert_eq!(kinds(&pkcs8), ["ec"]);
    assert_eq!(kinds(&format!("{rsa}{sec1}{pkcs1}")), ["rsa", "ec", "rsa"]);
    assert_eq!(
        kinds(&base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &sec1)),
        ["ec"]
    );
    for other in [
        openssl("ecparam -genkey -name secp384r1 -noout"),
        openssl("genrsa 1024"),
        openssl("genpkey -algorithm ed25519"),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
        "nothing".to_owned(),
    ] {
        let loaded = load(&other);
        assert!(loaded.settings.is_none() && codes_of(&loaded).contains(&codes::SIGNING_KEY));
    }
}

#[test]
fn cookies_keep_to_the_rules_of_their_prefix() {
    let routes = "authenticate_service_url: https://auth.example.com\n".to_owned() + ROUTE;
    let cookie = |text: &str| {
        load_here(&complete(&format!("{text}{routes}"))).settings.map(|s| s.session.cookie)
    };
    let name = |text: &str| cookie(text).map(|cookie| cookie.name);
    assert_eq!(name("cookie_name: sid\n").as_deref(), Some("__Host-sid"));
    assert_eq!(name("cookie_name: __Host-sid\n").as_deref(), Some("__Host-sid"));
    assert_eq!(name("cookie_domain: example.com\n").as_deref(), Some("__Secure-russet"));
    assert_eq!(name("cookie_domain: .Example.com\ncookie_name: sid\n").as_deref(), Some("sid"));
    assert_eq!(
        cookie("cookie_domain: .Example.com\n").unwrap().domain.as_deref(),
        Some("example.com")
    );
    for refused in [
        "cookie_name: a;b\n",
        "cookie_name: 'a b'\n",
        "cookie_domain: example.com\ncookie_name: __Host-sid\n",
        "cookie_domain: com\n",
        "cookie_domain: ample.com\n",
        "cookie_domain: example.org\n",
        "cookie_domain: wiki.example.com\n",
        "cookie_domain: 127.0.0.1\n",
        "cookie_same_site: maybe\n",
    ] {
        assert!(cookie(refused).is_none(), "{refused}");
    }
}

/// Thousands of routes are read in a moment, and thousands of mistakes are told in one.
#[test]
fn t59_large_configurations_are_read_quickly() {
    let many = |route: &str, count: usize| {
        let routes = (0..count).map(|number| route.replace("{n}", &number.to_string()));
        complete(&format!(
            "authenticate_service_url: https://a.example.com\nroutes:\n{}",
            routes.collect::<String>()
        ))
    };
    for (text, fine) in [
        (
            many(
                "- {from: https://h{n}.example.com, to: http://127.0.0.1, allowed_users: [a]}\n",
                5_000,
            ),
            true,
        ),
        (
            many(
                "- {from: https://a.example.com, to: http://127.0.0.1, allowed_users: [a], prefix: /p{n}}\n",
                5_000,
            ),
            true,
        ),
        (many("- {from: http://a.example.com, too: x}\n", 10_000), false),
        (
            format!(
                "{}{ROUTE}",
                (0..40_000).map(|number| format!("key{number}: 1\n")).collect::<String>()
            ),
            false,
        ),
    ] {
        let started = crate::base::time::monotonic();
        let loaded = load_here(&text);
        let told = loaded.render();
        assert_eq!(loaded.settings.is_some(), fine, "{:?}", told.get(..1_000));
        // It takes a second where it is optimised; what grows with the square would take an hour.
        assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
    }
}

fn rules_here(text: &str) -> LoadedRules {
    load_rules_text("config.yaml", text, &|_| None, NOW)
}

/// Every key that names a file, and none of them can be read.
const WITHOUT_FILES: &str = "idp_client_id: com.example.web\nidp_team_id: DEF123GHIJ\n\
    idp_key_id: ABC123DEFG\nidp_private_key_file: DIR/AuthKey_ABC123DEFG.p8\n\
    idp_client_secret_file: DIR/client\ncookie_secret_file: DIR/cookie\n\
    shared_secret_file: DIR/shared\nsigning_key_file: DIR/signing\n\
    certificate_file: DIR/cert.pem\ncertificate_key_file: DIR/key.pem\n\
    certificates: [{cert: DIR/a.pem, key: DIR/b.pem}]\ncertificate_authority_file: DIR/ca.pem\n\
    apple_domain_association_file: DIR/association\nstate_dir: DIR/state\n\
    groups_file: DIR/groups.yaml\n\
    authenticate_service_url: https://auth.example.com\n\
    routes:\n  - {from: 'https://wiki.example.com', to: 'https://wiki.internal', \
    tls_custom_ca_file: DIR/wiki.pem, allowed_domains: [example.com]}\n  \
    - {from: 'https://wiki.example.com', prefix: /x, to: 'http://127.0.0.1:1', allowed_users: [a]}\n  \
    - {from: 'https://api.example.com', policy: {allow: {or: [{domain: corp.example}]}}}\n";

#[test]
fn rules_need_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let text = WITHOUT_FILES.replace("DIR", directory.path().to_str().unwrap());
    let path = directory.path().join("config.yaml");
    fs::write(&path, &text).unwrap();
    let loaded = load_rules(&path, &|_| None, NOW);
    let told = loaded.render();
    let rules = loaded.rules.unwrap_or_else(|| panic!("{told}"));
    let ids: Vec<_> = rules.routes().iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["wiki.example.com", "wiki.example.com/x", "api.example.com"]);
    assert_eq!(loaded.files, [path], "no other file is asked for");
    assert!(!told.contains("is not there"), "{told}");
    assert!(load(&loaded.files[0], &|_| None, NOW).settings.is_none(), "to serve they are needed");
}

#[test]
fn rules_need_the_groups_where_a_policy_names_one() {
    let directory = tempfile::tempdir().unwrap();
    let text = WITHOUT_FILES.replace("DIR", directory.path().to_str().unwrap());
    let named = text.replace("domain: corp.example", "groups: engineering");
    let path = directory.path().join("config.yaml");
    let groups = directory.path().join("groups.yaml");
    fs::write(&path, &named).unwrap();
    let missing = load_rules(&path, &|_| None, NOW);
    assert!(missing.rules.is_none());
    assert_eq!(missing.diagnostics.errors(), 1, "{}", missing.render());
    assert!(missing.render().contains("groups.yaml is not there"), "{}", missing.render());
    fs::write(&groups, "engineering: [ann@corp.example]\n").unwrap();
    let there = load_rules(&path, &|_| None, NOW);
    assert!(there.rules.is_some(), "{}", there.render());
    assert_eq!(there.files, [path.clone(), groups.clone()]);
    // Members are to be had without a policy that names them; then the file is needed, too.
    fs::write(&path, &text).unwrap();
    assert!(load_rules(&path, &|_| None, NOW).groups.is_none());
    let members = load_rules_and_groups(&path, &|_| None, NOW).groups.unwrap();
    let place = members.members()[0].place.unwrap();
    assert_eq!((members.members().len(), place.start), (1, 14));
    fs::remove_file(&groups).unwrap();
    assert!(load_rules_and_groups(&path, &|_| None, NOW).rules.is_none());
}

/// Whoever can write to it can admit themselves.
#[test]
fn t60_groups_that_everybody_can_write_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let groups = directory.path().join("groups.csv");
    fs::write(&groups, "group,member\nstaff,ann@corp.example\n").unwrap();
    let text = complete(&format!("groups_file: {}\n{ROUTE}", groups.display()));
    for (mode, fine) in [(0o644, true), (0o600, true), (0o646, false)] {
        fs::set_permissions(&groups, Permissions::from_mode(mode)).unwrap();
        let loaded = load_here(&text);
        assert_eq!(loaded.settings.is_some(), fine, "{mode:o}: {}", loaded.render());
        assert_eq!(codes_of(&loaded).contains(&codes::OPEN_FILE), !fine);
    }
}

#[test]
fn the_csv_and_the_yaml_of_groups_say_the_same() {
    let read = |name: &str| {
        let key = format!("groups_file: tests/cases/config/groups/{name}\n");
        let groups = settings(&complete(&format!("{key}{ROUTE}"))).groups.unwrap();
        let shown = |member: &policy::Member| format!("{} {}", member.group, member.who);
        groups.members().iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(
        read("good.csv"),
        [
            "engineering ann@corp.example",
            "engineering sub:001234.ab",
            "everybody domain:corp.example"
        ]
    );
    let long = "engineering sub:001234.0123456789abcdef0123456789abcdef.1234";
    assert_eq!(
        read("good.yaml"),
        [
            "engineering ann@corp.example",
            long,
            "engineering sub:001235.ab",
            "everybody domain:corp.example"
        ]
    );
}

/// The rule that Pomerium adds to every route; no authority is read for it.
#[test]
fn certificates_of_clients_are_asked_for_on_every_route() {
    let routes = "routes:\n  - {from: 'https://a.example.com', allow_public_unauthenticated_access: \
                  true}\n  - {from: 'https://b.example.com', allowed_users: [ann]EXTRA}\n";
    let load = |top: &str, extra: &str| {
        let text = format!("{top}\n{}", routes.replace("EXTRA", extra));
        rules_here(&text)
    };
    let asks = |loaded: &LoadedRules| {
        let rules = loaded.rules.as_ref().unwrap_or_else(|| panic!("{}", loaded.render()));
        let asks =
            |route: &decision::RouteRule| route.policy.reads(policy::Reads::ClientCertificate);
        let all: Vec<bool> = rules.routes().iter().map(asks).collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    };
    for (top, extra, expected) in [
        ("downstream_mtls: {ca_file: /not/there}", "", true),
        ("downstream_mtls: {ca: Zm9v, max_verify_depth: 2}", "", true),
        ("downstream_mtls: {ca: Zm9v, enforcement: policy_with_default_deny}", "", true),
        ("downstream_mtls: {ca: Zm9v, enforcement: reject_connection}", "", true),
        ("downstream_mtls: {ca: Zm9v, enforcement: policy}", "", false),
        ("downstream_mtls: {ca: Zm9v, enforcement: Policy}", "", false),
        ("downstream_mtls: {crl: Zm9v}", "", false),
        ("downstream_mtls: {ca: ''}", "", false),
        ("downstream_mtls: {}", "", false),
        ("", "", false),
        ("", ", tls_downstream_client_ca_file: /not/there", true),
        ("downstream_mtls: {enforcement: policy}", ", tls_downstream_client_ca: Zm9v", false),
    ] {
        assert_eq!(asks(&load(top, extra)), expected, "{top} {extra}");
    }
    for top in [
        "downstream_mtls: x",
        "downstream_mtls: {cafile: x}",
        "downstream_mtls: {ca: x, enforcement: polcy}",
    ] {
        let loaded = load(top, "");
        assert_eq!((loaded.rules.is_none(), loaded.diagnostics.errors()), (true, 1), "{top}");
    }
    // Fields have variables of their own, and each adds to what is written.
    let text = format!("downstream_mtls: {{ca: Zm9v}}\n{}", routes.replace("EXTRA", ""));
    let environment =
        |name: &str| (name == "DOWNSTREAM_MTLS_ENFORCEMENT").then(|| "policy".to_owned());
    assert!(!asks(&load_rules_text("c", &text, &environment, NOW)));
    assert!(asks(&load_rules_text("c", &text, &|_| None, NOW)));
    // To serve, it is not yet done.
    let whole = load_here(&complete(&format!("downstream_mtls: {{ca: Zm9v}}\n{ROUTE}")));
    assert!(codes_of(&whole).contains(&codes::NOT_YET) && whole.settings.is_none());
}

/// A page of names does not become a gigabyte of rules (T59).
#[test]
fn t59_named_policies_do_not_grow_without_bounds() {
    let mut text = "named_policies:\n  n0: {allow: {or: [{accept: 1}]}}\n".to_owned();
    for number in 1..4_000 {
        let before = number - 1;
        let _ = writeln!(
            text,
            "  n{number}: [{{use: n{before}}}, {{use: n{before}}}, {{allow: {{or: [{{accept: 1}}]}}}}]"
        );
    }
    text += "routes:\n";
    for number in 0..1_000 {
        let _ = writeln!(text, "- {{from: 'https://h{number}.example', policy: {{use: n3999}}}}");
    }
    let loaded = rules_here(&text);
    assert!(loaded.render().contains("grow into more than 100000 rules"));
    assert!(loaded.rules.is_none());
}

#[test]
fn only_faults_in_what_is_decided_stop_the_rules() {
    let route = |rest: &str| format!("routes:\n  - {{from: 'https://a.example.com', {rest}}}\n");
    let users = "to: 'http://a', allowed_users: [a]";
    for (text, code) in [
        (route("to: 'ftp://x', allowed_users: [a]"), codes::TO),
        (route("allowed_users: [a]"), codes::MISSING),
        (format!("cookie_same_site: lox\n{}", route(users)), codes::VALUE),
        (format!("cookie_nmae: x\n{}", route(users)), codes::UNKNOWN),
        (format!("nothing_like_it: x\n{}", route(users)), codes::UNKNOWN),
        (route(&format!("{users}, timeot: 3s")), codes::UNKNOWN),
        (route(&format!("{users}, cookie_name: x")), codes::UNKNOWN),
        (route(&format!("{users}, host_rewrite: x")), codes::NOT_YET),
        (format!("autocert: true\n{}", route(users)), codes::NOT_YET),
        (format!("cookie_secret: short\n{}", route(users)), codes::SECRET),
        (route(users), codes::MISSING),
    ] {
        let loaded = rules_here(&text);
        assert!(loaded.rules.is_some(), "{text}{}", loaded.render());
        let all = loaded.diagnostics.sorted();
        assert!(all.iter().any(|found| found.code == code), "{text}{}", loaded.render());
        assert!(!loaded.diagnostics.has_errors(), "{text}");
    }
    for (text, code) in [
        (route("prefix: x, allowed_users: [a]"), codes::PATH),
        (route("regex: '(', allowed_users: [a]"), codes::PATH),
        ("routes:\n  - {from: 'ftp://a.example.com', allowed_users: [a]}\n".into(), codes::FROM),
        ("routes:\n  - {allowed_users: [a]}\n".into(), codes::MISSING),
        ("routes: 7\n".into(), codes::SHAPE),
        (route("allowed_user: [a]"), codes::UNKNOWN),
        (route("nothing_like_it: [a]"), codes::UNKNOWN),
        (route("allowed_users: {a: b}"), codes::SHAPE),
        (route("allowed_groups: [a]"), codes::REFUSED),
        (route("policy: {alow: {}}"), "R301"),
        (route("allow_public_unauthenticated_access: true, allowed_users: [a]"), codes::ACCESS),
        (format!("rotes: []\n{}", route(users)), codes::UNKNOWN),
        (format!("allowed_users: [a]\n{}", route(users)), codes::UNKNOWN),
        ("routes: [\n".into(), codes::SYNTAX),
    ] {
        let loaded = rules_here(&text);
        assert!(loaded.rules.is_none(), "{text}");
        let errors = loaded.diagnostics.sorted().into_iter().filter(|found| {
            found.severity == crate::base::diagnostic::Severity::Error && found.code == code
        });
        assert_eq!(errors.count(), 1, "{text}{}", loaded.render());
    }
}

#[test]
fn rules_alone_are_those_of_the_whole_configuration() {
    let text = fs::read_to_string("config.example.yaml").unwrap();
    let (whole, alone) = (settings(&text).rules, rules_here(&text).rules.unwrap());
    let shown = |rule: &decision::RouteRule| format!("{rule:?}");
    let whole: Vec<_> = whole.iter().map(shown).collect();
    assert_eq!(whole, alone.routes().iter().map(shown).collect::<Vec<_>>());
}
