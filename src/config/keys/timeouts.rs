//! Keys of time.

use std::time::Duration;

use super::key::*;
use super::row::{Scope, Type};

const DAY: u64 = 86_400;

family! {
    FAMILY = "Timeouts", Scope::Top;

    TIMEOUT_IDLE: Time = time("timeout_idle", (1, DAY, None), Duration::from_secs(300),
        "How long a kept-alive connection of a client may rest between requests.");
    _ = unread("timeout_read", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "30s",
        "How long a whole request may take to arrive.")
        .not_yet("leave it out; an upload may take as long as it moves");
    _ = unread("timeout_write", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "0",
        "How long an answer may take to be sent.")
        .not_yet("leave it out; an answer may take as long as it moves");
    _ = unread("default_upstream_timeout", Type::Duration { least: 1, most: DAY, zero: Some("no end") }, "30s",
        "The `timeout` of routes that have none.").not_yet("write `timeout` into each route");
    _ = unread("grpc_client_timeout", Type::Text, "",
        "How long the parts of a split installation wait for each other.")
        .ignored("Russet is one program");
}
