//! `date`: from one moment on, until another.

use std::fmt;

use super::zone::{self, Zone};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Node;
use crate::base::time::Timestamp;
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: "date",
    takes_path: false,
    data: Data::Dates,
    sentence: "Holds from `after` on and until just before `before`. A day stands for its first \
               moment. Both are UTC unless `timezone` or the text itself says otherwise.",
    reasons: &[Reason::DateOk, Reason::DateUnauthorized],
    reads: Reads::Time,
    example: "date: {after: 2026-09-01, before: 2027-07-01, timezone: Europe/Berlin}",
    compile: |written, diagnostics| Some(Test::request(Date::read(written, diagnostics)?)),
};

const HELP: &str = "write for instance: date: {after: 2026-09-01, before: 2027-07-01T18:00:00Z}";

#[derive(Debug)]
struct Date {
    /// The first moment at which it holds.
    after: Option<Timestamp>,
    /// The first at which it no longer does.
    before: Option<Timestamp>,
}

impl Date {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let [after, before, zone] =
            zone::fields(written, ["after", "before", "timezone"], HELP, diagnostics)?;
        if after.is_none() && before.is_none() {
            zone::no_bounds(written, HELP, diagnostics);
            return None;
        }
        let zone = Zone::read(zone, diagnostics);
        let mut moment = |node: Option<&Node>| match node {
            None => Some(None),
            Some(node) => moment(node, zone.as_ref()?, diagnostics).map(Some),
        };
        let (from, until) = (moment(after), moment(before));
        let date = Self { after: from?, before: until? };
        if let (Some(from), Some(until), Some(at)) = (date.after, date.before, before)
            && until <= from
        {
            let message = "this ends before it begins, so it never holds";
            diagnostics.error(
                codes::DATA,
                at.place,
                message,
                "`before` has to be later than `after`",
            );
            return None;
        }
        Some(date)
    }
}

fn moment(node: &Node, zone: &Zone, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    let text = node.text().unwrap_or_default();
    let read = || {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(at);
        }
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(zone.zone().clone()).ok()?.timestamp())
    };
    let Some(at) = read() else {
        let message = match node.text() {
            Some(text) => format!("`{text}` is not a date"),
            None => format!("a date is text, and this is {}", node.what()),
        };
        let help =
            "write for instance 2026-09-01, 2026-09-01T08:00:00 or 2026-09-01T08:00:00+02:00";
        diagnostics.error(codes::DATA, node.place, message, help);
        return None;
    };
    Some(Timestamp(at.as_second()))
}

impl OfRequest for Date {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let holds = self.after.is_none_or(|after| after <= question.now)
            && self.before.is_none_or(|before| question.now < before);
        answer(holds, Reason::DateOk, Reason::DateUnauthorized)
    }

    fn wanted(&self) -> String {
        self.to_string()
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        Some(question.now.to_string())
    }

    fn different(&self) -> Option<What> {
        Some(What::Time)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.after, self.before) {
            (Some(after), Some(before)) => write!(f, "from {after} until {before}"),
            (Some(after), None) => write!(f, "from {after}"),
            (None, Some(before)) => write!(f, "until {before}"),
            (None, None) => f.write_str("at any time"),
        }
    }
}
