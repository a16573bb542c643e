//! `http_method`: the method, exactly as it was sent (T46).

use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::matchers::{Letters, TextMatcher};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::value_lints;

pub(super) static ROW: Row = Row {
    name: "http_method",
    takes_path: false,
    data: Data::Text,
    sentence: "Holds where the method matches; compared exactly.",
    reasons: &[Reason::HttpMethodOk, Reason::HttpMethodUnauthorized],
    reads: Reads::Method,
    example: "http_method: {in: [GET, HEAD]}",
    compile: |written, diagnostics| {
        let matcher = TextMatcher::read(written, Letters::Exact, value_lints::method, diagnostics)?;
        Some(Test::request(HttpMethod { matcher }))
    },
};

#[derive(Debug)]
struct HttpMethod {
    matcher: TextMatcher,
}

impl OfRequest for HttpMethod {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let holds = self.matcher.matches(question.method);
        answer(holds, Reason::HttpMethodOk, Reason::HttpMethodUnauthorized)
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        Some(format!("{:?}", question.method))
    }

    fn different(&self) -> Option<What> {
        Some(What::Method)
    }
}
