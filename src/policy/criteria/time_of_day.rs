//! `time_of_day`: between two times of the clock on the wall, over midnight where they say so.

use super::zone::{self, SECONDS_OF_DAY, Zone};
use crate::base::diagnostic::Diagnostics;
use crate::base::node::Node;
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: "time_of_day",
    takes_path: false,
    data: Data::Times,
    sentence: "Holds from `after` on and until just before `before`, by the clocks on the wall in \
               `timezone`, summer time included. Where `after` is the later of the two it holds \
               over midnight.",
    reasons: &[Reason::TimeOfDayOk, Reason::TimeOfDayUnauthorized],
    reads: Reads::Time,
    example: "time_of_day: {timezone: Europe/Berlin, after: 8:00, before: 18:30}",
    compile: |written, diagnostics| Some(Test::request(TimeOfDay::read(written, diagnostics)?)),
};

const HELP: &str = "write for instance: time_of_day: {timezone: Europe/Berlin, after: 8:00, \
                    before: 6:30 PM}";

#[derive(Debug)]
struct TimeOfDay {
    /// Seconds since midnight; from it on.
    after: Option<i64>,
    /// Until just before it.
    before: Option<i64>,
    zone: Zone,
}

impl TimeOfDay {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let [after, before, zone] =
            zone::fields(written, ["after", "before", "timezone"], HELP, diagnostics)?;
        let Some(last) = before.or(after) else {
            zone::no_bounds(written, HELP, diagnostics);
            return None;
        };
        if zone.is_none() {
            diagnostics.warning(
                codes::NO_ZONE,
                written.data.place,
                "without `timezone` these are times of UTC",
                "name the zone that is meant, or write timezone: UTC",
            );
        }
        let zone = Zone::read(zone, diagnostics);
        let mut time = |node: Option<&Node>, most: i64| match node {
            None => Some(None),
            Some(node) => time(node, most, diagnostics).map(Some),
        };
        // 24:00 is an end, and no beginning.
        let (from, until) = (time(after, SECONDS_OF_DAY - 1), time(before, SECONDS_OF_DAY));
        let times = Self { after: from?, before: until?, zone: zone? };
        let never = match (times.after, times.before) {
            (Some(from), Some(until)) if from == until => "these two are the same time",
            (None, Some(0)) => "nothing of a day is before its first moment",
            _ => return Some(times),
        };
        let help = "for the whole day remove the criterion; the end of a day is 24:00";
        diagnostics.error(codes::DATA, last.place, never, help);
        None
    }

    /// Seconds since midnight.
    fn time(&self, question: &Question<'_>) -> Option<i64> {
        Some(self.zone.local_seconds(question.now)?.rem_euclid(SECONDS_OF_DAY))
    }
}

fn time(node: &Node, most: i64, diagnostics: &mut Diagnostics) -> Option<i64> {
    let text = node.text().unwrap_or_default();
    let seconds = seconds(text).filter(|seconds| *seconds <= most);
    if seconds.is_none() {
        let message = match node.text() {
            Some(text) => format!("`{text}` is not a time of a day"),
            None => format!("a time is text, and this is {}", node.what()),
        };
        let help = "write for instance 8:00, 18:30:00 or 6:30 PM; the end of a day is 24:00";
        diagnostics.error(codes::DATA, node.place, message, help);
    }
    seconds
}

/// Seconds since midnight of `8:00`, `18:30:00`, `6:30PM`, `6 pm`, `24:00`.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let half = |mark: &str| text.strip_suffix(mark).map(str::trim_end);
    let (digits, afternoon) = match (half("am"), half("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        (None, None) => (text.as_str(), None),
    };
    let mut parts = digits.split(':');
    let mut part = |longest: usize| {
        let part = parts.next()?;
        let good = (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        good.then(|| part.parse::<i64>().ok()).flatten()
    };
    let count = digits.split(':').count();
    let hour = part(2)?;
    let minute = if count > 1 { part(2)? } else { 0 };
    let second = if count > 2 { part(2)? } else { 0 };
    let two_digits = digits.split(':').skip(1).all(|part| part.len() == 2);
    let written_out = count <= 3 && two_digits && (count > 1 || afternoon.is_some());
    let hour = match afternoon {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let whole = hour * 3_600 + minute * 60 + second;
    let in_range = minute < 60 && second < 60 && whole <= SECONDS_OF_DAY;
    (written_out && in_range).then_some(whole)
}

impl OfRequest for TimeOfDay {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let Some(time) = self.time(question) else {
            return (Answer::Unknown, Reason::TimeOfDayUnauthorized);
        };
        let from = self.after.is_none_or(|after| after <= time);
        let until = self.before.is_none_or(|before| time < before);
        let over_midnight = matches!((self.after, self.before), (Some(a), Some(b)) if b < a);
        let holds = if over_midnight { from || until } else { from && until };
        answer(holds, Reason::TimeOfDayOk, Reason::TimeOfDayUnauthorized)
    }

    fn wanted(&self) -> String {
        let mut wanted = Vec::new();
        wanted.extend(self.after.map(|after| format!("from {}", shown(after))));
        wanted.extend(self.before.map(|before| format!("until {}", shown(before))));
        format!("{} ({})", wanted.join(" "), self.zone.name())
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        self.time(question).map(shown)
    }

    fn different(&self) -> Option<What> {
        Some(What::Time)
    }
}

fn shown(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
