//! `reject`: nobody.

use super::{Answer, Data, OfRequest, Question, Reads, Reason, Row, Test, What};

pub(super) static ROW: Row = Row {
    name: "reject",
    takes_path: false,
    data: Data::Ignored,
    sentence: "Never holds.",
    reasons: &[Reason::Reject],
    reads: Reads::Nothing,
    example: "reject: true",
    compile: |_, _| Some(Test::request(Reject)),
};

#[derive(Debug)]
struct Reject;

impl OfRequest for Reject {
    fn judge(&self, _: &Question<'_>) -> (Answer, Reason) {
        (Answer::No, Reason::Reject)
    }

    fn wanted(&self) -> String {
        "nobody".to_owned()
    }

    fn seen(&self, _: &Question<'_>) -> Option<String> {
        None
    }

    fn different(&self) -> Option<What> {
        None
    }
}
