//! The ways in which oauth2-proxy is told its options: a TOML file, an alpha file in YAML, flags and
//! variables of the environment, alone or on the lines of a unit, a compose file or a manifest.

use toml::de::{DeTable, DeValue};

use super::table::{Row, Shape, by_flag, by_name};
use crate::base::diagnostic::{Diagnostics, Sources};
use crate::base::near::nearest;
use crate::base::node::{Node, Place};
use crate::config::yaml;

/// Where an option was written; the later beats the earlier, as in oauth2-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    File,
    Environment,
    Flag,
    Alpha,
}

/// One option as it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) row: &'static Row,
    pub(super) rank: Rank,
    pub(super) values: Vec<String>,
    /// `file:line:column`, or what else names the place.
    pub(super) place: String,
}

/// An application of an alpha file.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub(super) uri: String,
    pub(super) path: String,
    pub(super) pass_host: Option<bool>,
    pub(super) skip_verify: bool,
    pub(super) timeout: Option<String>,
    pub(super) rewrites: bool,
    pub(super) answers_itself: bool,
    pub(super) place: String,
}

/// Everything that was written.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) given: Vec<Given>,
    pub(super) upstreams: Vec<Upstream>,
    /// Headers to applications: name and claim.
    pub(super) headers: Vec<(String, String)>,
    /// Names that no version of oauth2-proxy knows, with their places.
    pub(super) unknown: Vec<(String, String)>,
    /// What could not be read at all.
    pub(super) broken: Vec<String>,
}

