//! The `.p8` key file: every shape that people paste it in, and the defect of every other.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::shape;

/// An EC P-256 private key that signs client secrets. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SigningKey {
    /// PKCS#8 DER.
    pkcs8: Arc<Zeroizing<Vec<u8>>>,
}

/// What is wrong with a key file, in words for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Nothing, or blanks alone.
    #[error("it is empty; paste the whole AuthKey_XXXXXXXXXX.p8 that Apple gave you")]
    Empty,
    /// Bytes that are no UTF-8 text.
    #[error("it is not text; a .p8 begins with -----BEGIN PRIVATE KEY-----")]
    NotText,
    /// A sample value that was never replaced.
    #[error("it is a placeholder; paste the whole AuthKey_XXXXXXXXXX.p8 that Apple gave you")]
    Placeholder,
    /// A file's name in place of its content.
    #[error(
        "it is the path of a file; give the file's content, or name the file in the `_file` key"
    )]
    Path,
    /// Text without a PEM block.
    #[error(
        "it has no -----BEGIN PRIVATE KEY----- line; paste the whole file, first and last line too"
    )]
    NoPem,
    /// A PEM block without its last line.
    #[error("its -----END ...----- line is missing; the file was cut off")]
    CutOff,
    /// Several PEM blocks.
    #[error("it holds more than one PEM block; leave the PRIVATE KEY block alone")]
    Several,
    /// Something between the PEM lines that is not base64.
    #[error("what stands between its BEGIN and END lines is damaged (no base64)")]
    Damaged,
    /// A key that needs a passphrase.
    #[error("the key is encrypted; Apple's .p8 is not, so use the file as it was downloaded")]
    Encrypted,
    /// A public key.
    #[error("it is a public key; the private one is in Apple's AuthKey_XXXXXXXXXX.p8")]
    PublicKey,
    /// A certificate, or a request for one.
    #[error("it is a certificate; the key is in Apple's AuthKey_XXXXXXXXXX.p8")]
    Certificate,
    /// An RSA key.
    #[error("it is an RSA key; a Sign in with Apple key is EC P-256, made on Apple's Keys page")]
    Rsa,
    /// An elliptic curve, but not P-256.
    #[error("its key is on another curve; a Sign in with Apple key is EC P-256")]
    OtherCurve,
    /// Some other kind of PEM block.
    #[error(
        "its PEM block is not a PRIVATE KEY; use the AuthKey_XXXXXXXXXX.p8 that Apple gave you"
    )]
    OtherBlock,
    /// A PRIVATE KEY block that holds no key.
    #[error("it holds no key that can be read; download it again or make a new one at Apple")]
    Unreadable,
}

impl SigningKey {
    /// Reads the content of a `.p8` in any shape that people paste it in (`apple.md` §5): CRLF,
    /// blanks around it, a byte order mark, literal `\n`, all on one line, base64 of the whole; and
    /// the older SEC1 form of such a key.
    ///
    /// # Errors
    /// Names the defect: another kind of key, another curve, encrypted, a path instead of content.
    pub fn read(content: &[u8]) -> Result<Self, KeyFileError> {
        let text = std::str::from_utf8(content).map_err(|_| KeyFileError::NotText)?;
        let text = trimmed(text);
        if text.is_empty() {
            return Err(KeyFileError::Empty);
        }
        if text.contains(BEGIN) {
            return Self::from_pem(text);
        }
        match unwrapped(text) {
            Some(pem) => Self::from_pem(&pem),
            None => Err(defect_without_pem(text)),
        }
    }

    /// The key as PKCS#8 DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    fn from_pem(text: &str) -> Result<Self, KeyFileError> {
        let text = Zeroizing::new(text.replace("\\r", "\n").replace("\\n", "\n"));
        let block = the_block(&text)?;
        match block.label {
            "PRIVATE KEY" | "EC PRIVATE KEY" => Self::from_der(&block.der()?),
            "RSA PRIVATE KEY" => Err(KeyFileError::Rsa),
            "ENCRYPTED PRIVATE KEY" => Err(KeyFileError::Encrypted),
            label if label.ends_with("PUBLIC KEY") => Err(KeyFileError::PublicKey),
            label if label.contains("CERTIFICATE") => Err(KeyFileError::Certificate),
            _ => Err(KeyFileError::OtherBlock),
        }
    }

    /// Takes PKCS#8 and SEC1 (RFC 5915), and keeps PKCS#8.
    fn from_der(der: &[u8]) -> Result<Self, KeyFileError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| defect_of_key(der))?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyFileError::Unreadable)?;
        Ok(Self { pkcs8: Arc::new(Zeroizing::new(pkcs8.as_ref().to_vec())) })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The Key ID in a file name of Apple's form, `AuthKey_XXXXXXXXXX.p8`; `None` for any other name,
