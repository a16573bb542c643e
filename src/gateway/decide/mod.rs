//! What follows from a judgement before it is acted on: the shadow policy is evaluated, and the
//! decision log gets its line. Everything that calls `judge` for a real request logs it here. Two
//! answers name an outcome in the request log without having asked `judge`, and have no line in the
//! decision log: a page of ours that needs a session, and a path of ours that another proxy asks
//! about.

pub(crate) mod live;
mod shadow;

use http::StatusCode;

use self::shadow::Shadow;
use super::request::CheckedRequest;
use super::state::worker::Worker;
use crate::decision::Judgement;
use crate::decision::record::{Decided, Line};
use crate::session::lifecycle::LiveSession;
use crate::telemetry::Record;
use crate::telemetry::line_file::Sender;

/// Usual length of a line of the decision log, in bytes.
const USUAL_LINE_BYTES: usize = 1_536;

/// A line of the decision log that waits for the status of the answer. Dropped without one, because
/// the client went away, it is written without `status`.
#[derive(Debug)]
#[must_use = "the line is complete once the status of the answer is known"]
pub(crate) struct PendingLine(Option<(Vec<u8>, Sender)>);

impl PendingLine {
    /// Completes the line with the status that was answered, and writes it.
    pub(crate) fn finish_with_status(mut self, status: StatusCode) {
        if let Some((line, _)) = &mut self.0 {
            // The line is a JSON object: the last field takes the place of its closing brace.
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

/// Evaluates the shadow, fills the record's subject and shadow, and prepares the line of the decision
/// log. Only reads the judgement. Call it once every constraint is applied.
pub(crate) fn log_decision(
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
    let sender = worker.decisions.as_ref()?;
    let route = judgement.route().map(|route| &*route.id);
    let judged = judgement.judged().ok();
    let own_reason = judgement.non_policy_reason().map(|code| code.word());
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
    let mut line = Line::of(&decided, request.plan.redact);
    line.shadow = shadow.map(|shadow| shadow.into_field(route));
    let mut bytes = Vec::with_capacity(USUAL_LINE_BYTES);
    line.write(&mut bytes);
    Some((bytes, sender.clone()))
}
