//! The configuration of Russet's, as text with a word on what is still to be given.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::access::Access;
use super::read::Read;
use super::report::Findings;
use super::routes::{proxies, routes};
use super::table::Fate;
use super::words::{duration, flow, quoted};
use super::{Options, ReadFile};

/// oauth2-proxy's own values where nothing is written.
const ADDRESS: &str = "127.0.0.1:4180";
const LIFETIME: &str = "168h";

/// A host for a configuration that names none.
const SOME_HOST: &str = "app.example.com";

pub(super) fn configuration(
    options: &Options<'_>,
    read: &Read,
    file: ReadFile<'_>,
    findings: &mut Findings,
) -> String {
    let proxy = proxies(options, read);
    let mut text = "# Made from a configuration of oauth2-proxy by `russet import oauth2-proxy`.\n\
                    # `russet check --config FILE` says what is still missing.\n"
        .to_owned();
    apple(&mut text, options, findings);
    let hosts = hosts(&mut text, options, proxy, findings);
    listening(&mut text, options, proxy, findings);
    cookies(&mut text, options, findings);
    if proxy {
        identity(&mut text, options, read);
    } else {
        external_auth(&mut text, options, findings);
    }
    let access = Access::new(options, file, findings);
    if !options.all("allowed_groups").is_empty() {
        text.push_str(
            "\n# Who is in which group: Apple has none.\ngroups_file: /etc/russet/groups.yaml\n",
        );
    }
    text.push_str("\nroutes:\n");
    for route in routes(&hosts, options, read, &access, findings) {
        for (number, line) in route.lines.iter().enumerate() {
            let _ = writeln!(text, "  {} {line}", if number == 0 { "-" } else { " " });
        }
    }
    text
}

fn apple(text: &mut String, options: &Options<'_>, findings: &mut Findings) {
    text.push_str("\n# Sign in with Apple: docs/apple-portal.md says where these come from.\n");
    match options.one("client_id") {
        Some(id) => key(text, "idp_client_id", &quoted(id)),
        None => {
            text.push_str("# idp_client_id: com.example.web\n");
            findings.give(
                "`idp_client_id`: the Services ID from Apple; one of another provider is of no use",
            );
        }
    }
    let provider = options.one("provider").unwrap_or("google");
    let issuer = options.one("oidc_issuer_url").unwrap_or_default();
    let apple = provider == "apple" || issuer.trim_end_matches('/') == "https://appleid.apple.com";
    if apple {
        if options.one("oidc_issuer_url").is_some() {
            findings.value("oidc_issuer_url", Fate::Carried, "Apple's own, which is pinned");
        }
    } else {
        if options.one("client_id").is_some() {
            findings.give(
                "`idp_client_id`: the Services ID from Apple; the present one is another provider's",
            );
        }
        findings.also(
            "people were known by another provider: Apple gives each a new `sub`, and a relay \
             address where they hide theirs, so rules on addresses need a look",
        );
    }
    match options.one("client_secret_file").filter(|_| apple) {
        Some(path) => {
            key(text, "idp_client_secret_file", &quoted(path));
            text.push_str(
                "# Better: the key itself, which never expires. It wins where both are.\n",
            );
        }
        None => {
            findings.give(
                "`idp_team_id`, `idp_key_id`, `idp_private_key_file`: the .p8 key from Apple",
            );
        }
    }
    text.push_str(
        "# idp_team_id: DEF123GHIJ\n# idp_key_id: ABC123DEFG\n\
         # idp_private_key_file: /etc/russet/AuthKey_ABC123DEFG.p8\n",
    );
    if let Some(scope) = options.one("scope") {
        let scopes: Vec<String> = scope
            .split([' ', ','])
            .filter(|scope| matches!(*scope, "name" | "email"))
            .map(str::to_owned)
            .collect();
        if !scopes.is_empty() {
            key(text, "idp_scopes", &flow(&scopes));
        }
        if scope.split([' ', ',']).any(|one| !matches!(one, "" | "openid" | "name" | "email")) {
            findings.value(
                "scope",
                Fate::Changed,
                "`idp_scopes`, without those that Apple does not have",
            );
        }
    }
    if let [one] = options.all("provider_ca_files") {
        key(text, "certificate_authority_file", &quoted(one));
    }
}

