//! The evidence of a refusal, twice: whole for the log, and for the page only what is about the
//! person who reads it.

use crate::base::seal::digest;
use crate::identity::Identity;
use crate::pages::DenialReason;
use crate::policy::{Explanation, Missing, What};
use crate::telemetry::Evidence;

/// Most criteria that one log line tells.
const TOLD: usize = 8;

/// The grounds of a refusal for the operator. What was seen of an address is written with its
/// local part hashed, so that two lines can be compared without naming anybody.
pub(crate) fn for_log(explanation: &Explanation) -> Vec<Evidence> {
    let grounds = explanation.deciding_criteria().take(TOLD);
    grounds
        .map(|ground| Evidence {
            rule: ground.rule.clone(),
            criterion: ground.criterion.clone(),
            wanted: ground.wanted.clone(),
            seen: ground.seen.as_deref().map_or_else(|| "nothing".to_owned(), masked),
        })
        .collect()
}

/// Whatever looks like an address loses its local part to a short digest; the rest stays.
fn masked(seen: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        match bare.rsplit_once('@') {
            None => word.to_owned(),
            Some((_, domain)) => word.replace(bare, &format!("#{}@{domain}", short(bare))),
        }
    };
    seen.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn short(text: &str) -> String {
    digest(&text.to_ascii_lowercase()).chars().take(8).collect()
}

/// What is missing or different, for the person it is about.
pub(crate) fn for_page(
    explanation: &Explanation,
    identity: Option<&Identity>,
) -> Vec<DenialReason> {
    explanation.missing.iter().filter_map(|missing| reason(missing, identity)).collect()
}

fn reason(missing: &Missing, identity: Option<&Identity>) -> Option<DenialReason> {
    Some(match missing {
        Missing::SignIn => return None,
        Missing::Address => DenialReason::AddressAbsent,
        Missing::AddressUnverified => DenialReason::AddressUnverified,
        Missing::PrivateRelayForDomain | Missing::PrivateRelayForAddress => {
            DenialReason::AddressHidden
        }
        Missing::Claim { name } => DenialReason::ClaimMissing { name: name.clone() },
        Missing::ClaimLeftOut { name } => DenialReason::ClaimNotKept { name: name.clone() },
        Missing::AddressUnusable | Missing::Different { what: What::Address } => {
            DenialReason::AddressNotListed
        }
        Missing::Different { what: What::Domain } => DenialReason::DomainNotListed,
        Missing::Different { what: What::User } => DenialReason::AccountNotListed,
        Missing::Different { what: What::Group } => DenialReason::GroupNotListed,
        Missing::Different { what: What::Claim(name) } => DenialReason::ClaimDifferent {
            name: name.clone(),
            seen: identity.and_then(|identity| identity.claims.get(name)).map(shown),
        },
        Missing::Different { what: What::SourceIp } => DenialReason::Network,
        Missing::Different { what: What::Method } => DenialReason::Method,
        Missing::Different { what: What::Path } => DenialReason::Path,
        Missing::Different { what: What::ClientCertificate } => DenialReason::Certificate,
        Missing::Different { what: What::Time } => DenialReason::Time,
        Missing::Different { what: What::Preflight } => DenialReason::Rule,
    })
}

fn shown(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn addresses_are_comparable_in_the_log_but_name_nobody() {
        let one = masked("\"Ann@corp.example\" (private relay)");
        assert!(one.ends_with("@corp.example\" (private relay)") && !one.contains("nn@"), "{one}");
        assert_eq!(one, masked("\"ann@corp.example\" (private relay)"));
        assert!(!masked("ann@b@c").contains("ann"));
        assert_eq!(masked("[\"a\",\"b\"]"), "[\"a\",\"b\"]");
        assert_eq!(masked("001.ab"), "001.ab");
    }
}
