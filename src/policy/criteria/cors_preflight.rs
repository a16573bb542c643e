//! `cors_preflight`: the question a browser asks before it sends a cross-origin request.

use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;

pub(super) static ROW: Row = Row {
    name: "cors_preflight",
    takes_path: false,
    data: Data::Ignored,
    sentence: "Holds for an OPTIONS request with Origin and Access-Control-Request-Method.",
    reasons: &[Reason::CorsRequest, Reason::NonCorsRequest],
    reads: Reads::Preflight,
    example: "cors_preflight: true",
    compile: |_, _| Some(Test::request(CorsPreflight)),
};

#[derive(Debug)]
pub(super) struct CorsPreflight;

impl OfRequest for CorsPreflight {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        answer(question.cors_preflight, Reason::CorsRequest, Reason::NonCorsRequest)
    }

    fn wanted(&self) -> String {
        "a CORS preflight".to_owned()
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        let seen = if question.cors_preflight { "a CORS preflight" } else { "no CORS preflight" };
        Some(seen.to_owned())
    }

    fn different(&self) -> Option<What> {
        Some(What::Preflight)
    }
}
