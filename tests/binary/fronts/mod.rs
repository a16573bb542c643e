//! Russet behind the real nginx, HAProxy, Caddy and Envoy, each with its shipped example.

mod differential;
mod examples;
mod oauth2_proxy;
mod probed;
mod proxies;
#[path = "../../it/support/recorder.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod recorder;
mod site;
#[path = "../../it/support/targets.rs"]
#[expect(unreachable_pub, reason = "shared with the integration tests")]
mod targets;
mod walk;
#[path = "../../it/support/wire.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod wire;
