//! Runs the body that `FUZZ_BODY` names on what libFuzzer makes up; `make fuzz` says how.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use russet::fuzz::Body;

static BODY: OnceLock<Body> = OnceLock::new();

fuzz_target!(init: {
    let name = std::env::var("FUZZ_BODY").unwrap_or_default();
    let names = russet::fuzz::BODIES.iter().map(|body| body.name).collect::<Vec<_>>().join(" ");
    let body = russet::fuzz::body(&name).unwrap_or_else(|| panic!("FUZZ_BODY is one of: {names}"));
    BODY.get_or_init(|| body);
}, |bytes: &[u8]| {
    if let Some(body) = BODY.get() {
        (body.run)(bytes);
    }
});
