//! Certificates: our own with their keys, and the authorities that vouch for others.
//!
//! A file that cannot be used is an error here, at start and at every later load; nothing is
//! trusted because a bundle was empty (T29).

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::Context;
use crate::base::node::{Node, Place};
use crate::base::time::Timestamp;
use crate::config::codes;
use crate::config::keys::{self, File, Key, Read, Scope, Text, certificate};
use crate::config::section::{Purpose, Section};
use crate::config::value::Located;

/// The text of PEM blocks, given as such or as base64 of them.
pub(super) fn pem_of(text: &str) -> Option<Zeroizing<String>> {
    const BEGIN: &str = "-----BEGIN ";
    if text.contains(BEGIN) {
        return Some(Zeroizing::new(text.to_owned()));
    }
    let compact: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
    let decoded = Zeroizing::new(STANDARD.decode(compact.as_bytes()).ok()?);
    let pem = std::str::from_utf8(&decoded).ok()?;
    pem.contains(BEGIN).then(|| Zeroizing::new(pem.to_owned()))
}

/// The certificate authorities of `key` or of the file that `file` names; none where neither is written.
pub(super) fn authorities(
    section: &Section,
    key: &Key<Text>,
    file: &Key<File>,
    context: &mut Context<'_>,
) -> Option<Arc<[CertificateDer<'static>]>> {
    let bundle = section.inline_or_file(key, file, &mut context.files, context.problems);
    let Some(bundle) = bundle.ok()? else { return Some(Arc::new([])) };
    let certificates = chain(key.row.name, &bundle, context)?;
    let mut store = RootCertStore::empty();
    for (number, certificate) in certificates.iter().enumerate() {
        if let Err(error) = store.add(certificate.clone()) {
            let message = format!("`{key}`: certificate {} cannot be used: {error}", number + 1);
            context.error(codes::CERTIFICATE, bundle.place, message, "");
            return None;
        }
    }
    Some(certificates.into())
}

/// One certificate or more in PEM.
fn chain(
    key: &str,
    written: &Located,
    context: &mut Context<'_>,
) -> Option<Vec<CertificateDer<'static>>> {
    let mut problem = |message: String, help: &str| {
        context.error(codes::CERTIFICATE, written.place, message, help);
        None
    };
    let Some(pem) = pem_of(&written.text) else {
        let help =
            "PEM begins with -----BEGIN CERTIFICATE-----; a file is named by the `_file` key";
        return problem(format!("`{key}` holds no PEM"), help);
    };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Err(_) => {
            problem(format!("`{key}` holds a damaged PEM block"), "copy the whole file again")
        }
        Ok(certificates) if certificates.is_empty() => problem(
            format!("`{key}` holds no certificate"),
            "it needs a -----BEGIN CERTIFICATE----- block",
        ),
        Ok(certificates) => Some(certificates),
    }
}

/// Our own certificates in the order: inline, file, `certificates`. `hosts` are the names that
/// they should be for.
pub(super) fn own(
    top: &Section,
    hosts: &[(&str, Option<Place>)],
    context: &mut Context<'_>,
) -> Option<Vec<Arc<CertifiedKey>>> {
    let before = context.problems.errors();
    let mut pairs = Vec::new();
    pairs.extend(pair(top, &keys::tls::CERTIFICATE, &keys::tls::CERTIFICATE_KEY, context));
    pairs.extend(file_pair(top, context));
    if let Some(list) = top.get(&keys::tls::CERTIFICATES) {
        pairs.extend(listed(list, top.purpose, context));
    }
    let certified: Vec<_> =
        pairs.iter().filter_map(|(chain, key)| certified(chain, key, context)).collect();
    if context.problems.errors() > before || context.files.left_alone {
        return None;
    }
    if !certified.is_empty() {
        check_names(&certified, hosts, context);
    }
    Some(certified)
}

/// The content of a certificate and of its key, each where it was written.
type Pair = (Located, Located);