/// Where people sign in; returns the hosts of the routes.
fn hosts(
    text: &mut String,
    options: &Options<'_>,
    proxy: bool,
    findings: &mut Findings,
) -> Vec<String> {
    text.push_str(
        "\n# Where people sign in: register this host and path with Apple as return URL.\n",
    );
    let url = options.one("redirect_url").and_then(|url| Url::parse(url).ok());
    let authenticate = url.as_ref().and_then(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", url.host_str()?))
    });
    let authenticate = authenticate.unwrap_or_else(|| {
        findings.give(format!("the host that people ask for, in place of {SOME_HOST}"));
        SOME_HOST.to_owned()
    });
    key(text, "authenticate_service_url", &format!("https://{authenticate}"));
    if url.as_ref().is_some_and(|url| url.scheme() == "http") {
        findings.value(
            "redirect_url",
            Fate::Changed,
            "`authenticate_service_url`, https as Apple demands",
        );
    }
    let prefix = options.one("proxy_prefix").unwrap_or("/oauth2").trim_end_matches('/');
    let path = match url.as_ref().map(Url::path) {
        None | Some("" | "/") => format!("{prefix}/callback"),
        Some(path) => path.to_owned(),
    };
    if path != "/oauth2/callback" {
        key(text, "authenticate_callback_path", &quoted(&path));
    }
    if options.one("proxy_prefix").is_none_or(|prefix| prefix == "/oauth2")
        && options.row("proxy_prefix").is_some()
    {
        findings.value("proxy_prefix", Fate::Carried, "`/oauth2`, as always");
    }
    let mut hosts = Vec::new();
    if !proxy {
        for domain in options.all("whitelist_domains") {
            let domain = domain.trim().split(':').next().unwrap_or_default();
            let below = domain.strip_prefix("*.").or_else(|| domain.strip_prefix('.'));
            match below {
                Some(below) if !below.is_empty() => hosts.push(format!("\"*.{below}\"")),
                None if !domain.is_empty() => hosts.push(domain.to_owned()),
                _ => {}
            }
        }
        if hosts.iter().any(|host| host.contains('*')) {
            findings.value(
                "whitelist_domains",
                Fate::Changed,
                "a route with `*.` for each; better list the hosts, as each is let in then",
            );
        }
    }
    if hosts.is_empty() {
        hosts.push(authenticate);
    }
    // A `*` at the beginning wants quotes around the whole.
    hosts.iter().map(|host| host.replace('"', "")).collect()
}

fn listening(text: &mut String, options: &Options<'_>, proxy: bool, findings: &mut Findings) {
    text.push('\n');
    let (cert, cert_key) = (options.one("tls_cert_file"), options.one("tls_key_file"));
    let http = options.one("http_address").unwrap_or(ADDRESS);
    let plain = address(http);
    if let (Some(cert), Some(cert_key)) = (cert, cert_key) {
        let https =
            options.one("https_address").and_then(address).unwrap_or_else(|| ":443".to_owned());
        key(text, "address", &quoted(&https));
        key(text, "certificate_file", &quoted(cert));
        key(text, "certificate_key_file", &quoted(cert_key));
        if options.is("force_https", false)
            && let Some(plain) = plain
        {
            key(text, "http_redirect_addr", &quoted(&plain));
        }
    } else {
        match plain {
            Some(plain) => key(text, "address", &quoted(&plain)),
            None => {
                key(text, "address", &quoted(ADDRESS));
                findings.value(
                    "http_address",
                    Fate::Changed,
                    format!("{ADDRESS}: Russet listens on TCP"),
                );
            }
        }
        text.push_str("# TLS ends before Russet.\n");
        key(text, "insecure_server", "true");
    }
    if proxy && options.is("reverse_proxy", false) {
        key(text, "xff_num_trusted_hops", "1");
    }
}

/// `[http://]host:port` as an address with a number; a name of this machine is loopback.
fn address(written: &str) -> Option<String> {
    let bare = written.split_once("://").map_or(written, |(_, bare)| bare);
    if written.starts_with("unix:") || written.starts_with("fd:") {
        return None;
    }
    let (host, port) = bare.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    match host {
        "" => Some(format!(":{port}")),
        "localhost" => Some(format!("127.0.0.1:{port}")),
        _ => {
            let ip: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
            Some(std::net::SocketAddr::new(ip, port).to_string())
        }
    }
}

