//! `day_of_week`: on some days of the week.

use super::zone::{self, SECONDS_OF_DAY, Zone};
use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::{Kind, Node};
use crate::policy::answer::Answer;
use crate::policy::codes;
use crate::policy::criterion::{Data, OfRequest, Reads, Row, Test, answer};
use crate::policy::missing::What;
use crate::policy::question::Question;
use crate::policy::reason::Reason;
use crate::policy::written::Written;

pub(super) static ROW: Row = Row {
    name: "day_of_week",
    takes_path: false,
    data: Data::Days,
    sentence: "Holds on these days, from midnight to midnight. They are UTC's unless a \
               `timezone` is given.",
    reasons: &[Reason::DayOfWeekOk, Reason::DayOfWeekUnauthorized],
    reads: Reads::Time,
    example: "day_of_week: {days: mon-fri, timezone: Europe/Berlin}",
    compile: |written, diagnostics| Some(Test::request(DayOfWeek::read(written, diagnostics)?)),
};

const HELP: &str = "write for instance mon-fri, \"mon,wed\", [sat, sun] or \"*\"; with a zone: \
                    {days: mon-fri, timezone: Europe/Berlin}";

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

#[derive(Debug)]
struct DayOfWeek {
    /// Monday first.
    days: [bool; 7],
    zone: Zone,
}

impl DayOfWeek {
    fn read(written: &Written<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let (list, zone) = if written.data.map().is_some() {
            let [days, zone] = zone::fields(written, ["days", "timezone"], HELP, diagnostics)?;
            let Some(days) = days else {
                let message = "`day_of_week` needs `days`";
                diagnostics.error(codes::DATA, written.data.place, message, HELP);
                return None;
            };
            (days, zone)
        } else {
            (written.data, None)
        };
        let zone = Zone::read(zone, diagnostics);
        Some(Self { days: days(written, list, diagnostics)?, zone: zone? })
    }

    fn today(&self, question: &Question<'_>) -> Option<usize> {
        let seconds = self.zone.local_seconds(question.now)?;
        // 1970 began on a Thursday.
        usize::try_from((seconds.div_euclid(SECONDS_OF_DAY) + 3).rem_euclid(7)).ok()
    }
}

fn days(written: &Written<'_>, list: &Node, diagnostics: &mut Diagnostics) -> Option<[bool; 7]> {
    let items = match &list.kind {
        Kind::List(items) => items,
        Kind::Scalar(_) | Kind::Map(_) => std::slice::from_ref(list),
    };
    if items.is_empty() {
        let message = "`day_of_week` without any day never holds";
        diagnostics.warning(codes::NEVER_EQUAL, list.place, message, HELP);
    }
    let mut days = [false; 7];
    let mut good = true;
    for item in items {
        let Some(text) = item.text().filter(|_| !item.is_null()) else {
            let message = format!("a day is text, and this is {}", item.what());
            let place = if item.is_null() { written.place } else { item.place };
            diagnostics.error(codes::DATA, place, message, HELP);
            good = false;
            continue;
        };
        for part in text.split(',').map(str::trim) {
            match range(part) {
                Ok(range) => range.into_iter().for_each(|day| mark(&mut days, day)),
                Err(name) => {
                    let help = match nearest(name, DAYS) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => HELP.to_owned(),
                    };
                    let message = format!("there is no day `{name}`");
                    diagnostics.error(codes::DATA, item.place, message, help);
                    good = false;
                }
            }
        }
    }
    good.then_some(days)
}

fn mark(days: &mut [bool; 7], day: usize) {
    if let Some(day) = days.get_mut(day) {
        *day = true;
    }
}

/// The days of `*`, `mon` or `fri-mon`; else the name that is none.
fn range(part: &str) -> Result<Vec<usize>, &str> {
    if part == "*" {
        return Ok((0..DAYS.len()).collect());
    }
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    let length = (last + DAYS.len() - first) % DAYS.len();
    Ok((first..=first + length).map(|day| day % DAYS.len()).collect())
}

/// A day by its English name or the first three letters of it.
fn day(name: &str) -> Result<usize, &str> {
    let found = DAYS.iter().position(|day| {
        day.eq_ignore_ascii_case(name)
            || day.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(name))
    });
    found.ok_or(name)
}

impl OfRequest for DayOfWeek {
    fn judge(&self, question: &Question<'_>) -> (Answer, Reason) {
        let Some(today) = self.today(question) else {
            return (Answer::Unknown, Reason::DayOfWeekUnauthorized);
        };
        let holds = self.days.get(today).copied().unwrap_or(false);
        answer(holds, Reason::DayOfWeekOk, Reason::DayOfWeekUnauthorized)
    }

    fn wanted(&self) -> String {
        let days: Vec<&str> =
            DAYS.iter().zip(self.days).filter(|(_, on)| *on).map(|(day, _)| *day).collect();
        format!("{} ({})", days.join(", "), self.zone.name())
    }

    fn seen(&self, question: &Question<'_>) -> Option<String> {
        DAYS.get(self.today(question)?).map(|day| (*day).to_owned())
    }

    fn different(&self) -> Option<What> {
        Some(What::Time)
    }
}
