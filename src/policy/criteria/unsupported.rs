//! Criteria of Pomerium's that are refused, each with what to do without it.

/// Name, and what to do without it.
const NOT_HERE: [(&str, &str); 10] = [
    (
        "device",
        "Apple says nothing about devices; look whether the rule is strict enough without it",
    ),
    ("record", "there are no external records; use `claim/...`, `email` or `user`"),
    ("mcp_tool", "restrict the route by `http_path` and `http_method`"),
    ("pomerium_routes", "Russet's own pages need no rule; remove it"),
    ("rego", "write the rule with the criteria there are"),
    ("ssh_publickey", NO_SSH),
    ("ssh_ca", NO_SSH),
    ("ssh_username", NO_SSH),
    ("ssh_username_matches_email", NO_SSH),
    ("ssh_username_matches_claim", NO_SSH),
];

const NO_SSH: &str = "Russet serves HTTP only; remove it";

/// Their names, for hints.
pub(in crate::policy) fn names() -> impl Iterator<Item = &'static str> {
    NOT_HERE.iter().map(|(name, _)| *name)
}

/// Message and help for a criterion that Russet does not have.
pub(in crate::policy) fn refusal(name: &str) -> Option<(String, &'static str)> {
    let (_, help) = NOT_HERE.iter().find(|(known, _)| *known == name)?;
    Some((format!("Russet has no criterion `{name}` and never will"), help))
}
