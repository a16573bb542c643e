//! What is known of the certificate that a client showed.

/// A client's certificate, checked by whoever took the connection. A policy sees no more of it
/// than this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// SHA-256 of the certificate, 64 lower-case hex digits.
    pub fingerprint: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), base64.
    pub spki_hash: String,
    /// Its subject alternative names that are addresses.
    pub san_email: Vec<String>,
    /// Its subject alternative names that are hosts.
    pub san_dns: Vec<String>,
    /// Its subject alternative names that are URIs.
    pub san_uri: Vec<String>,
    /// Whether it leads to an authority that the operator named, is in time and not revoked.
    pub valid: bool,
}
