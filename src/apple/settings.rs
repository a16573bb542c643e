//! What the Apple floor wants to know; the configuration lowers into it.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;

use super::key_file::SigningKey;
use crate::base::secret::Secret;

/// Where Apple itself is. Any other `idp_provider_url` means "not Apple".
pub const APPLE: &str = "https://appleid.apple.com";

/// Everything needed to talk to Apple.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `idp_provider_url` without a trailing slash: the endpoints are below it, it is the only
    /// accepted `iss` and the `aud` of the client secret. Default [`APPLE`].
    pub provider_url: String,
    /// The Services ID: `client_id`, `sub` of the client secret, `aud` of the id_token.
    pub client_id: String,
    /// How the client secret comes about.
    pub client_secret: ClientSecretSource,
    /// Scopes to ask for, `name` and `email` by default.
    pub scopes: Vec<String>,
    /// `idp_request_params`: further parameters of the authorize URL, never one of ours.
    pub request_params: Vec<(String, String)>,
    /// The return URL registered with Apple, byte for byte.
    pub redirect_uri: String,
    /// `certificate_authority`: trusted in addition to the system's roots.
    pub extra_roots: Arc<[CertificateDer<'static>]>,
}

impl Settings {
    /// Whether this is Apple itself and not a stand-in.
    pub fn is_apple(&self) -> bool {
        self.provider_url == APPLE
    }
}

/// How the client secret comes about.
#[derive(Clone, Debug)]
pub enum ClientSecretSource {
    /// Minted from the `.p8` key when it is needed.
    Key(KeyIdentity),
    /// Made elsewhere (`idp_client_secret`); dies within six months.
    Ready(Secret),
}

/// A `.p8` key and what Apple calls it.
#[derive(Clone, Debug)]
pub struct KeyIdentity {
    /// `idp_team_id`: `iss` of the client secret.
    pub team_id: String,
    /// `idp_key_id`: `kid` of the client secret.
    pub key_id: String,
    /// The key itself.
    pub key: SigningKey,
}
