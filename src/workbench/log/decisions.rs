//! What was decided: the end of a line. A log has few different ends.

use crate::decision::record::{Line, Outcome};
use crate::policy::{Reason, ReasonSet};
use crate::telemetry::Code;

/// Most ends that are kept; the ones used last stay.
const KEPT: usize = 64;

/// What a line says was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedDecision {
    /// The decision.
    pub outcome: Outcome,
    /// Its reasons; `None` where one of them is not a reason of a policy.
    pub reasons: Option<ReasonSet>,
    /// Whether what the question asked for refused whom the policy let in.
    pub by_question: bool,
    /// What the shadow said, where one was asked.
    pub shadow: Option<ShadowDecision>,
}

/// What a shadow said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowDecision {
    /// Its decision.
    pub outcome: Outcome,
    /// Its reasons; `None` where one of them is not a reason of a policy.
    pub reasons: Option<ReasonSet>,
}

#[derive(Debug, Default)]
pub(super) struct KnownDecisions {
    /// The one used last comes first.
    known: Vec<(Box<str>, RecordedDecision)>,
}

impl KnownDecisions {
    /// What `text` says, if it is known.
    pub(super) fn again(&mut self, text: &str) -> Option<RecordedDecision> {
        let at = self.known.iter().position(|(known, _)| &**known == text)?;
        if at > 0 {
            self.known.swap(at, at - 1);
        }
        let at = at.saturating_sub(1);
        self.known.get(at).map(|(_, decision)| *decision)
    }

    /// What `line`, whose end is `text`, says.
    pub(super) fn learn(
        &mut self,
        outcome: Outcome,
        line: &Line<'_>,
        text: Option<&str>,
    ) -> RecordedDecision {
        let shadow = line.shadow.as_ref().map(|shadow| ShadowDecision {
            outcome: shadow.outcome,
            reasons: reasons(&shadow.reasons.to_vec()),
        });
        let words = line.reasons.as_ref().map(|words| words.to_vec()).unwrap_or_default();
        let by_question = words.iter().any(|word| word == Code::QuestionConstraint.word());
        let decision = RecordedDecision { outcome, reasons: reasons(&words), by_question, shadow };
        // By itself it must be what it is at the end of the line.
        let alone = |text: &&str| {
            let members = format!("{{{text}");
            serde_json::from_str::<Line<'_>>(&members)
                .is_ok_and(|alone| alone.outcome == Some(outcome) && is_end_alone(&alone))
        };
        if let Some(text) = text.filter(alone) {
            self.known.truncate(KEPT - 1);
            self.known.push((text.into(), decision));
        }
        decision
    }
}

/// Whether `end`, the end of a line read by itself, says nothing that is read elsewhere: a line in
/// another order than ours has some of it there, and is not known again by its end.
fn is_end_alone(end: &Line<'_>) -> bool {
    let request = [&end.timestamp, &end.msg, &end.id, &end.method, &end.host, &end.path];
    let lists = [&end.claims_left_out, &end.left_out, &end.cut];
    request.into_iter().all(|text| text.is_empty())
        && lists.into_iter().all(Vec::is_empty)
        && [
            &end.session_id,
            &end.user,
            &end.email,
            &end.email_hash,
            &end.email_domain,
            &end.route_id,
        ]
        .into_iter()
        .all(Option::is_none)
        && end.ip.is_none()
        && end.client_certificate.is_none()
        && end.id_token_claims.is_none()
        && end.page_load.is_none()
        && !end.cors_preflight
        && end.issued_at.is_none()
        && end.begun_at.is_none()
}

fn reasons(words: &[std::borrow::Cow<'_, str>]) -> Option<ReasonSet> {
    words.iter().map(|word| Reason::parse(word)).collect()
}
