//! `signing_key`: what signs the assertion. Every form that OpenSSL writes is taken and kept as
//! PKCS#8.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::Context;
use super::certificates::pem_of;
use crate::base::secret::Secret;
use crate::config::codes;
use crate::config::keys::headers::{SIGNING_KEY, SIGNING_KEY_FILE};
use crate::config::section::Section;
use crate::gateway::SigningKeySource;

/// Smallest modulus of an RSA key, in bits.
const RSA_BITS: usize = 2048;

/// The signing keys; none where none is written. `None` where one cannot be used.
pub(super) fn lower(top: &Section, context: &mut Context<'_>) -> Option<Vec<SigningKeySource>> {
    let written =
        top.inline_or_file(&SIGNING_KEY, &SIGNING_KEY_FILE, &mut context.files, context.problems);
    let Some(written) = written.ok()? else { return Some(Vec::new()) };
    if context.is_placeholder("signing_key", &written) {
        return None;
    }
    let mut problem = |message: &str, help: &str| {
        context.error(codes::SIGNING_KEY, written.place, format!("`signing_key` {message}"), help);
        None
    };
    const HELP: &str = "make one by: openssl ecparam -genkey -name prime256v1 -noout";
    let Some(pem) = pem_of(&written.text) else {
        return problem("is neither PEM nor base64 of it", HELP);
    };
    let read: Result<Vec<_>, _> = PrivateKeyDer::pem_slice_iter(pem.as_bytes()).collect();
    let Ok(keys) = read else { return problem("holds a damaged PEM block", HELP) };
    if keys.is_empty() {
        return problem("holds no private key", HELP);
    }
    let mut sources = Vec::new();
    for key in &keys {
        match source(key) {
            Ok(source) => sources.push(source),
            Err(what) => return problem(what, HELP),
        }
    }
    Some(sources)
}

fn source(key: &PrivateKeyDer<'_>) -> Result<SigningKeySource, &'static str> {
    let der = key.secret_der();
    if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| "cannot be read")?;
        return Ok(SigningKeySource::Ec(Secret::new(pkcs8.as_ref())));
    }
    let rsa = match key {
        PrivateKeyDer::Pkcs1(_) => rsa::KeyPair::from_der(der),
        _ => rsa::KeyPair::from_pkcs8(der),
    };
    // Smaller moduli than 2048 bits are refused by the library already.
    let pair = rsa.map_err(|_| "is neither EC on P-256 nor RSA of 2048 bits or more")?;
    if pair.public_modulus_len() * 8 < RSA_BITS || pair.public_key().as_ref().is_empty() {
        return Err("is RSA of less than 2048 bits");
    }
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| "cannot be read")?;
    Ok(SigningKeySource::Rsa(Secret::new(pkcs8.as_ref())))
}
