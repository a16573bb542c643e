//! `invalid_client_certificate`: no certificate, or one that is not to be trusted; made for denies.

use super::client_certificate;
use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::value_lints;

pub(super) static ROW: Row = Row {
    name: "invalid_client_certificate",
    takes_path: false,
    data: Data::Ignored,
    sentence: "Holds where the client showed no certificate, or one that is not valid. Under \
               `deny` the answer is 495, before anybody is asked to sign in.",
    reasons: &[
        Reason::ClientCertificateRequired,
        Reason::InvalidClientCertificate,
        Reason::ValidClientCertificate,
    ],
    reads: Reads::ClientCertificate,
    example: "invalid_client_certificate: true",
    compile: |written, diagnostics| {
        if let Some(warning) = value_lints::bad_certificate_admits(written) {
            warning.report(Some(written.place), diagnostics);
        }
        Some(Test::request(InvalidClientCertificate))
    },
};

#[derive(Debug)]
pub(super) struct InvalidClientCertificate;

impl OfRequest for InvalidClientCertificate {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        match question.client_certificate {
            None => (Answer::Yes, Reason::ClientCertificateRequired),
            Some(certificate) if certificate.valid => (Answer::No, Reason::ValidClientCertificate),
            Some(_) => (Answer::Yes, Reason::InvalidClientCertificate),
        }
    }

    fn wanted(&self) -> String {
        "no valid certificate".to_owned()
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        question.client_certificate.map(client_certificate::seen)
    }

    fn different(&self) -> Option<What> {
        Some(What::ClientCertificate)
    }
}
