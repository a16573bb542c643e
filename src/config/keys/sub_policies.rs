//! Keys inside one of `sub_policies` of a route.

use super::key::*;
use super::row::{Scope, Type};

const PAGE: &str = "it is not shown to anybody; the page of a refusal says why itself";

family! {
    FAMILY = "Route: the keys of each of `sub_policies`", Scope::SubPolicy;

    _ = checked("id", Type::Text, "",
        "What Pomerium's console calls it; without effect here.").decides();
    _ = checked("name", Type::Text, "",
        "What people call it; without effect here.").decides();
    ALLOWED_USERS: Texts = texts("allowed_users", &[],
        "Let these people pass: verified addresses, or Apple's `sub`.").decides();
    ALLOWED_DOMAINS: Texts = texts("allowed_domains", &[],
        "Let people pass whose verified address is in one of these domains.").decides();
    ALLOWED_IDP_CLAIMS: Tree = tree("allowed_idp_claims", &[],
        "Let people pass who have one of the listed values in a claim.").decides();
    POLICY: Tree = tree("policy", &[],
        "Who may pass, in Pomerium's policy language.").decides();
    _ = unread("explanation", Type::Text, "",
        "What people read who are refused.").ignored(PAGE).decides();
    _ = unread("remediation", Type::Text, "",
        "What people read who are refused.").ignored(PAGE).decides();
    _ = unread("rego", Type::Tree(&[]), "",
        "Who may pass, in Rego.")
        .refused("Russet runs no Rego; write the rule into `policy`, with the criteria that exist").decides();
    _ = unread("allowed_groups", Type::Texts, "",
        "Groups, formerly.")
        .refused("write a policy that names the group: `policy: {allow: {or: [{groups: staff}]}}`").decides();
}
