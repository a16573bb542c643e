//! `http_path`: the normalised path, without the query.

use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::matchers::{Letters, TextMatcher};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::value_lints;

pub(super) static ROW: Row = Row {
    name: "http_path",
    takes_path: false,
    data: Data::Text,
    sentence: "Holds where the path, normalised and without the query, matches.",
    reasons: &[Reason::HttpPathOk, Reason::HttpPathUnauthorized],
    reads: Reads::Path,
    example: "http_path: {starts_with: /docs/}",
    compile: |written, diagnostics| {
        let matcher = TextMatcher::read(written, Letters::Exact, value_lints::path, diagnostics)?;
        Some(Test::request(HttpPath { matcher }))
    },
};

#[derive(Debug)]
struct HttpPath {
    matcher: TextMatcher,
}

impl OfRequest for HttpPath {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let holds = self.matcher.matches(question.path);
        answer(holds, Reason::HttpPathOk, Reason::HttpPathUnauthorized)
    }

    fn wanted(&self) -> String {
        self.matcher.wanted()
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        Some(format!("{:?}", question.path))
    }

    fn different(&self) -> Option<What> {
        Some(What::Path)
    }
}
