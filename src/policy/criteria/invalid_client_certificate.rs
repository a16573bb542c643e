//! `invalid_client_certificate`: no certificate, or one that is not to be trusted; made for denies.

use super::{
    Answer, Data, OfRequest, Question, Reads, Reason, Row, Test, What, client_certificate,
};
use crate::policy::doubts;

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
    compile: |written, told| {
        if let Some(doubt) = doubts::bad_certificate_admits(written) {
            doubt.tell(Some(written.place), told);
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
