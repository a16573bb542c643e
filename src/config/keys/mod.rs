//! The one table of every key, a file for each family of keys.
//!
//! From it come the reading of values and their types, the hints for misspelt keys, the names of
//! the environment variables, `docs/configuration.md`, and the test that `config.example.yaml`
//! shows every key. A new key is a row here, a field in its owner's settings and a line in
//! `lower`.

mod apple;
mod external_auth;
mod headers;
mod listener;
mod logging;
mod routes;
mod routes_to;
mod services;
mod session;
mod storage;
mod timeouts;
mod tls;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// As it is written; where it ends in `*`, every key that begins so.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Type,
    /// What holds where it is not written, as it would be written; empty for nothing.
    pub default: &'static str,
    /// Whether Russet does it.
    pub status: Status,
    /// What it does, in one sentence for the operator.
    pub text: &'static str,
    /// Security: whether the value must never be shown, and the file that holds it be kept closed.
    pub secret: bool,
    /// Whether it says what is decided on requests: a fault in it is an error where the rules are
    /// loaded alone, too.
    pub decides: bool,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Integer {
        /// The smallest.
        least: i64,
        /// The largest.
        most: i64,
    },
    /// A duration with its unit, in whole seconds within bounds.
    Duration {
        /// The shortest, in seconds.
        least: u64,
        /// The longest, in seconds.
        most: u64,
        /// What `0` means; `None` where it is refused.
        zero: Option<&'static str>,
    },
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// Text.
    Text,
    /// The name of a file.
    Path,
    /// An absolute URL.
    Url,
    /// `address:port` to listen on.
    Address,
    /// A list of texts, or one text with commas.
    Texts,
    /// A map of text to text, or that as JSON in one text.
    Map,
    /// Something with a structure of its own; the names are those of its fields, which have
    /// environment variables too.
    Tree(&'static [&'static str]),
    /// A list of routes.
    Routes,
}

impl Type {
    /// The kind of value in an operator's words.
    pub fn words(self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Self::Duration { least, most, zero } => {
                let shown =
                    |seconds| crate::base::duration::shown(std::time::Duration::from_secs(seconds));
                let zero = zero.map_or_else(String::new, |means| format!(", or `0` for {means}"));
                format!("a duration from {} to {}{zero}", shown(least), shown(most))
            }
            Self::Choice(words) => format!("one of `{}`", words.join("`, `")),
            Self::Text => "text".to_owned(),
            Self::Path => "a file name".to_owned(),
            Self::Url => "a URL".to_owned(),
            Self::Address => "`address:port`".to_owned(),
            Self::Texts => "a list, or text with commas".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::Tree(_) => "a structure".to_owned(),
            Self::Routes => "a list of routes".to_owned(),
        }
    }
}

/// Whether Russet does what a key asks for.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    /// As in Pomerium.
    Supported,
    /// Ours; Pomerium does not know it.
    Ours,
    /// Accepted and without effect, because it concerns what Russet does not have.
    Ignored(&'static str),
    /// Accepted at its default alone; what to do meanwhile.
    NotYet(&'static str),
    /// Accepted at its default alone, for good; why, and what to do instead.
    Fixed(&'static str),
    /// Never accepted; why, and what to do instead.
    Refused(&'static str),
}

impl Status {
    /// Whether the key has an effect today.
    pub fn is_supported(self) -> bool {
        matches!(self, Self::Supported | Self::Ours)
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At top level.
    Top,
    /// In a route.
    Route,
    /// In `external_auth`.
    ExternalAuth,
}

/// Keys that belong together.
#[derive(Debug)]
pub struct Family {
    /// Heading of the reference page.
    pub title: &'static str,
    /// Where its keys stand.
    pub scope: Scope,
    /// Its keys.
    pub keys: &'static [Key],
}

/// Every family, in the order of the reference page.
pub const FAMILIES: &[&Family] = &[
    &apple::FAMILY,
    &session::HOSTS,
    &session::SESSIONS,
    &listener::FAMILY,
    &external_auth::FAMILY,
    &external_auth::FIELDS,
    &tls::CERTIFICATES,
    &tls::OUTGOING,
    &timeouts::FAMILY,
    &headers::FAMILY,
    &logging::FAMILY,
    &storage::FAMILY,
    &services::FAMILY,
    &services::REMOVED,
    &routes::ROUTES,
    &routes::MATCHING,
    &routes::ACCESS,
    &routes_to::HEADERS,
    &routes_to::UPSTREAM,
    &routes_to::PEOPLE,
];

const fn key(name: &'static str, kind: Type, default: &'static str, text: &'static str) -> Key {
    Key { name, kind, default, status: Status::Supported, text, secret: false, decides: false }
}

impl Key {
    const fn ours(self) -> Self {
        Self { status: Status::Ours, ..self }
    }

    const fn not_yet(self, meanwhile: &'static str) -> Self {
        Self { status: Status::NotYet(meanwhile), ..self }
    }

    const fn ignored(self, why: &'static str) -> Self {
        Self { status: Status::Ignored(why), ..self }
    }

    const fn fixed(self, why: &'static str) -> Self {
        Self { status: Status::Fixed(why), ..self }
    }

    const fn refused(self, instead: &'static str) -> Self {
        Self { status: Status::Refused(instead), ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn decides(self) -> Self {
        Self { decides: true, ..self }
    }
}

/// Every key of one scope.
pub fn of(scope: Scope) -> impl Iterator<Item = &'static Key> {
    FAMILIES.iter().filter(move |family| family.scope == scope).flat_map(|family| family.keys)
}

/// The key with this name, in whatever case it is written (Pomerium does not mind either).
pub fn find(scope: Scope, name: &str) -> Option<&'static Key> {
    let name = name.to_ascii_lowercase();
    of(scope).find(|key| match key.name.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => key.name == name,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_stands_in_the_table_twice() {
        for scope in [Scope::Top, Scope::Route, Scope::ExternalAuth] {
            let mut seen = HashSet::new();
            for key in of(scope) {
                assert!(seen.insert(key.name), "{}", key.name);
                assert_eq!(find(scope, key.name).unwrap().name, key.name, "hidden by another");
            }
        }
    }

    #[test]
    fn every_sentence_is_one() {
        for key in FAMILIES.iter().flat_map(|family| family.keys) {
            assert!(key.text.ends_with('.') && !key.text.contains('|'), "{}", key.name);
            if let Status::NotYet(help)
            | Status::Fixed(help)
            | Status::Refused(help)
            | Status::Ignored(help) = key.status
            {
                assert!(!help.is_empty() && !help.ends_with('.'), "{}", key.name);
            }
        }
    }
}
