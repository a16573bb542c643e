use std::fs;
use std::path::Path;

use super::*;
use crate::base::time::Timestamp;
use crate::config;
use crate::wire::protected_names::{WRITTEN_ANEW, known_names, prefixes};

fn settings(change: impl Fn(&str) -> String) -> Settings {
    let text = fs::read_to_string("tests/cases/snippets/russet.yaml").unwrap();
    let now = Timestamp(1_800_000_000);
    let loaded = config::load_text("russet.yaml", &change(&text), &|_| None, now);
    let told = loaded.render();
    loaded.settings.unwrap_or_else(|| panic!("{told}"))
}

/// `UPDATE=1` rewrites the files.
#[test]
fn the_snippets_are_the_files_in_cases() {
    let settings = settings(str::to_owned);
    for (front, file) in [
        (Front::Nginx, "nginx.conf"),
        (Front::Traefik, "traefik.yaml"),
        (Front::Caddy, "Caddyfile"),
        (Front::Envoy, "envoy.yaml"),
        (Front::Haproxy, "haproxy.cfg"),
    ] {
        let Snippet { text, .. } = snippet(front, &settings).unwrap();
        let path = Path::new("tests/cases/snippets").join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{}: run `UPDATE=1 cargo test --lib snippet`\n{text}",
            path.display()
        );
    }
}

/// Every name that no client may send, and what takes it away, in the words of each proxy.
#[test]
fn t04_each_snippet_removes_every_name_that_no_client_may_send() {
    let settings = settings(str::to_owned);
    let text = |front| snippet(front, &settings).unwrap().text;
    let [nginx, traefik, caddy, envoy, haproxy] =
        [Front::Nginx, Front::Traefik, Front::Caddy, Front::Envoy, Front::Haproxy].map(text);
    let pattern = traefik.split_once("authResponseHeadersRegex: \"").unwrap().1;
    let pattern = regex::Regex::new(pattern.split_once('"').unwrap().0).unwrap();
    // Traefik's own word, which no client's survives (`trustForwardHeader: false`).
    let of_traefik = ["X-Real-IP", "X-Forwarded-Server"];
    for name in known_names().map(|(name, _)| name).chain(WRITTEN_ANEW) {
        let lower = name.to_ascii_lowercase();
        let prefix = prefixes().map(str::to_ascii_lowercase).find(|one| lower.starts_with(one));
        assert!(nginx.contains(&format!("proxy_set_header {name} ")), "nginx: {name}");
        let listed = traefik.contains(&format!("\n          {name}: \"\"\n"));
        let own = of_traefik.contains(&name) || WRITTEN_ANEW.contains(&name);
        assert!(listed || own || pattern.is_match(name), "traefik: {name}");
        let (caddy_line, haproxy_line, envoy_line) = match &prefix {
            Some(prefix) => (
                format!("request_header -{prefix}*\n"),
                format!("del-header {prefix} -m beg\n"),
                format!("\"{prefix}\",\n"),
            ),
            None => (
                format!("request_header -{name}\n"),
                format!("del-header {name}\n"),
                format!("[\"{lower}\"] = true"),
            ),
        };
        assert!(caddy.contains(&caddy_line), "caddy: {name}");
        assert!(haproxy.contains(&haproxy_line), "haproxy: {name}");
        assert!(envoy.contains(&envoy_line), "envoy: {name}");
    }
    for prefix in prefixes().filter(|prefix| *prefix != "X-Forwarded-") {
        assert!(pattern.is_match(&format!("{prefix}Anything")), "traefik: {prefix}");
    }
    for other in ["X-Request-Id", "X-Forwarded-For", "Cookie", "My-X-Pomerium-Name"] {
        assert!(!pattern.is_match(other), "traefik: {other}");
    }
}

/// nginx cannot name a cookie with a hyphen: `$cookie_...` would be one constant for everybody.
#[test]
fn no_snippet_names_a_cookie_by_nginxs_variable() {
    let text = snippet(Front::Nginx, &settings(str::to_owned)).unwrap().text;
    assert!(!text.contains("$cookie_"), "{text}");
}

#[test]
fn a51_34_a_name_never_ends_a_line_of_another_program() {
    for name in ["X-A$b", "X-A`b", "X-A'b", "X-A|b", "X-A#b"] {
        let settings = settings(|text| text.replace("X-Email", name));
        for front in [Front::Nginx, Front::Traefik, Front::Caddy, Front::Envoy, Front::Haproxy] {
            let problem = snippet(front, &settings).unwrap_err();
            assert_eq!(problem, SnippetProblem::Name(name.to_ascii_lowercase()), "{front:?}");
        }
    }
    let settings =
        settings(|text| text.replace("https://*.git.example.com", "https://g*.example.com"));
    let problem = snippet(Front::Nginx, &settings).unwrap_err();
    assert_eq!(problem, SnippetProblem::Pattern("g*.example.com".to_owned()));
}

#[test]
fn what_only_the_operator_knows_is_noted() {
    let second = "  - from: https://wiki.example.com\n    to: http://127.0.0.1:9\n    \
                  allow_any_authenticated_user: true\n";
    let settings = settings(|text| format!("{text}{second}"));
    let notes = snippet(Front::Caddy, &settings).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("wiki.example.com has several")), "{notes:?}");
}

#[test]
fn the_only_host_signs_in_for_itself() {
    let settings = settings(|text| {
        let text = text.replace("authenticate_service_url: https://auth.example.com\n", "");
        text.split("  - from: https://*.git").next().unwrap().to_owned()
    });
    let text = snippet(Front::Nginx, &settings).unwrap().text;
    assert!(text.contains("location = /oauth2/callback {"), "{text}");
    assert_eq!(text.matches("server_name ").count(), 1);
}

/// A listener that others can reach speaks TLS, so that Envoy must too, and knows whom it asks.
#[test]
fn envoy_asks_over_tls_where_russet_speaks_it() {
    let with = |grpc: &str| {
        let peers = format!(
            "external_auth: {{trusted_peers: [127.0.0.1], grpc_address: {grpc}}}\nroutes:\n"
        );
        let mut settings = settings(|text| text.replace("routes:\n", &peers));
        // As with certificates.
        settings.gateway.listener.plain = false;
        snippet(Front::Envoy, &settings).unwrap().text
    };
    let clusters = |text: &str| text.matches("exact: auth.example.com } }]").count();
    let (near, far) = (with("127.0.0.1:9191"), with("10.0.0.1:9191"));
    assert_eq!((clusters(&near), clusters(&far)), (1, 2), "{far}");
    assert_eq!(far.matches("alpn_protocols: [h2]").count(), 1, "{far}");
}

/// An answer of somebody else's would be a yes for everybody. (Envoy takes `system_root_certs` for no
/// authority at all.)
#[test]
fn nobody_asks_over_tls_without_looking_whom() {
    let mut settings = settings(str::to_owned);
    settings.gateway.listener.plain = false;
    for (front, looks) in [
        (Front::Nginx, "proxy_ssl_verify on;"),
        (Front::Envoy, "trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }"),
        (Front::Haproxy, "ssl verify required ca-file @system-ca"),
    ] {
        let text = snippet(front, &settings).unwrap().text;
        assert!(text.contains(looks) && !text.contains("system_root_certs"), "{front:?}: {text}");
    }
}
