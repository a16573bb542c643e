//! `reject`: nobody.

use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;

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