fn pair<R>(top: &Section, cert: &Key<R>, key: &Key<R>, context: &mut Context<'_>) -> Option<Pair>
where
    R: for<'v> Read<Out<'v> = Option<&'v Located>>,
{
    match (top.get(cert), top.get(key)) {
        (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
        (None, None) => None,
        (Some(one), None) => half(key.row.name, one, context),
        (None, Some(one)) => half(cert.row.name, one, context),
    }
}

fn half(missing: &str, written: &Located, context: &mut Context<'_>) -> Option<Pair> {
    let message = format!("`{missing}` is missing: the two belong together");
    context.error(codes::MISSING, written.place, message, format!("add `{missing}`"));
    None
}

fn file_pair(top: &Section, context: &mut Context<'_>) -> Option<Pair> {
    let keys = (&keys::tls::CERTIFICATE_FILE, &keys::tls::CERTIFICATE_KEY_FILE);
    let files = pair(top, keys.0, keys.1, context)?;
    read_pair(keys, (&files.0, &files.1), context)
}

fn read_pair(
    keys: (&Key<File>, &Key<File>),
    (cert, key): (&Located, &Located),
    context: &mut Context<'_>,
) -> Option<Pair> {
    let chain = context.files.read(keys.0, cert, context.problems);
    let private = context.files.read(keys.1, key, context.problems);
    let content = |text: Zeroizing<String>, place| Located { text: text.to_string(), place };
    Some((content(chain?, cert.place), content(private?, key.place)))
}

fn listed(list: &Node, purpose: Purpose, context: &mut Context<'_>) -> Vec<Pair> {
    let Some(items) = list.list() else {
        let message = format!("`certificates` is {}; it must be a list", list.what());
        let help = "write `- cert: FILE` and `key: FILE` below it";
        context.error(codes::SHAPE, list.place, message, help);
        return Vec::new();
    };
    items.iter().filter_map(|item| listed_one(item, purpose, context)).collect()
}

fn listed_one(item: &Node, purpose: Purpose, context: &mut Context<'_>) -> Option<Pair> {
    let section = context.section(Scope::Certificate, purpose, item, "certificates")?;
    let keys = (&certificate::CERT, &certificate::KEY);
    for key in [keys.0, keys.1].into_iter().filter(|key| !section.has(*key)) {
        let message = format!("`{key}` is missing in this entry of `certificates`");
        context.error(codes::MISSING, item.place, message, format!("add `{key}: FILE`"));
    }
    let (cert, key) = (section.get(keys.0), section.get(keys.1));
    read_pair(keys, (cert?, key?), context)
}

fn certified(
    cert: &Located,
    key: &Located,
    context: &mut Context<'_>,
) -> Option<Arc<CertifiedKey>> {
    let certificates = chain("certificate", cert, context)?;
    let mut problem = |place: Place, message: String, help: &str| {
        context.error(codes::CERTIFICATE, place, message, help);
        None
    };
    let pem = pem_of(&key.text);
    let private = pem.as_ref().and_then(|pem| PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok());
    let Some(private) = private else {
        let help = "it needs a -----BEGIN PRIVATE KEY----- block, and no passphrase";
        return problem(key.place, "there is no private key in this".to_owned(), help);
    };
    match CertifiedKey::from_der(certificates, private, &default_provider()) {
        Ok(certified) => {
            check_dates(&certified, cert.place, context);
            Some(Arc::new(certified))
        }
        Err(rustls::Error::InconsistentKeys(_)) => problem(
            key.place,
            "this private key belongs to another certificate".to_owned(),
            "the first certificate of the chain must be the one that was made for this key",
        ),
        Err(error) => {
            problem(key.place, format!("the certificate and its key cannot be used: {error}"), "")
        }
    }
}

/// A certificate that clients will refuse is worth a word before they do.
fn check_dates(certified: &CertifiedKey, place: Place, context: &mut Context<'_>) {
    let Some(certificate) = leaf(certified) else { return };
    let validity = certificate.validity();
    let from = Timestamp(validity.not_before.timestamp());
    let until = Timestamp(validity.not_after.timestamp());
    let problem = if until < context.now {
        format!("this certificate expired at {until}")
    } else if from > context.now {
        format!("this certificate is valid from {from} on, not before")
    } else {
        return;
    };
    context.warning(
        codes::CERTIFICATE,
        place,
        problem,
        "renew it, or look at this machine's clock",
    );
}

/// A host without a certificate of its name gets the first one, which browsers refuse.
fn check_names(
    all: &[Arc<CertifiedKey>],
    hosts: &[(&str, Option<Place>)],
    context: &mut Context<'_>,
) {
    let names: Vec<String> = all.iter().flat_map(|certified| names(certified)).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    for &(host, place) in hosts {
        if names.iter().any(|name| covers(name, host)) || !seen.insert(host) {
            continue;
        }
        let message = format!("no certificate is for {host}");
        let help = "add one to `certificates`; until then browsers get the first one and refuse it";
        context.warning(codes::NO_CERTIFICATE, place, message, help);
    }
}

fn covers(name: &str, host: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("*.") {
        // A `from` with a wildcard needs a certificate with the same one.
        Some(domain) => {
            name == host || host.split_once('.').is_some_and(|(_, rest)| rest == domain)
        }
        None => name == host,
    }
}

fn leaf(certified: &CertifiedKey) -> Option<X509Certificate<'_>> {
    let der = certified.cert.first()?;
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

fn names(certified: &CertifiedKey) -> Vec<String> {
    let Some(certificate) = leaf(certified) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|bytes| std::net::Ipv4Addr::from(bytes).to_string())
            .ok(),
        _ => None,
    });
    dns.collect()
}
