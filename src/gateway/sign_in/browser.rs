//! The cookie that names a browser while it signs in, and the count of rounds that stops a loop.

use std::time::Duration;

use http::HeaderMap;

use crate::base::random;
use crate::gateway::request::CheckedRequest;
use crate::gateway::sign_in::cookies::{BROWSER, ROUNDS, set_own};
use crate::wire::cookies;

/// After this many sign-ins in a row that led to another one, something is wrong.
const MOST_ROUNDS: u32 = 3;

/// How long a round is remembered.
const ROUND_LIFETIME: Duration = Duration::from_secs(60);

/// How long the browser cookie is good, renewed with every sign-in that begins.
const BROWSER_LIFETIME: Duration = Duration::from_secs(600);

/// The browser cookie that is there already, so that several tabs share it, or a new one.
pub(crate) fn kept_or_new(headers: &HeaderMap) -> String {
    let sane = |value: &&str| {
        value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let mut values = cookies::values(headers, BROWSER);
    values.find(sane).map_or_else(random::token, str::to_owned)
}

/// Gives the browser its cookie.
pub(crate) fn remember(to: &mut HeaderMap, value: &str) {
    set_own(to, BROWSER, value, cookies::SameSite::Lax, BROWSER_LIFETIME);
}

/// Counts a sign-in that is complete; forgotten after a minute.
pub(crate) fn count_round(to: &mut HeaderMap, request: &CheckedRequest) {
    let rounds = rounds(request.headers()).saturating_add(1).min(MOST_ROUNDS);
    set_own(to, ROUNDS, &rounds.to_string(), cookies::SameSite::Lax, ROUND_LIFETIME);
}

/// Whether this browser has signed in again and again within a minute and still is not.
pub(crate) fn goes_round(request: &CheckedRequest) -> bool {
    rounds(request.headers()) >= MOST_ROUNDS
}

/// Begins counting anew.
pub(crate) fn forget_rounds(to: &mut HeaderMap) {
    set_own(to, ROUNDS, "", cookies::SameSite::Lax, Duration::ZERO);
}

fn rounds(headers: &HeaderMap) -> u32 {
    cookies::values(headers, ROUNDS).filter_map(|value| value.parse().ok()).max().unwrap_or(0)
}
