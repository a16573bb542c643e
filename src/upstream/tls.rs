//! How the certificates of applications are checked, made once for each way of checking.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::SelfSigned;
use super::settings::TlsSettings;

/// Why the certificates of an application could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The machine has no root certificates.
    #[error(
        "this machine has no certificates of authorities, so that the certificate of {host} cannot \
         be checked; install ca-certificates, or name one in the route's tls_custom_ca_file"
    )]
    NoRoots {
        /// Host of `to`.
        host: String,
        /// What the verifier said.
        source: Error,
    },
    /// A configured root is none.
    #[error("a certificate to trust for {host} cannot be used")]
    Root {
        /// Host of `to`.
        host: String,
        /// What the TLS library said.
        source: Error,
    },
    /// `to` has a host that no certificate can be for.
    #[error("{0} is not a name that a certificate can be for")]
    Name(String),
}

/// The TLS configuration for applications that are checked as `settings` say.
pub(super) fn client_config(
    settings: &TlsSettings,
    host: &str,
) -> Result<Arc<ClientConfig>, SetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(settings, host, &provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| SetupError::Root { host: host.to_owned(), source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn verifier(
    settings: &TlsSettings,
    host: &str,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    if settings.skip_verify {
        return Ok(Arc::new(Unverified { provider: Arc::clone(provider) }));
    }
    let inner: Arc<dyn ServerCertVerifier> = if settings.custom_roots.is_empty() {
        let extra = settings.extra_roots.iter().cloned();
        let system = Verifier::new_with_extra_roots(extra, Arc::clone(provider));
        Arc::new(system.map_err(|source| match source {
            Error::General(_) => SetupError::NoRoots { host: host.to_owned(), source },
            source => SetupError::Root { host: host.to_owned(), source },
        })?)
    } else {
        let refused = |source| SetupError::Root { host: host.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for root in settings.custom_roots.iter().chain(settings.extra_roots.iter()) {
            roots.add(root.clone()).map_err(refused)?;
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| refused(Error::Other(OtherError(Arc::new(error)))))?
    };
    Ok(Arc::new(Verified { inner }))
}

/// Checks in full, and says of a refused certificate whether it is signed by itself.
#[derive(Debug)]
struct Verified {
    inner: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Verified {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let inner = &self.inner;
        inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| match error {
                Error::InvalidCertificate(CertificateError::UnknownIssuer)
                    if is_self_signed(end_entity) =>
                {
                    CertificateError::Other(OtherError(Arc::new(SelfSigned))).into()
                }
                error => error,
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// `tls_skip_verify`: takes any certificate.
///
/// Security: whoever sits between us and the application can read and change everything, the
/// assertion of who is signed in included. For trials; `check` and the start say so loudly.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.issuer() == parsed.subject())
}
