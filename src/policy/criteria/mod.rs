//! The criteria: one file each, one row each in one table, from which parsing, hints and the
//! reference page come.

mod accept;
mod auth_age;
mod authenticated_user;
mod claim;
mod client_certificate;
mod cors_preflight;
mod date;
mod day_of_week;
mod domain;
mod email;
mod email_verified;
mod groups;
mod http_method;
mod http_path;
mod invalid_client_certificate;
mod managed_account;
mod private_relay;
mod reject;
pub(super) mod shortcut;
mod source_ip;
mod time_of_day;
pub(super) mod unsupported;
mod user;
mod zone;

pub use client_certificate::{fingerprint, spki_hash};

use super::criterion::Row;

/// Every criterion, in the order in which the reference page lists them.
static CRITERIA: [&Row; 21] = [
    &accept::ROW,
    &reject::ROW,
    &authenticated_user::ROW,
    &user::ROW,
    &email::ROW,
    &domain::ROW,
    &email_verified::ROW,
    &private_relay::ROW,
    &managed_account::ROW,
    &auth_age::ROW,
    &claim::ROW,
    &groups::ROW,
    &http_method::ROW,
    &http_path::ROW,
    &source_ip::ROW,
    &cors_preflight::ROW,
    &client_certificate::ROW,
    &invalid_client_certificate::ROW,
    &date::ROW,
    &day_of_week::ROW,
    &time_of_day::ROW,
];

/// The name of the criterion that needs a file of groups.
pub(super) const GROUPS: &str = "groups";

/// Every criterion there is.
pub fn criteria() -> &'static [&'static Row] {
    &CRITERIA
}