/// which says nothing about the key.
pub fn key_id_in_name(path: &Path) -> Option<&str> {
    let id = path.file_name()?.to_str()?.strip_prefix("AuthKey_")?.strip_suffix(".p8")?;
    shape::is_ten_characters(id).then_some(id)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One PEM block (RFC 7468), wherever its line breaks went.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    fn der(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        // The old way to encrypt leaves headers in the block (RFC 1421 §4.6.1.1).
        if self.body.contains("ENCRYPTED") {
            return Err(KeyFileError::Encrypted);
        }
        let der = STANDARD.decode(without_blanks(self.body).as_bytes());
        der.map(Zeroizing::new).map_err(|_| KeyFileError::Damaged)
    }
}

/// The one block of the text; the curve's name that OpenSSL likes to write in front does not count.
fn the_block(text: &str) -> Result<Block<'_>, KeyFileError> {
    let mut found = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(KeyFileError::CutOff)?;
        let (body, after) = after.split_once(END).ok_or(KeyFileError::CutOff)?;
        let (end_label, after) = after.split_once(DASHES).ok_or(KeyFileError::CutOff)?;
        if end_label != label {
            return Err(KeyFileError::CutOff);
        }
        rest = after;
        if label != "EC PARAMETERS" && found.replace(Block { label, body }).is_some() {
            return Err(KeyFileError::Several);
        }
    }
    found.ok_or(KeyFileError::NoPem)
}

/// Without the byte order mark, blanks and quotes that editors and env files put around a value.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim().trim_matches(['"', '\'']).trim()
}

