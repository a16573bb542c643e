//! What follows from a judgement before it is acted on: the shadow is asked, and the decision log
//! gets its line. Every face that decides on a request comes through here, so that no decision goes
//! unlogged.

pub(crate) mod live;
mod shadow;

use http::StatusCode;

use self::shadow::Shadow;
use super::request::CheckedRequest;
use super::state::shared::Worker;
use crate::decision::Judgement;
use crate::decision::record::{Decided, Line};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Record;
use crate::telemetry::line_file::Sender;

/// Usual length of a line of the decision log, in bytes.
const USUAL_LINE_BYTES: usize = 1_536;

/// A line of the decision log that waits for the status of the answer. Dropping it writes it
/// without one: nobody waited for the answer.
#[derive(Debug)]
#[must_use = "the line is complete once the status of the answer is known"]
pub(crate) struct PendingLine(Option<(Vec<u8>, Sender)>);

impl PendingLine {
    /// Completes the line with the status that was answered, and writes it.
    pub(crate) fn answered(mut self, status: StatusCode) {
        if let Some((line, _)) = &mut self.0 {
            // A line is an object whose last field is the status.
            line.pop();
            line.extend_from_slice(b",\"status\":");
            line.extend_from_slice(status.as_str().as_bytes());
            line.push(b'}');
        }
    }
}

impl Drop for PendingLine {
    fn drop(&mut self) {
        if let Some((line, sender)) = self.0.take() {
            sender.send(&line);
        }
    }
}

/// Logs a judgement, all restrictions applied: who asks and what the shadow says go into the
/// record of the request, the decision into the decision log. Only reads the judgement.
pub(crate) fn log(
    judgement: &Judgement<'_, LiveSession>,
    request: &CheckedRequest,
    worker: &Worker,
    record: &mut Record,
) -> PendingLine {
    record.subject = judgement.asker().map(|live| live.session().identity.subject.clone());
    let shadow = Shadow::ask(&request.plan, judgement);
    if let Some(shadow) = &shadow {
        let route = judgement.route().map(|route| &*route.id);
        worker.shadows.count(route, judgement.outcome(), shadow.outcome);
        record.shadow = shadow.note(judgement.outcome());
    }
    PendingLine(line(judgement, request, worker, shadow))
}

/// The line of the decision log; `None` where decisions are not logged.
fn line(
    judgement: &Judgement<'_, LiveSession>,
    request: &CheckedRequest,
    worker: &Worker,
    shadow: Option<Shadow>,
) -> Option<(Vec<u8>, Sender)> {
    let (sender, redact) = worker.decisions.as_ref()?;
    let route = judgement.route().map(|route| &*route.id);
    let judged = judgement.judged().ok();
    let own_reason = judgement.own_reason().map(|code| code.word());
    let decided = Decided {
        id: request.id,
        millis: worker.shared.clock.millisecond_of(request.now),
        facts: judgement.facts(),
        page_load: request.is_page_load(),
        session: judgement.asker().map(LiveSession::session),
        outcome: judgement.outcome(),
        judged: judged.as_ref().zip(route),
        because: own_reason.as_slice(),
    };
    let mut line = Line::of(&decided, *redact);
    line.shadow = shadow.map(|shadow| shadow.into_field(route));
    let mut bytes = Vec::with_capacity(USUAL_LINE_BYTES);
    line.write(&mut bytes);
    Some((bytes, sender.clone()))
}