fn cookies(text: &mut String, options: &Options<'_>, findings: &mut Findings) {
    text.push('\n');
    if let Some(name) = options.one("cookie_name") {
        key(text, "cookie_name", &quoted(name));
    }
    let domains = options.all("cookie_domains");
    let first =
        domains.iter().map(|domain| domain.trim().trim_start_matches('.')).find(|d| !d.is_empty());
    if let Some(domain) = first {
        key(text, "cookie_domain", &quoted(domain));
    }
    if domains.len() > 1 {
        findings.value(
            "cookie_domains",
            Fate::Changed,
            "`cookie_domain` is one: the first; without it each host has a safer cookie of its own",
        );
    }
    match options.one("cookie_expire").map(|written| (duration(written), written)) {
        Some((Some(time), _)) => key(text, "cookie_expire", &time),
        Some((None, _)) => findings.value(
            "cookie_expire",
            Fate::Changed,
            "left out, so 14 hours: a session always ends by itself",
        ),
        None => {
            findings.also(format!(
                "`cookie_expire` is {LIFETIME} as oauth2-proxy has it; Russet's own is 14h"
            ));
            key(text, "cookie_expire", LIFETIME);
        }
    }
    if !options.is("cookie_httponly", true) {
        key(text, "cookie_http_only", "false");
    }
    if let Some(same_site) = options.one("cookie_samesite") {
        key(text, "cookie_same_site", &quoted(&same_site.to_ascii_lowercase()));
    }
}

/// What applications are told, where Russet itself proxies to them.
fn identity(text: &mut String, options: &Options<'_>, read: &Read) {
    let by_switch = options.is("pass_user_headers", true) || options.is("pass_basic_auth", true);
    let mut headers: Vec<(String, String)> = Vec::new();
    if read.headers.is_empty() && by_switch && read.upstreams.is_empty() {
        let email = options.is("prefer_email_to_user", false);
        headers.push(("X-Forwarded-User".into(), if email { "email" } else { "sub" }.into()));
        if !email {
            headers.push(("X-Forwarded-Email".into(), "email".into()));
        }
        headers.push(("X-Forwarded-Groups".into(), "groups".into()));
        headers.push(("X-Forwarded-Preferred-Username".into(), "preferred_username".into()));
    }
    for (name, claim) in &read.headers {
        let claim = if claim == "user" { "sub" } else { claim };
        headers.push((name.clone(), claim.to_owned()));
    }
    if headers.is_empty() {
        return;
    }
    text.push_str("\n# What applications are told, in addition to X-Pomerium-Jwt-Assertion.\n");
    key(text, "pass_identity_headers", "true");
    text.push_str("jwt_claims_headers:\n");
    for (name, claim) in headers {
        let _ = writeln!(text, "  {}: {}", quoted(&name), quoted(&claim));
    }
}

fn external_auth(text: &mut String, options: &Options<'_>, findings: &mut Findings) {
    text.push_str(
        "\n# Another proxy asks on /oauth2/auth; believed are these alone.\nexternal_auth:\n",
    );
    let mut peers = Vec::new();
    for written in options.all("trusted_proxy_ips") {
        let network = written.trim();
        let everybody = network.parse::<IpNet>().is_ok_and(|network| network.prefix_len() == 0);
        if everybody {
            findings.value(
                "trusted_proxy_ips",
                Fate::Changed,
                format!("{network} is left out: it would believe everybody"),
            );
        } else if !network.is_empty() {
            peers.push(network.to_owned());
        }
    }
    if peers.is_empty() {
        findings.give("`external_auth.trusted_peers`: the address that your proxy asks from");
        peers.push("127.0.0.1".to_owned());
    }
    let _ = writeln!(text, "  trusted_peers: {}", flow(&peers));
    text.push_str("  oauth2_proxy_compat: true\n");
    if options.is("set_xauthrequest", false) {
        text.push_str("# X-Auth-Request-User, -Email and -Groups say who it is.\n");
        key(text, "pass_identity_headers", "true");
    }
}

fn key(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}: {value}");
}
