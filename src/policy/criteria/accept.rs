//! `accept`: everybody.

use crate::policy::answer::Answer;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test};
use crate::policy::missing::What;
use crate::policy::openness::Openness;
use crate::policy::question::Question;
use crate::policy::reason::Reason;

pub(super) static ROW: Row = Row {
    name: "accept",
    takes_path: false,
    data: Data::Ignored,
    sentence: "Always holds.",
    reasons: &[Reason::Accept],
    reads: Reads::Nothing,
    example: "accept: true",
    compile: |_, _| Some(Test::request(Accept)),
};

#[derive(Debug)]
pub(super) struct Accept;

impl OfRequest for Accept {
    fn judge(&self, _: &Question<'_>) -> (Answer, Reason) {
        (Answer::Yes, Reason::Accept)
    }

    fn wanted(&self) -> String {
        "anybody".to_owned()
    }

    fn seen(&self, _: &Question<'_>) -> Option<String> {
        None
    }

    fn different(&self) -> Option<What> {
        None
    }

    fn openness(&self) -> Openness {
        Openness::Everybody
    }
}
