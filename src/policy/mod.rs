//! Floor 2: Pomerium's policy language (PPL).

use crate::base::diagnostic::Diagnostics;
use crate::base::node::Node;

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Policy;

/// The shortcut keys of a route; all of them together make one `allow: or:` rule.
#[derive(Clone, Debug, Default)]
pub struct Shortcuts {
    /// `allow_public_unauthenticated_access`.
    pub public: bool,
    /// `allow_any_authenticated_user`.
    pub any_authenticated: bool,
    /// `allowed_users`: `sub` or address.
    pub users: Vec<String>,
    /// `allowed_domains`.
    pub domains: Vec<String>,
    /// `allowed_idp_claims`: claim and the values that admit.
    pub idp_claims: Vec<(String, Vec<serde_json::Value>)>,
    /// `cors_allow_preflight`.
    pub cors_preflight: bool,
}

impl Policy {
    /// Compiles shortcuts and the `policy` key of a route into one policy. On an error the
    /// diagnostics say so and the policy admits nobody.
    pub fn compile(_shortcuts: &Shortcuts, _ppl: Option<&Node>, _told: &mut Diagnostics) -> Self {
        Self
    }
}
