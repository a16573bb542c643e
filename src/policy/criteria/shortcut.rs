//! The criteria that the shortcut keys of a route stand for.

use serde_json::Value;

use super::claim::Claim;
use super::domain::Domain;
use super::email::Email;
use super::user::User;
use super::{
    accept, authenticated_user, claim, cors_preflight, domain, email, invalid_client_certificate,
    user,
};
use crate::base::diagnostic::Diagnostics;
use crate::policy::codes;
use crate::policy::criterion::{Row, Test};

type Criterion = (&'static Row, Test);

pub(in crate::policy) fn accept() -> Criterion {
    (&accept::ROW, Test::request(accept::Accept))
}

pub(in crate::policy) fn cors_preflight() -> Criterion {
    (&cors_preflight::ROW, Test::request(cors_preflight::CorsPreflight))
}

pub(in crate::policy) fn authenticated_user() -> Criterion {
    (&authenticated_user::ROW, Test::person(authenticated_user::AuthenticatedUser))
}

pub(in crate::policy) fn invalid_client_certificate() -> Criterion {
    let test = Test::request(invalid_client_certificate::InvalidClientCertificate);
    (&invalid_client_certificate::ROW, test)
}

pub(in crate::policy) fn users(users: &[String]) -> Criterion {
    (&user::ROW, Test::person(User::one_of(users)))
}

pub(in crate::policy) fn addresses(users: &[String]) -> Criterion {
    (&email::ROW, Test::person(Email::one_of(users)))
}

/// Warns of domains that cannot match; without a place, since the list has none here.
pub(in crate::policy) fn domains(domains: &[String], diagnostics: &mut Diagnostics) -> Criterion {
    (&domain::ROW, Test::person(Domain::one_of(domains, diagnostics)))
}

/// `None` after an error: a claim holds texts, numbers and booleans.
pub(in crate::policy) fn claim(
    name: &str,
    value: &Value,
    diagnostics: &mut Diagnostics,
) -> Option<Criterion> {
    let Some(claim) = Claim::has(name, value, diagnostics) else {
        diagnostics.error(
            codes::DATA,
            None,
            format!("`allowed_idp_claims` compares `{name}` with `{value}`, which no claim holds"),
            "write texts, numbers or booleans",
        );
        return None;
    };
    Some((&claim::ROW, Test::person(claim)))
}