/// The PEM inside base64 of a whole file.
fn unwrapped(text: &str) -> Option<Zeroizing<String>> {
    let decoded = Zeroizing::new(STANDARD.decode(without_blanks(text).as_bytes()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    text.contains(BEGIN).then(|| Zeroizing::new(trimmed(text).to_owned()))
}

fn without_blanks(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.split_whitespace().collect())
}

fn defect_without_pem(text: &str) -> KeyFileError {
    let one_line = !text.contains(['\n', '\r']);
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    let named = extension.is_some_and(|extension| matches!(extension, "p8" | "pem" | "key"));
    let rooted = ["/", "./", "../", "~/"].iter().any(|root| text.starts_with(root));
    if one_line && (named || rooted) {
        KeyFileError::Path
    } else if shape::is_placeholder(text) {
        KeyFileError::Placeholder
    } else {
        KeyFileError::NoPem
    }
}

/// Why a PRIVATE KEY block is not a P-256 key, by the object identifier near its front.
fn defect_of_key(der: &[u8]) -> KeyFileError {
    /// `1.2.840.113549.1.1`: RSA in all its forms.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    /// P-384, P-521, P-256K1; Ed25519 and X25519.
    const CURVES: [&[u8]; 5] = [
        &[0x2b, 0x81, 0x04, 0x00, 0x22],
        &[0x2b, 0x81, 0x04, 0x00, 0x23],
        &[0x2b, 0x81, 0x04, 0x00, 0x0a],
        &[0x06, 0x03, 0x2b, 0x65, 0x70],
        &[0x06, 0x03, 0x2b, 0x65, 0x6e],
    ];
    let has = |id: &[u8]| der.windows(id.len()).any(|window| window == id);
    if has(RSA) {
        KeyFileError::Rsa
    } else if CURVES.iter().any(|curve| has(curve)) {
        KeyFileError::OtherCurve
    } else {
        KeyFileError::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, Ed25519KeyPair, KeyPair as _};

    fn pair() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn defect(content: impl AsRef<[u8]>) -> KeyFileError {
        SigningKey::read(content.as_ref()).unwrap_err()
    }

    #[test]
    fn every_shape_that_people_paste_is_read() {
        let pkcs8 = pair().to_pkcs8v1().unwrap();
        let file = pem("PRIVATE KEY", pkcs8.as_ref());
        let one_line = file.replace('\n', "");
        for shape in [
            file.clone(),
            file.replace('\n', "\r\n"),
            file.trim_end().to_owned(),
            file.replace('\n', "\\n"),
            file.replace('\n', "\\r\\n"),
            one_line.clone(),
            file.replace('\n', " "),
            format!("\n\n  {}\t\n", file.replace('\n', "\n    ")),
            format!("\u{feff}{file}"),
            format!("\"{}\"", file.replace('\n', "\\n")),
            STANDARD.encode(&file),
            format!(" {}\n", STANDARD.encode(format!("\u{feff}{one_line}"))),
            pem("", STANDARD.encode(&file).as_bytes())
                .lines()
                .skip(1)
                .take_while(|line| !line.starts_with('-'))
                .map(|line| String::from_utf8(STANDARD.decode(line).unwrap()).unwrap())
                .collect::<Vec<_>>()
                .join("\n"),
        ] {
            let key = SigningKey::read(shape.as_bytes()).unwrap_or_else(|e| panic!("{shape}: {e}"));
            assert_eq!(key.pkcs8(), pkcs8.as_ref(), "{shape}");
        }
    }

    #[test]
    fn sec1_is_read_and_becomes_pkcs8() {
        let pair = pair();
        let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        let file = pem("EC PRIVATE KEY", sec1.as_ref());
        let key = SigningKey::read(file.as_bytes()).unwrap();
        assert_eq!(key.pkcs8(), pair.to_pkcs8v1().unwrap().as_ref());
        let openssl = format!("{}{file}", pem("EC PARAMETERS", b"\x06\x08*\x86H\xce=\x03\x01\x07"));
        assert!(SigningKey::read(openssl.as_bytes()).is_ok());
    }

    #[test]
    fn every_other_thing_is_named() {
        let other_curve = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let edwards = Ed25519KeyPair::generate().unwrap();
        let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let rsa: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        let pair = pair();
        let good = pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
        let encrypted = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----";
        let cases: Vec<(Vec<u8>, KeyFileError)> = vec![
            (b"".to_vec(), KeyFileError::Empty),
            (b" \n\t".to_vec(), KeyFileError::Empty),
            (b"\xff\xfe-\x00".to_vec(), KeyFileError::NotText),
            (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), KeyFileError::NotText),
            (b"YOUR_PRIVATE_KEY".to_vec(), KeyFileError::Placeholder),
            (b"<paste the key here>".to_vec(), KeyFileError::Placeholder),
            (b"/etc/russet/AuthKey_ABC123DEFG.p8".to_vec(), KeyFileError::Path),
            (b"AuthKey_ABC123DEFG.p8".to_vec(), KeyFileError::Path),
            (b"./key".to_vec(), KeyFileError::Path),
            (b"hello world".to_vec(), KeyFileError::NoPem),
            (STANDARD.encode(pair.to_pkcs8v1().unwrap().as_ref()).into(), KeyFileError::NoPem),
            (good.split_at(90).0.into(), KeyFileError::CutOff),
            (good.replace("END PRIVATE", "END PUBLIC").into(), KeyFileError::CutOff),
            (format!("{good}{good}").into(), KeyFileError::Several),
            (good.replace("MIG", "M*G").into(), KeyFileError::Damaged),
            (pem("PRIVATE KEY", b"nonsense").into(), KeyFileError::Unreadable),
            (pem("ENCRYPTED PRIVATE KEY", b"x").into(), KeyFileError::Encrypted),
            (encrypted.into(), KeyFileError::Encrypted),
            (pem("PUBLIC KEY", pair.public_key().as_ref()).into(), KeyFileError::PublicKey),
            (pem("CERTIFICATE", b"x").into(), KeyFileError::Certificate),
            (pem("CERTIFICATE REQUEST", b"x").into(), KeyFileError::Certificate),
            (pem("RSA PRIVATE KEY", b"x").into(), KeyFileError::Rsa),
            (pem("PRIVATE KEY", rsa.as_ref()).into(), KeyFileError::Rsa),
            (
                pem("PRIVATE KEY", other_curve.to_pkcs8v1().unwrap().as_ref()).into(),
                KeyFileError::OtherCurve,
            ),
            (
                pem("PRIVATE KEY", edwards.to_pkcs8v1().unwrap().as_ref()).into(),
                KeyFileError::OtherCurve,
            ),
            (pem("OPENSSH PRIVATE KEY", b"x").into(), KeyFileError::OtherBlock),
        ];
        for (content, expected) in cases {
            assert_eq!(defect(&content), expected, "{}", String::from_utf8_lossy(&content));
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_key() {
        let file = pem("PRIVATE KEY", pair().to_pkcs8v1().unwrap().as_ref());
        let key = SigningKey::read(file.as_bytes()).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }

    #[test]
    fn a_key_id_is_taken_from_apples_own_file_names_alone() {
        let id = |name: &str| key_id_in_name(Path::new(name)).map(str::to_owned);
        assert_eq!(id("/a/AuthKey_ABC123DEFG.p8").as_deref(), Some("ABC123DEFG"));
        for other in ["key.p8", "AuthKey_ABC.p8", "AuthKey_ABC123DEFG.pem", "AuthKey_abc123defg.p8"]
        {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
