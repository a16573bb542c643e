//! Criteria of Pomerium's that are refused, each with what to do meanwhile.

/// Name, whether it will come, and what to do meanwhile.
const NOT_HERE: [(&str, Coming, &str); 17] = [
    ("date", Coming::Yet, BY_HAND),
    ("day_of_week", Coming::Yet, BY_HAND),
    ("time_of_day", Coming::Yet, BY_HAND),
    ("private_relay", Coming::Yet, "write: claim/is_private_email: true"),
    (
        "email_verified",
        Coming::Yet,
        "write: claim/email_verified: true; `email` and `domain` ask it anyway",
    ),
    ("managed_account", Coming::Yet, "write: claim/org_id: ... with the id of the organisation"),
    ("auth_age", Coming::Yet, "shorten cookie_expire"),
    (
        "device",
        Coming::Never,
        "Apple says nothing about devices; look whether the rule is strict enough without it",
    ),
    ("record", Coming::Never, "there are no external records; use `claim/...`, `email` or `user`"),
    ("mcp_tool", Coming::Never, "restrict the route by `http_path` and `http_method`"),
    ("pomerium_routes", Coming::Never, "Russet's own pages need no rule; remove it"),
    ("rego", Coming::Never, "write the rule with the criteria there are"),
    ("ssh_publickey", Coming::Never, NO_SSH),
    ("ssh_ca", Coming::Never, NO_SSH),
    ("ssh_username", Coming::Never, NO_SSH),
    ("ssh_username_matches_email", Coming::Never, NO_SSH),
    ("ssh_username_matches_claim", Coming::Never, NO_SSH),
];

const BY_HAND: &str =
    "until then write the stricter of the two rules, and change it by hand when it is time";
const NO_SSH: &str = "Russet serves HTTP only; remove it";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    Yet,
    Never,
}

/// Their names, for hints.
pub(in crate::policy) fn names() -> impl Iterator<Item = &'static str> {
    NOT_HERE.iter().map(|(name, ..)| *name)
}

/// Message and help for a criterion that Russet does not have.
pub(in crate::policy) fn refusal(name: &str) -> Option<(String, &'static str)> {
    let (_, coming, help) = NOT_HERE.iter().find(|(known, ..)| *known == name)?;
    let message = match coming {
        Coming::Yet => format!("the criterion `{name}` is not there yet"),
        Coming::Never => format!("Russet has no criterion `{name}` and never will"),
    };
    Some((message, help))
}
