//! `client_certificate`: the certificate that the client showed, by its fingerprint, its key or its
//! names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::{Kind, Node};
use crate::identity::ClientCertificate;
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test};
use crate::policy::matchers::{Letters, TextMatcher};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: "client_certificate",
    takes_path: false,
    data: Data::Certificate,
    sentence: "Holds where the client's certificate is the one described: every key given must \
               hold, and of several names one is enough. Names count only in a certificate that \
               is valid; in another they are unknown.",
    reasons: &[Reason::ClientCertificateOk, Reason::ClientCertificateUnauthorized],
    reads: Reads::ClientCertificate,
    example: "client_certificate: {san_dns: laptop-7.corp.example}",
    compile: |written, diagnostics| {
        Some(Test::request(Certificate { tests: read(written, diagnostics)? }))
    },
};

/// Bytes of a SHA-256 digest.
const DIGEST_BYTES: usize = 32;

#[derive(Debug)]
struct Certificate {
    tests: Vec<CertificateTest>,
}

#[derive(Debug)]
enum CertificateTest {
    /// Lower-case hexadecimal digits.
    Fingerprint(Vec<Box<str>>),
    /// Base64.
    SpkiHash(Vec<Box<str>>),
    Name(Names, TextMatcher),
}

/// A list of names in a certificate.
#[derive(Clone, Copy, Debug)]
enum Names {
    Email,
    Dns,
    Uri,
}

impl Names {
    fn word(self) -> &'static str {
        match self {
            Self::Email => "san_email",
            Self::Dns => "san_dns",
            Self::Uri => "san_uri",
        }
    }

    fn of(self, certificate: &ClientCertificate) -> &[String] {
        match self {
            Self::Email => &certificate.san_email,
            Self::Dns => &certificate.san_dns,
            Self::Uri => &certificate.san_uri,
        }
    }
}

impl CertificateTest {
    fn answer(&self, certificate: &ClientCertificate) -> Answer {
        let one_of = |digests: &[Box<str>], seen: &str| {
            Answer::of(digests.iter().any(|digest| **digest == *seen))
        };
        match self {
            Self::Fingerprint(digests) => one_of(digests, &certificate.fingerprint),
            Self::SpkiHash(digests) => one_of(digests, &certificate.spki_hash),
            // Security: anybody can write any name into a certificate of their own making.
            Self::Name(..) if !certificate.valid => Answer::Unknown,
            Self::Name(names, matcher) => {
                Answer::of(names.of(certificate).iter().any(|name| matcher.matches(name)))
            }
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Fingerprint(digests) => format!("fingerprint {}", digests.join(" or ")),
            Self::SpkiHash(digests) => format!("spki_hash {}", digests.join(" or ")),
            Self::Name(names, matcher) => format!("{} {}", names.word(), matcher.wanted()),
        }
    }
}

impl OfRequest for Certificate {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let Some(certificate) = question.client_certificate else {
            return (Answer::No, Reason::ClientCertificateUnauthorized);
        };
        let mut together = Answer::Yes;
        for test in &self.tests {
            match test.answer(certificate) {
                Answer::Yes => {}
                Answer::Unknown => together = Answer::Unknown,
                Answer::No => return (Answer::No, Reason::ClientCertificateUnauthorized),
            }
        }
        match together {
            Answer::Yes => (Answer::Yes, Reason::ClientCertificateOk),
            other => (other, Reason::ClientCertificateUnauthorized),
        }
    }

    fn wanted(&self) -> String {
        let tests: Vec<String> = self.tests.iter().map(CertificateTest::wanted).collect();
        tests.join(" and ")
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        question.client_certificate.map(seen)
    }

    fn different(&self) -> Option<What> {
        Some(What::ClientCertificate)
    }
}

/// A certificate for evidence.
pub(super) fn seen(certificate: &ClientCertificate) -> String {
    let validity = if certificate.valid { "valid" } else { "not valid" };
    let names: Vec<&str> = [Names::Email, Names::Dns, Names::Uri]
        .into_iter()
        .flat_map(|names| names.of(certificate))
        .map(String::as_str)
        .collect();
    let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
    format!("{}{of} ({validity})", certificate.fingerprint)
}

fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<CertificateTest>> {
    let Some(entries) = written.data.map().filter(|entries| !entries.is_empty()) else {
        diagnostics.error(
            codes::DATA,
            if written.data.is_null() { written.place } else { written.data.place },
            format!(
                "`client_certificate` wants a map that says which, and this is {}",
                if written.data.map().is_some() { "empty" } else { written.data.what() }
            ),
            "write for instance: client_certificate: {fingerprint: ...}; for any valid one: \
             deny: {or: [{invalid_client_certificate: true}]}",
        );
        return None;
    };
    let tests: Vec<_> =
        entries.iter().map(|(key, data)| test(written, key, data, diagnostics)).collect();
    tests.into_iter().collect()
}

fn test(
    written: &Written<'_>,
    key: &Node,
    data: &Node,
    diagnostics: &mut Diagnostics,
) -> Option<CertificateTest> {
    const KEYS: [&str; 5] = ["fingerprint", "spki_hash", "san_email", "san_dns", "san_uri"];
    let names = match key.text().unwrap_or_default() {
        "fingerprint" => {
            return digests(key, data, fingerprint, FINGERPRINT_HELP, diagnostics)
                .map(CertificateTest::Fingerprint);
        }
        "spki_hash" => {
            return digests(key, data, spki_hash, SPKI_HELP, diagnostics)
                .map(CertificateTest::SpkiHash);
        }
        "san_email" => Names::Email,
        "san_dns" => Names::Dns,
        "san_uri" => Names::Uri,
        other => {
            let help = match nearest(other, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("here you can write {}", KEYS.join(", ")),
            };
            let message = format!("`client_certificate` does not look at `{other}`");
            diagnostics.error(codes::UNKNOWN_MATCHER, key.place, message, help);
            return None;
        }
    };
    let within = Written { key: names.word(), place: key.place, data, ..*written };
    let matcher = TextMatcher::read(&within, Letters::Exact, |_, _, _| None, diagnostics)?;
    Some(CertificateTest::Name(names, matcher))
}

const FINGERPRINT_HELP: &str = "write the SHA-256 of the certificate as 64 lower-case hexadecimal digits, or as 32 upper-case \
     pairs with colons: openssl x509 -noout -fingerprint -sha256 -in client.pem";
const SPKI_HELP: &str = "write the SHA-256 of the public key in base64: openssl x509 -noout -pubkey -in client.pem | \
     openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64";

/// One digest or a list of them.
fn digests(
    key: &Node,
    data: &Node,
    read: fn(&str) -> Option<String>,
    help: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Box<str>>> {
    let name = key.text().unwrap_or_default();
    let items = match &data.kind {
        Kind::List(items) => items,
        Kind::Scalar(_) | Kind::Map(_) => std::slice::from_ref(data),
    };
    if items.is_empty() {
        let message = format!("the list of `{name}` is empty, so this never holds");
        diagnostics.warning(codes::NEVER_EQUAL, data.place, message, help);
    }
    let mut one = |item: &Node| {
        let digest = item.text().and_then(read);
        if digest.is_none() {
            let what = match item.text() {
                Some(text) => format!("`{text}` is not a {name}"),
                None => format!("`{name}` wants text, and this is {}", item.what()),
            };
            diagnostics.error(codes::DATA, item.place, what, help);
        }
        digest.map(String::into_boxed_str)
    };
    let digests: Vec<_> = items.iter().map(&mut one).collect();
    digests.into_iter().collect()
}

/// The fingerprint of a certificate as it is compared, if `text` is one: 64 hexadecimal digits in
/// lower case, or pairs in upper case with colons between.
pub fn fingerprint(text: &str) -> Option<String> {
    let plain = text.len() == DIGEST_BYTES * 2
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain {
        return Some(text.to_owned());
    }
    let pairs: Vec<&str> = text.split(':').collect();
    let digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
    let good = pairs.len() == DIGEST_BYTES
        && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(digit));
    good.then(|| pairs.concat().to_ascii_lowercase())
}

/// The hash of a public key, if `text` is one: base64 of a SHA-256.
pub fn spki_hash(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    (bytes.len() == DIGEST_BYTES).then(|| text.to_owned())
}
