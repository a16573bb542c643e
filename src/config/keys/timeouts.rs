//! Keys of time.

use super::{Family, Key, Scope, Type, key};

pub(super) const FAMILY: Family = Family { title: "Timeouts", scope: Scope::Top, keys: KEYS };

const DAY: u64 = 86_400;

const KEYS: &[Key] = &[
    key(
        "timeout_idle",
        Type::Duration { least: 1, most: DAY, zero: None },
        "5m",
        "How long a kept-alive connection of a client may rest between requests.",
    ),
    key(
        "timeout_read",
        Type::Duration { least: 1, most: DAY, zero: Some("no end") },
        "30s",
        "How long a whole request may take to arrive.",
    )
    .not_yet("leave it out; an upload may take as long as it moves"),
    key(
        "timeout_write",
        Type::Duration { least: 1, most: DAY, zero: Some("no end") },
        "0",
        "How long an answer may take to be sent.",
    )
    .not_yet("leave it out; an answer may take as long as it moves"),
    key(
        "default_upstream_timeout",
        Type::Duration { least: 1, most: DAY, zero: Some("no end") },
        "30s",
        "The `timeout` of routes that have none.",
    )
    .not_yet("write `timeout` into each route"),
    key(
        "grpc_client_timeout",
        Type::Text,
        "",
        "How long the parts of a split installation wait for each other.",
    )
    .ignored("Russet is one program"),
];
