//! The Content-Security-Policy of our own pages: no script, no frame, one style sheet.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The whole style sheet, as it stands between the `<style>` tags of every page.
pub(super) const STYLE: &str = include_str!("style.css");

static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(digest(&SHA256, STYLE.as_bytes())));

/// The policy for our pages. `form_action_origins` are the origins that our forms may end at in addition to
/// our own, redirects included (Apple, and where sign-out leads to); what is not an origin is left
/// out.
pub fn content_security_policy(form_action_origins: &[String]) -> String {
    policy("'none'", form_action_origins)
}

/// The policy for the one page that may be seen inside a frame of its own origin: the answer to a
/// frame that needs a sign-in ([`View::may_be_framed`](super::View::may_be_framed)). It belongs
/// with `X-Frame-Options: SAMEORIGIN`.
pub fn same_origin_frame_policy(form_action_origins: &[String]) -> String {
    policy("'self'", form_action_origins)
}

fn policy(frame_ancestors: &str, form_action_origins: &[String]) -> String {
    let mut policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src 'self' data:; base-uri 'none'; \
         frame-ancestors {frame_ancestors}; form-action 'self'",
        *STYLE_HASH
    );
    for origin in form_action_origins.iter().filter(|origin| is_origin(origin)) {
        policy.push(' ');
        policy.push_str(origin);
    }
    policy
}

/// Security: keeps a configured value from adding a directive or a wildcard of its own.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    authority.is_some_and(|authority| !authority.is_empty() && authority.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t79_the_policy_allows_our_style_and_no_script() {
        let expected = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let apple = ["https://appleid.apple.com".to_owned()];
        assert_eq!(
            content_security_policy(&apple),
            format!(
                "default-src 'none'; style-src 'sha256-{expected}'; img-src 'self' data:; \
                 base-uri 'none'; frame-ancestors 'none'; form-action 'self' \
                 https://appleid.apple.com"
            )
        );
    }

    #[test]
    fn t80_only_the_answer_to_a_frame_may_be_framed_and_by_its_own_origin() {
        assert!(content_security_policy(&[]).contains("frame-ancestors 'none';"));
        assert!(same_origin_frame_policy(&[]).contains("frame-ancestors 'self';"));
    }

    #[test]
    fn what_is_no_origin_adds_nothing_to_the_policy() {
        let odd = ["https://a.test; script-src *", "*", "https://", "https://a.test/x", "data:"];
        let odd = odd.map(str::to_owned);
        assert_eq!(content_security_policy(&odd), content_security_policy(&[]));
        let plain = ["http://apple.localhost:9000".to_owned()];
        assert!(content_security_policy(&plain).ends_with(" http://apple.localhost:9000"));
    }
}
