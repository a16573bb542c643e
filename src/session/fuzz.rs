//! What must hold for any link and any ticket: only what we made opens, and only as we made it.

#![expect(clippy::expect_used, reason = "a body fails by panicking")]

use std::sync::LazyLock;

use serde_json::json;

use super::Session;
use super::link::{BrowserHash, Links, Starts};
use super::return_address::ReturnAddress;
use super::ticket::Tickets;
use crate::base::fuzz::edited;
use crate::base::ids::SessionId;
use crate::base::seal::Ring;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::identity::{Claims, Identity};
use crate::wire::form::Form;
use crate::wire::host::Authority;

const NOW: Timestamp = Timestamp(1_800_000_000);
const SINCE: Option<Timestamp> = Some(Timestamp(1_799_999_000));
const APP: &str = "app.example.com";
const AUTHENTICATE: &str = "auth.example.com";
/// Everything that a link says.
const PARTS: [&str; 6] = [
    "pomerium_redirect_uri",
    "pomerium_issued",
    "russet_browser",
    "russet_shortened",
    "russet_since",
    "pomerium_signature",
];

fn ring() -> Ring {
    Ring::new(vec![Secret::new([1; 32])]).expect("a key of the right length")
}

fn ours(authority: &Authority<'_>) -> bool {
    authority.host() == APP && authority.port().is_none()
}

static RETURN_TO: LazyLock<ReturnAddress> = LazyLock::new(|| {
    let app = Authority::parse(APP).expect("a plain host");
    ReturnAddress::of_request(&app, "/deep/path?q=1&r=%2F", &ours).expect("a plain address")
});

fn query_of(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Whether a query says the same as the valid one: it may be spelt or ordered in another way, which
/// forms allow, and hold what nobody reads.
fn says_the_same(query: &Form<'_>, valid: &str) -> bool {
    let valid = Form::query(Some(valid)).expect("our own query");
    PARTS.iter().all(|name| query.get(name) == valid.get(name))
}

/// A query opens only if it says to the letter what was signed, and never in the place of the other
/// kind. The bytes are a query, or changes to a valid one.
pub(crate) fn link(bytes: &[u8]) {
    static LINKS: LazyLock<Links> = LazyLock::new(|| Links::new(&ring()));
    static STARTS: LazyLock<Starts> = LazyLock::new(|| Starts::new(&ring()));
    static LINK: LazyLock<String> =
        LazyLock::new(|| LINKS.url(AUTHENTICATE, &RETURN_TO, &BrowserHash::of("mine"), SINCE, NOW));
    static START: LazyLock<String> = LazyLock::new(|| STARTS.url(&RETURN_TO, SINCE, NOW));
    let (link, start) = (query_of(&LINK), query_of(&START));
    let given = std::str::from_utf8(bytes).ok().map(str::to_owned);
    for text in [given, edited(link, bytes), edited(start, bytes)].into_iter().flatten() {
        let Ok(query) = Form::query(Some(&text)) else { continue };
        let opened = LINKS.check(AUTHENTICATE, &query, &ours, NOW);
        assert_eq!(opened.is_ok(), says_the_same(&query, link), "{text:?}");
        let started = STARTS.check(APP, &query, &ours, NOW);
        assert!(opened.is_err() || started.is_err(), "one passes for the other: {text:?}");
        let start = Form::query(Some(start)).expect("our own query");
        let same = PARTS.iter().filter(|name| **name != "russet_browser");
        let same = same.into_iter().all(|name| query.get(name) == start.get(name));
        assert_eq!(started.is_ok(), same, "{text:?}");
    }
}

/// A ticket opens only to the letter. The bytes are a ticket, or changes to a valid one.
pub(crate) fn ticket(bytes: &[u8]) {
    static TICKETS: LazyLock<Tickets> = LazyLock::new(|| Tickets::new(&ring()));
    static TICKET: LazyLock<String> = LazyLock::new(|| {
        let claims = json!({"sub": "001.ab", "email": "ann@corp.example", "email_verified": true});
        let claims = Claims::new(claims.as_object().cloned().unwrap_or_default());
        let session = Session {
            id: SessionId::from_bytes([3; 16]),
            identity: Identity::new("001.ab", claims, NOW),
            begun_at: NOW,
            expires_at: Timestamp(NOW.0 + 50_400),
        };
        let browser = BrowserHash::of("mine");
        TICKETS.mint(&session, &RETURN_TO, &browser, NOW).expect("a session that can be sealed")
    });
    let given = std::str::from_utf8(bytes).ok().map(str::to_owned);
    for text in [given, edited(&TICKET, bytes)].into_iter().flatten() {
        let opened = TICKETS.open(&text, APP, &["other", "mine"], &ours, NOW);
        assert_eq!(opened.is_some(), text == *TICKET, "{text:?}");
        assert!(TICKETS.open(&text, APP, &["other"], &ours, NOW).is_none());
    }
}