impl Read {
    /// Reads one text; its name and its look say what it is.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        if let Some(node) = alpha(name, text) {
            let mut sources = Sources::default();
            sources.add(name, text);
            self.alpha(&node, &sources);
        } else if has_lines(text) {
            self.lines(name, text);
        } else {
            self.toml(name, text);
        }
    }

    /// Reads arguments as a shell has split them.
    pub(super) fn arguments(&mut self, arguments: &[String]) {
        let words = arguments.iter().map(|word| (word.clone(), "command line".to_owned()));
        self.words(words.collect());
    }

    fn toml(&mut self, name: &str, text: &str) {
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        let at = |span: std::ops::Range<usize>| {
            let [start, end] =
                [span.start, span.end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
            sources.position(Place { source, start, end })
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let place = error.span().map_or_else(|| name.to_owned(), at);
                // The message alone: the whole error shows the line, which may hold a secret.
                self.broken.push(format!("{place}: this is not TOML: {}", error.message()));
                return;
            }
        };
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let place = at(key.span());
            let Some(row) = by_name(key.get_ref()) else {
                self.unknown.push((key.get_ref().to_string(), place));
                continue;
            };
            let values = match value.get_ref() {
                DeValue::Array(items) => {
                    items.iter().filter_map(|item| scalar(item.get_ref())).collect()
                }
                one => one_or_commas(row, scalar(one)),
            };
            self.given.push(Given { row, rank: Rank::File, values, place });
        }
    }

    /// Flags and variables, wherever they stand on their lines.
    fn lines(&mut self, name: &str, text: &str) {
        let mut words = Vec::new();
        let joined = text.replace("\\\n", " \n");
        for (number, line) in joined.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let line = line.trim();
            let line = line.strip_prefix("- ").unwrap_or(line);
            if line.starts_with('#') {
                continue;
            }
            for word in split(line) {
                words.push((word, place.clone()));
            }
        }
        self.words(words);
    }

    fn words(&mut self, words: Vec<(String, String)>) {
        let mut words = words.into_iter().peekable();
        while let Some((word, place)) = words.next() {
            if let Some(at) = word.find("OAUTH2_PROXY_") {
                let assignment = word.get(at..).unwrap_or_default();
                let (variable, mut value) = match assignment.split_once(['=', ':']) {
                    Some((variable, value)) => (variable, value.to_owned()),
                    None => (assignment, String::new()),
                };
                // `OAUTH2_PROXY_X: value` of a map in YAML.
                if assignment.ends_with(':')
                    && let Some((next, _)) = words.next_if(|(_, other)| *other == place)
                {
                    value = next;
                }
                let name = variable.trim_start_matches("OAUTH2_PROXY_").to_ascii_lowercase();
                match by_name(&name) {
                    Some(row) => self.add(row, Rank::Environment, value, place),
                    None => self.unknown.push((variable.to_owned(), place)),
                }
            } else if let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) {
                let (flag, value) = match flag.split_once('=') {
                    Some((flag, value)) => (flag, Some(value.to_owned())),
                    None => (flag, None),
                };
                let Some(row) = by_flag(flag) else {
                    self.unknown.push((format!("--{flag}"), place));
                    continue;
                };
                let value = value.or_else(|| match row.shape {
                    Shape::Switch => Some("true".to_owned()),
                    Shape::Text | Shape::Texts => {
                        words.next_if(|(next, _)| !next.starts_with("--")).map(|(next, _)| next)
                    }
                });
                self.add(row, Rank::Flag, value.unwrap_or_default(), place);
            }
        }
    }

    /// Adds a value; a list that is given several times grows.
    fn add(&mut self, row: &'static Row, rank: Rank, value: String, place: String) {
        let values = one_or_commas(row, Some(value));
        let known = self.given.iter_mut().find(|given| {
            given.row.name == row.name && given.rank == rank && row.shape == Shape::Texts
        });
        match known {
            Some(known) => known.values.extend(values),
            None => self.given.push(Given { row, rank, values, place }),
        }
    }

    fn alpha(&mut self, node: &Node, sources: &Sources) {
        for (key, value) in node.map().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            let place = sources.position(key.place);
            match name {
                "upstreamConfig" => self.alpha_upstreams(value.get("upstreams"), sources),
                "upstreams" | "upstreamServers" => self.alpha_upstreams(Some(value), sources),
                "injectRequestHeaders" => self.alpha_headers(value, &place),
                "injectResponseHeaders" => {
                    self.set("inject_response_headers", names_in(value), &place);
                }
                "server" => self.alpha_server(value, sources),
                "metricsServer" => {
                    self.set("metrics_address", text_of(value, &["BindAddress"]), &place);
                }
                "providers" => self.alpha_provider(value, sources),
                _ => self.unknown.push((name.to_owned(), place)),
            }
        }
    }

    fn set(&mut self, name: &str, values: Vec<String>, place: &str) {
        if let Some(row) = by_name(name).filter(|_| !values.is_empty()) {
            self.given.push(Given { row, rank: Rank::Alpha, values, place: place.to_owned() });
        }
    }

    fn alpha_upstreams(&mut self, list: Option<&Node>, sources: &Sources) {
        let list = list.map(|list| list.get("upstreams").unwrap_or(list));
        for item in list.and_then(Node::list).unwrap_or_default() {
            let one = |name: &str| text_of(item, &[name]).into_iter().next();
            let is = |name: &str| one(name).map(|text| text == "true");
            self.upstreams.push(Upstream {
                uri: one("uri").unwrap_or_default(),
                path: one("path").unwrap_or_else(|| "/".to_owned()),
                pass_host: is("passHostHeader"),
                skip_verify: is("insecureSkipTLSVerify").unwrap_or(false),
                timeout: one("timeout"),
                rewrites: one("rewriteTarget").is_some(),
                answers_itself: is("static").unwrap_or(false),
                place: sources.position(item.place),
            });
        }
    }

    /// Headers of one claim go on under the same name; all others are named in the report.
    fn alpha_headers(&mut self, list: &Node, place: &str) {
        let mut others = Vec::new();
        for item in list.list().unwrap_or_default() {
            let name = text_of(item, &["name"]).into_iter().next().unwrap_or_default();
            let values = item.get("values").and_then(Node::list).unwrap_or_default();
            let claim = match values {
                [value] => text_of(value, &["claimSource", "claim"])
                    .into_iter()
                    .chain(text_of(value, &["claim"]))
                    .next()
                    .filter(|_| {
                        let prefixed = |node: &Node| node.get("prefix").is_some();
                        !prefixed(value) && !value.get("claimSource").is_some_and(prefixed)
                    }),
                _ => None,
            };
            match claim {
                Some(claim) if !matches!(&*claim, "access_token" | "id_token") => {
                    self.headers.push((name, claim));
                }
                _ => others.push(name),
            }
        }
        self.set("inject_request_headers", others, place);
    }

    fn alpha_server(&mut self, server: &Node, sources: &Sources) {
        let place = sources.position(server.place);
        for (path, name) in [
            (&["BindAddress"][..], "http_address"),
            (&["bindAddress"], "http_address"),
            (&["SecureBindAddress"], "https_address"),
            (&["secureBindAddress"], "https_address"),
            (&["TLS", "Key", "FromFile"], "tls_key_file"),
            (&["tls", "key", "fromFile"], "tls_key_file"),
            (&["TLS", "Cert", "FromFile"], "tls_cert_file"),
            (&["tls", "cert", "fromFile"], "tls_cert_file"),
            (&["TLS", "MinVersion"], "tls_min_version"),
            (&["tls", "minVersion"], "tls_min_version"),
        ] {
            self.set(name, text_of(server, path), &place);
        }
    }

    fn alpha_provider(&mut self, list: &Node, sources: &Sources) {
        let providers = list.list().unwrap_or_default();
        for (index, provider) in providers.iter().enumerate() {
            let place = sources.position(provider.place);
            if index > 0 {
                self.broken.push(format!("{place}: Russet has one provider, and this is another"));
                continue;
            }
            for (path, name) in [
                (&["provider"][..], "provider"),
                (&["name"], "provider_display_name"),
                (&["clientID"], "client_id"),
                (&["clientSecret"], "client_secret"),
                (&["clientSecretFile"], "client_secret_file"),
                (&["scope"], "scope"),
                (&["allowedGroups"], "allowed_groups"),
                (&["caFiles"], "provider_ca_files"),
                (&["backendLogoutURL"], "backend_logout_url"),
                (&["code_challenge_method"], "code_challenge_method"),
                (&["loginURL"], "login_url"),
                (&["redeemURL"], "redeem_url"),
                (&["profileURL"], "profile_url"),
                (&["validateURL"], "validate_url"),
                (&["oidcConfig", "issuerURL"], "oidc_issuer_url"),
                (&["oidcConfig", "jwksURL"], "oidc_jwks_url"),
                (&["oidcConfig", "skipDiscovery"], "skip_oidc_discovery"),
                (&["oidcConfig", "insecureSkipNonce"], "insecure_oidc_skip_nonce"),
                (
                    &["oidcConfig", "insecureAllowUnverifiedEmail"],
                    "insecure_oidc_allow_unverified_email",
                ),
                (&["oidcConfig", "emailClaim"], "oidc_email_claim"),
                (&["oidcConfig", "groupsClaim"], "oidc_groups_claim"),
                (&["oidcConfig", "userIDClaim"], "user_id_claim"),
                (&["oidcConfig", "audienceClaims"], "oidc_audience_claims"),
                (&["oidcConfig", "extraAudiences"], "oidc_extra_audiences"),
            ] {
                self.set(name, text_of(provider, path), &place);
            }
        }
    }
}

