//! The one table of every key, a file for each family of keys.
//!
//! From it come the reading of values and their types, the hints for misspelt keys, the names of
//! the environment variables, `docs/configuration.md`, and the test that `config.example.yaml`
//! shows every key. A new key is a row here, a field in its owner's settings and a line in `lower`
//! that reads it by the row's constant; the compiler warns of a row that nothing reads (`key`).

mod key;
mod row;

pub(super) mod apple;
pub(super) mod certificate;
pub(super) mod decision_log;
pub(super) mod downstream_mtls;
pub(super) mod external_auth;
pub(super) mod headers;
pub(super) mod listener;
pub(super) mod logging;
pub(super) mod route;
pub(super) mod route_upstream;
pub(super) mod routes;
pub(super) mod services;
pub(super) mod session;
pub(super) mod storage;
pub(super) mod sub_policies;
pub(super) mod timeouts;
pub(super) mod tls;

pub(super) use key::{Content, File, Key, Link, Map, Read, Text, Texts, Tree};
pub(super) use row::{Family, Row, Scope, Status, Type};

/// Every family, in the order of the reference page.
pub(super) const FAMILIES: &[&Family] = &[
    &apple::FAMILY,
    &session::HOST_KEYS,
    &session::SESSION_KEYS,
    &listener::FAMILY,
    &external_auth::FAMILY,
    &external_auth::FIELD_KEYS,
    &external_auth::PEER_KEYS,
    &tls::CERTIFICATE_KEYS,
    &certificate::FAMILY,
    &downstream_mtls::FAMILY,
    &tls::OUTGOING_KEYS,
    &timeouts::FAMILY,
    &headers::FAMILY,
    &logging::FAMILY,
    &decision_log::FIELD_KEYS,
    &decision_log::ROTATION_KEYS,
    &storage::FAMILY,
    &services::FAMILY,
    &services::REMOVED_KEYS,
    &routes::ROUTE_LIST_KEYS,
    &route::MATCHING_KEYS,
    &route::ACCESS_KEYS,
    &sub_policies::FAMILY,
    &route_upstream::HEADER_KEYS,
    &route_upstream::UPSTREAM_KEYS,
    &route_upstream::PEOPLE_KEYS,
];

/// Every key of one scope.
pub(super) fn of(scope: Scope) -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().filter(move |family| family.scope == scope).flat_map(|family| family.keys)
}

/// The key with this name, in whatever case it is written (Pomerium does not mind either).
pub(super) fn find(scope: Scope, name: &str) -> Option<&'static Row> {
    let name = name.to_ascii_lowercase();
    of(scope).find(|key| match key.name.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => key.name == name,
    })
}

/// Says which keys a scope has, for whoever wrote one that is like none of them.
pub(super) fn listed(scope: Scope) -> String {
    match scope {
        Scope::Top | Scope::Route => "docs/configuration.md lists every key".to_owned(),
        _ => {
            let accepted =
                |key: &&Row| !matches!(key.status, Status::Ignored(_) | Status::Refused(_));
            let names: Vec<_> = of(scope).filter(accepted).map(|key| key.name).collect();
            format!("its keys are `{}`", names.join("`, `"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_stands_in_the_table_twice() {
        for scope in FAMILIES.iter().map(|family| family.scope) {
            let mut seen = HashSet::new();
            for key in of(scope) {
                assert!(seen.insert(key.name), "{}", key.name);
                assert_eq!(find(scope, key.name).unwrap().name, key.name, "hidden by another");
            }
        }
    }

    #[test]
    fn keys_that_exclude_each_other_are_keys_of_a_route() {
        for (open, others) in crate::policy::EXCLUSIVE {
            for name in others.iter().chain(&[open]) {
                assert_eq!(find(Scope::Route, name).unwrap().name, *name);
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
