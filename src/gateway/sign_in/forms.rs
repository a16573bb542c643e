//! Forms of ours, which only the page that showed them can send.

use crate::base::ids::SessionId;
use crate::base::secret::Secret;
use crate::gateway::request::CheckedRequest;
use crate::pages::{self, Href};

/// Where the sign-out form is sent.
pub(crate) const SIGN_OUT: &str = "/.pomerium/sign_out";

/// The form that ends this session; with an address, it asks for another account for it.
pub(crate) fn sign_out(
    request: &CheckedRequest,
    session: SessionId,
    return_to: Option<String>,
) -> pages::Form {
    let token = request.plan.forms.sign(&[&session.to_string(), request.authority.host()]);
    pages::Form { action: Href::new(SIGN_OUT), csrf: Secret::new(token), return_to }
}

/// Whether a token is that of [`sign_out`]'s form for this session on this host (T81).
pub(crate) fn is_sign_out(request: &CheckedRequest, session: SessionId, token: &str) -> bool {
    request.plan.forms.verify(&[&session.to_string(), request.authority.host()], token)
}
