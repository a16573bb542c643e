//! The server's certificate: given, or made at start by an authority that is made with it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use url::Url;

use super::settings::{StartError, Tls};
use crate::base::time::Timestamp;

/// Apple's own platforms refuse certificates of servers that live longer than 825 days.
const LIFETIME_DAYS: i64 = 390;

/// What connections are accepted with.
pub(super) struct Served {
    /// `None` for plain HTTP.
    pub tls: Option<ServerConfig>,
    /// The authority made at start, as PEM.
    pub authority_pem: Option<String>,
}

pub(super) fn serve(tls: &Tls, base_url: &str, now: Timestamp) -> Result<Served, StartError> {
    match tls {
        Tls::Plain => Ok(Served { tls: None, authority_pem: None }),
        Tls::Given { chain_pem, key_pem } => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem).collect();
            let key = PrivateKeyDer::from_pem_slice(key_pem.expose());
            let config = server_config(chain?, key?)?;
            Ok(Served { tls: Some(config), authority_pem: None })
        }
        Tls::Made => make(base_url, now),
    }
}

fn make(base_url: &str, now: Timestamp) -> Result<Served, StartError> {
    let mut authority = params(Vec::new(), "Russet fake Apple: not Apple", now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let host = Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let mut names = vec![host.clone()];
    for name in ["localhost", "127.0.0.1", "::1"] {
        if name != host {
            names.push(name.to_owned());
        }
    }
    let mut server = params(names, &host, now)?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?;

    let key = PrivatePkcs8KeyDer::from(server_key.serialize_der());
    let config = server_config(vec![certificate.der().clone()], key.into())?;
    Ok(Served { tls: Some(config), authority_pem: Some(authority_pem) })
}

fn params(
    names: Vec<String>,
    common_name: &str,
    now: Timestamp,
) -> Result<CertificateParams, StartError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    // A day back, for machines whose clocks differ.
    let (from, to) = (day(now, -1), day(now, LIFETIME_DAYS));
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(to.0, to.1, to.2);
    Ok(params)
}

/// Year, month and day (UTC) `days` from `now`.
fn day(now: Timestamp, days: i64) -> (i32, u8, u8) {
    let then = now.0.saturating_add(days * 86_400);
    let then = jiff::Timestamp::from_second(then).unwrap_or_default();
    let date = then.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, StartError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
