//! The decision on a request, and the telling of it: its line in the decision log, and what a
//! shadow says beside it. Every way to ask decides here, so that none goes untold.

pub(crate) mod signed_in;

use http::StatusCode;

use crate::base::ids::RequestId;
use crate::base::time::Timestamp;
use crate::decision::record::{self, Decided, Line, Outcome, Text, Words};
use crate::decision::{
    Admission, Facts, Judged, NoRoute, Refusal, RouteIndex, admission_heard, judge, verdict,
};
use crate::gateway::decide::signed_in::NotSignedIn;
use crate::gateway::request::CheckedRequest;
use crate::gateway::state::plan::Plan;
use crate::gateway::state::worker::Worker;
use crate::policy;
use crate::session::Session;
use crate::session::lifecycle::LiveSession;
use crate::telemetry::line_file::Sender;
use crate::telemetry::{Record, ShadowNote};

/// A request that is to be decided on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts<'a>,
    /// Whether whoever asks is a browser that loads a page.
    pub(crate) page_load: bool,
}

impl<'a> Asked<'a> {
    /// What a request asks, whichever road it came.
    pub(crate) fn of(request: &'a CheckedRequest, facts: &'a Facts<'a>) -> Self {
        Self {
            id: request.id,
            now: request.now,
            plan: &request.plan,
            facts,
            page_load: request.is_page_load(),
        }
    }
}

/// The line of a decision, which still lacks the status that was answered. It is written when that
/// is known, or without it when this is dropped, because nobody waited for the answer.
#[derive(Debug)]
#[must_use = "the answer's status belongs into the line"]
pub(crate) struct Told {
    line: Option<(Vec<u8>, Sender)>,
}

impl Told {
    /// The status that was answered.
    pub(crate) fn answered(mut self, status: StatusCode) {
        if let Some((line, _)) = &mut self.line {
            // A line is an object whose last field is the status.
            line.pop();
            line.extend_from_slice(b",\"status\":");
            line.extend_from_slice(status.as_str().as_bytes());
            line.push(b'}');
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some((line, sender)) = self.line.take() {
            sender.send(&line);
        }
    }
}

/// Decides on a request that another proxy asks about, and has it told. `fits` is what its question
/// asks of a session beside the policy; whoever acts on an admission asks it too.
pub(crate) fn decide(
    asked: &Asked<'_>,
    live: Result<LiveSession, NotSignedIn>,
    worker: &Worker,
    record: &mut Record,
    fits: &dyn Fn(&Session) -> bool,
) -> (Result<Admission, Refusal>, Told) {
    decide_where(asked, live, worker, record, (|_| true, fits))
}

/// The same for a request of our own road: a route that decides for other proxies alone is none.
pub(crate) fn decide_for_relay(
    asked: &Asked<'_>,
    live: Result<LiveSession, NotSignedIn>,
    worker: &Worker,
    record: &mut Record,
) -> (Result<Admission, Refusal>, Told) {
    let here = |judged: &Judged| !asked.plan.is_left_to_others(judged.route);
    decide_where(asked, live, worker, record, (here, &|_| true))
}

fn decide_where(
    asked: &Asked<'_>,
    live: Result<LiveSession, NotSignedIn>,
    worker: &Worker,
    record: &mut Record,
    (here, fits): (impl Fn(&Judged) -> bool, &dyn Fn(&Session) -> bool),
) -> (Result<Admission, Refusal>, Told) {
    let mut told = Told { line: None };
    let (live, why_not) = match live {
        Ok(live) => (Some(live), None),
        Err(why_not) => (None, Some(why_not)),
    };
    let nothing = NoRoute { known_host: true };
    let heard = |judged: Result<&Judged, &NoRoute>, session: Option<&Session>| {
        let judged = judged.and_then(|judged| here(judged).then_some(judged).ok_or(&nothing));
        let shadow = ask_shadow(asked, judged, session);
        let unfit = session.is_some_and(|session| !fits(session))
            && judged.is_ok_and(|judged| judged.verdict.outcome() == policy::Outcome::Allow);
        if let Some(shadow) = &shadow {
            note(asked, judged, shadow, worker, record);
        }
        told.line = line(asked, judged, session, (why_not, unfit), shadow, worker);
    };
    let decided = admission_heard(&asked.plan.rules, asked.facts, live, asked.now, heard);
    let judged = decided.as_ref().map_or_else(Refusal::judged, |yes| Some(yes.judged()));
    match judged.is_none_or(&here) {
        true => (decided, told),
        false => (Err(Refusal::NoRoute(nothing)), told),
    }
}

/// What a shadow said.
struct Shadow<'a> {
    outcome: Outcome,
    reasons: Reasons,
    /// The route of the shadow configuration.
    route_id: Option<&'a str>,
}