/// The tree of an alpha file: YAML with a map whose keys are an alpha file's.
fn alpha(name: &str, text: &str) -> Option<Node> {
    const KEYS: [&str; 7] = [
        "upstreamConfig",
        "upstreams",
        "injectRequestHeaders",
        "injectResponseHeaders",
        "server",
        "metricsServer",
        "providers",
    ];
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let node = yaml::read(text, source, &mut Diagnostics::default())?;
    let found =
        node.map()?.iter().any(|(key, _)| key.text().is_some_and(|key| KEYS.contains(&key)));
    found.then_some(node)
}

/// Whether a text has flags or variables on its lines rather than keys of TOML.
fn has_lines(text: &str) -> bool {
    let bare = |line: &str| {
        let line = line.trim().trim_start_matches("- ").trim_start_matches(['"', '\'']);
        line.starts_with("--")
            || line.starts_with("OAUTH2_PROXY_")
            || line.contains("oauth2-proxy --")
            || line.starts_with("Environment=")
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).any(bare)
}

/// The words of a line as a shell splits them, without its expansions.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(mark), _) if letter == mark => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                open = true;
            }
            (None, _) if letter.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (None, _) => word.push(letter),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn one_or_commas(row: &Row, value: Option<String>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    match row.shape {
        Shape::Texts => value.split(',').map(|item| item.trim().to_owned()).collect(),
        Shape::Switch | Shape::Text => vec![value],
    }
}

/// The texts at the end of a path of keys: one, or those of a list.
fn text_of(node: &Node, path: &[&str]) -> Vec<String> {
    let end = path.iter().try_fold(node, |node, key| node.get(key));
    match end {
        Some(end) => match end.list() {
            Some(items) => items.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
            None => end.text().map(str::to_owned).into_iter().collect(),
        },
        None => Vec::new(),
    }
}

fn names_in(list: &Node) -> Vec<String> {
    let items = list.list().unwrap_or_default();
    items.iter().flat_map(|item| text_of(item, &["name"])).collect()
}

/// The option that a name is most likely a slip of.
pub(super) fn near(name: &str) -> Option<String> {
    let bare = name.trim_start_matches("--").trim_start_matches("OAUTH2_PROXY_");
    let names = super::table::ROWS.iter().map(|row| row.name);
    nearest(bare, names).map(str::to_owned)
}
