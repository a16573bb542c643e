//! A denial in plain words: what is missing or different, and what the person can do about it.

use super::DenialReason;
use super::message::{bounded, site};
use super::{Chrome, Denied};

/// One reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    /// Stable word for programs.
    pub(super) code: &'static str,
    /// What is missing or different.
    pub(super) what: String,
    /// Why that may be, or what to do about it.
    pub(super) remedy: String,
    /// Whether sharing the address anew may help.
    pub(super) share_again: bool,
}

/// How to share the address anew, for who reads no page with its list of steps.
const SHARE_AGAIN: &str = "Open the settings of your Apple Account, go to Sign in with Apple, \
    choose this service and Stop using; then sign in anew and choose Share My Email.";

impl Explanation {
    /// All of it in one text.
    pub(super) fn text(&self) -> String {
        let steps = if self.share_again { SHARE_AGAIN } else { "" };
        format!("{} {} {steps}", self.what, self.remedy).trim_end().to_owned()
    }
}

/// The reasons of `denied` in words, each once, without those that follow from another.
pub(super) fn explain(denied: &Denied, chrome: &Chrome<'_>) -> Vec<Explanation> {
    let mut explanations: Vec<Explanation> = Vec::new();
    for reason in relevant(&denied.reasons) {
        let explanation = in_words(reason, site(chrome));
        if !explanations.contains(&explanation) {
            explanations.push(explanation);
        }
    }
    if explanations.is_empty() {
        explanations.push(in_words(&DenialReason::Rule, site(chrome)));
    }
    explanations
}

/// Somebody whose address we cannot see need not be told that it is on no list, and somebody who
/// is told one thing that can be changed need not be told that there are rules.
pub(super) fn relevant(reasons: &[DenialReason]) -> Vec<&DenialReason> {
    use DenialReason as R;
    let unseen = reasons
        .iter()
        .any(|r| matches!(r, R::AddressAbsent | R::AddressHidden | R::AddressUnverified));
    let special = reasons.iter().any(|r| !matches!(r, R::Rule));
    reasons
        .iter()
        .filter(|r| match r {
            R::AddressNotListed | R::DomainNotListed => !unseen,
            R::Rule => !special,
            _ => true,
        })
        .collect()
}

fn in_words(reason: &DenialReason, site: &str) -> Explanation {
    match reason {
        DenialReason::AddressAbsent
        | DenialReason::AddressHidden
        | DenialReason::AddressUnverified
        | DenialReason::AddressNotListed
        | DenialReason::DomainNotListed => address(reason, site),
        DenialReason::AccountNotListed => plain(
            "account-not-listed",
            "Your account is not on the list.",
            "This page is for certain accounts only. If yours should be one of them, send your \
             administrator the account id below.",
        ),
        DenialReason::GroupNotListed => plain(
            "group-not-listed",
            "You are not in a group that may see this page.",
            "If you should be in one of them, send your administrator the account id below.",
        ),
        DenialReason::ClaimMissing { name } => claim_missing(&bounded(name)),
        DenialReason::ClaimDifferent { name, seen } => {
            claim_different(&bounded(name), seen.as_deref().map(bounded))
        }
        DenialReason::ClaimNotKept { name } => plain(
            "claim-not-kept",
            format!("Your “{}” is too long.", bounded(name)),
            "This page goes by it, but what Apple says there does not fit your session. Only your \
             administrator can change that.",
        ),
        DenialReason::Method => plain(
            "method-not-allowed",
            "This kind of request is not open to you.",
            "Looking may be allowed where changing is not. Go back, or ask your administrator.",
        ),
        DenialReason::Path => plain(
            "path-not-allowed",
            format!("This part of {site} is not open to you."),
            "Another part may be. Go back, or ask your administrator.",
        ),
        DenialReason::Network => plain(
            "network-not-allowed",
            "You are on another network than this page allows.",
            "Connect the way you do at work, by its network or its VPN for example, then load \
             this page again.",
        ),
        DenialReason::Certificate => plain(
            "certificate-not-listed",
            "Your device’s certificate is not one of those let in.",
            "This page is for certain devices only. If yours should be one of them, or another of \
             your devices is, ask your administrator.",
        ),
        DenialReason::Time => plain(
            "time-not-allowed",
            "This page is closed at the moment.",
            "It opens at certain times or on certain days only. Come back then, or ask your \
             administrator when that is.",
        ),
        DenialReason::Rule => plain(
            "rule",
            "The rules of this page do not let this account in.",
            "If that surprises you, ask your administrator.",
        ),
    }
}

fn plain(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Explanation {
    Explanation { code, what: what.into(), remedy: remedy.into(), share_again: false }
}

fn address(reason: &DenialReason, site: &str) -> Explanation {
    match reason {
        DenialReason::AddressAbsent => Explanation {
            share_again: true,
            ..plain(
                "address-absent",
                "Apple sent no address for you.",
                format!(
                    "{site} goes by email address. A managed school or company account may have \
                     none: then your administrator can let you in by the account id below. With \
                     an account of your own, share your address:"
                ),
            )
        },
        DenialReason::AddressHidden => Explanation {
            share_again: true,
            ..plain(
                "address-hidden",
                "Apple keeps your real address hidden.",
                format!(
                    "{site} goes by email address, and Apple gave it a private relay address in \
                     place of yours. If your real one would let you in, share it:"
                ),
            )
        },
        DenialReason::AddressUnverified => plain(
            "address-unverified",
            "Apple does not vouch for your address.",
            format!(
                "{site} goes by email address, and Apple marks yours as not verified, as happens \
                 to managed accounts. Whoever manages yours can have it verified, or your \
                 administrator can let you in by the account id below."
            ),
        ),
        DenialReason::DomainNotListed => plain(
            "domain-not-listed",
            "Your address is of no organization that may enter.",
            format!(
                "{site} is for addresses of certain organizations only. If you have one, use the \
                 Apple Account that it belongs to."
            ),
        ),
        _ => plain(
            "address-not-listed",
            "Your address is not on the list.",
            "This page is for certain addresses only. Use the account whose address is one of \
             them, or ask your administrator to add this one.",
        ),
    }
}

fn claim_missing(name: &str) -> Explanation {
    let remedy = if name == "org_id" {
        "This page goes by it, and only accounts that an organization manages have one. If you \
         have such an account, use that."
    } else {
        "This page goes by it. Another account may have one; if you expected to be let in, ask \
         your administrator."
    };
    plain("claim-missing", format!("Apple sent no “{name}” for you."), remedy)
}

fn claim_different(name: &str, seen: Option<String>) -> Explanation {
    let seen = seen.map(|seen| format!(", which is “{seen}”,")).unwrap_or_default();
    plain(
        "claim-different",
        format!("Your “{name}” is not the right one."),
        format!(
            "This page goes by it, and yours{seen} does not fit. Another account may; if you \
             expected to be let in, ask your administrator."
        ),
    )
}