#[derive(Clone, Copy)]
enum Reasons {
    Policy(policy::ReasonSet),
    NoRoute([&'static str; 1]),
}

/// Asks the shadow configuration, else the shadow policy of the route. What it says is for telling
/// alone.
fn ask_shadow<'a>(
    asked: &Asked<'a>,
    judged: Result<&Judged, &NoRoute>,
    session: Option<&Session>,
) -> Option<Shadow<'a>> {
    let identity = session.map(|session| &session.identity);
    let told = |verdict: &policy::Verdict, route_id| Shadow {
        outcome: verdict.outcome().into(),
        reasons: Reasons::Policy(verdict.reasons()),
        route_id,
    };
    if let Some(rules) = &asked.plan.shadow_rules {
        return Some(match judge(rules, asked.facts, identity, asked.now) {
            Ok(judged) => {
                let route = rules.route(judged.route).map(|route| &*route.id);
                told(&judged.verdict, route)
            }
            Err(no_route) => Shadow {
                outcome: Outcome::NoRoute,
                reasons: Reasons::NoRoute([no_route.word()]),
                route_id: None,
            },
        });
    }
    let policy = asked.plan.service(judged.ok()?.route)?.shadow_policy.as_ref()?;
    Some(told(&verdict(policy, asked.facts, identity, asked.now), None))
}

/// Counts what the shadow said, and has the line of the request say where it differs.
fn note(
    asked: &Asked<'_>,
    judged: Result<&Judged, &NoRoute>,
    shadow: &Shadow<'_>,
    worker: &Worker,
    record: &mut Record,
) {
    let real = judged.map_or(Outcome::NoRoute, |judged| judged.verdict.outcome().into());
    worker.shadows.count(route_id(asked.plan, judged), real, shadow.outcome);
    if real != shadow.outcome {
        let reasons = match shadow.reasons {
            Reasons::Policy(reasons) => reasons.iter().map(policy::Reason::word).collect(),
            Reasons::NoRoute(reason) => reason.to_vec(),
        };
        record.shadow = Some(ShadowNote { outcome: shadow.outcome.word(), reasons });
    }
}

fn route_id<'a>(plan: &'a Plan, judged: Result<&Judged, &NoRoute>) -> Option<&'a str> {
    let index: RouteIndex = judged.ok()?.route;
    plan.rules.route(index).map(|route| &*route.id)
}

/// The line of the decision log, where there is one. `unfit`: the policy lets the session in, and the
/// question does not.
fn line(
    asked: &Asked<'_>,
    judged: Result<&Judged, &NoRoute>,
    session: Option<&Session>,
    (why_not, unfit): (Option<NotSignedIn>, bool),
    shadow: Option<Shadow<'_>>,
    worker: &Worker,
) -> Option<(Vec<u8>, Sender)> {
    const USUAL_BYTES: usize = 1_536;
    let sender = worker.decisions.as_ref()?;
    let because = match judged {
        Err(no_route) => Some(no_route.word()),
        Ok(judged) if judged.verdict.outcome() == policy::Outcome::SignIn => {
            why_not.map(NotSignedIn::word)
        }
        Ok(_) => None,
    };
    let decided = Decided {
        id: asked.id,
        now: asked.now,
        millis: worker.shared.clock.millisecond_of(asked.now),
        facts: asked.facts,
        page_load: asked.page_load,
        session,
        judged: judged.ok().zip(route_id(asked.plan, judged)),
        because: because.as_slice(),
    };
    let mut line = Line::of(&decided, asked.plan.redact);
    let real_route = line.route_id.clone();
    line.shadow = shadow.as_ref().map(|shadow| record::Shadow {
        outcome: if unfit { refused(shadow.outcome) } else { shadow.outcome },
        reasons: match &shadow.reasons {
            Reasons::Policy(reasons) => Words::from(*reasons),
            Reasons::NoRoute(reason) => Words::from(reason.as_slice()),
        },
        route_id: shadow.route_id.map(Text::from).filter(|id| real_route.as_ref() != Some(id)),
    });
    if unfit {
        line.outcome = line.outcome.map(refused);
        line.reasons = Some(Words::from([record::QUESTION_CONSTRAINT].as_slice()));
    }
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    line.write(&mut bytes);
    Some((bytes, sender.clone()))
}

/// What becomes of an outcome where the question refuses.
fn refused(outcome: Outcome) -> Outcome {
    if outcome == Outcome::Allow { Outcome::Deny } else { outcome }
}
