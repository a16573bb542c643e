//! Time zones, and the maps in which the criteria of time are written. Zones come from the database
//! that is built in, so that a policy means the same on every machine.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::base::diagnostic::Diagnostics;
use crate::base::near::nearest;
use crate::base::node::Node;
use crate::base::time::Timestamp;
use crate::policy::codes;
use crate::policy::written::Written;

pub(super) const SECONDS_OF_DAY: i64 = 86_400;

/// An IANA time zone.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    zone: TimeZone,
    name: Box<str>,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Self { zone: TimeZone::UTC, name: "UTC".into() }
    }

    /// The zone that was written, UTC where none was; `None` after an error.
    pub(super) fn read(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(node) = node else { return Some(Self::utc()) };
        let name = node.text().filter(|_| !node.is_null()).unwrap_or_default();
        let known = TimeZoneDatabase::bundled();
        if let Ok(zone) = known.get(name) {
            return Some(Self { name: zone.iana_name().unwrap_or(name).into(), zone });
        }
        let names: Vec<String> = known.available().map(|name| name.to_string()).collect();
        let city = |name: &&String| name.rsplit('/').next().is_some_and(|city| same(city, node));
        let near = names
            .iter()
            .find(city)
            .map(String::as_str)
            .or_else(|| nearest(name, names.iter().map(String::as_str)));
        let message = match node.text() {
            Some(name) => format!("there is no time zone `{name}`"),
            None => format!("`timezone` wants the name of a zone, and this is {}", node.what()),
        };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write its IANA name, for instance Europe/Berlin or America/New_York, or UTC"
                .to_owned(),
        };
        diagnostics.error(codes::DATA, node.place, message, help);
        None
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the clocks there show at `now`, in seconds since their 1970 began; `None` beyond the
    /// calendar. Allocates nothing.
    pub(super) fn local_seconds(&self, now: Timestamp) -> Option<i64> {
        let at = jiff::Timestamp::from_second(now.0).ok()?;
        now.0.checked_add(i64::from(self.zone.to_offset(at).seconds()))
    }
}

fn same(city: &str, written: &Node) -> bool {
    written.text().is_some_and(|text| text.replace(' ', "_").eq_ignore_ascii_case(city))
}

/// The values under `names` in the map of a criterion; `None` after an error, which also any other
/// key is.
pub(super) fn fields<'a, const N: usize>(
    written: &Written<'a>,
    names: [&str; N],
    help: &str,
    diagnostics: &mut Diagnostics,
) -> Option<[Option<&'a Node>; N]> {
    let Some(entries) = written.data.map() else {
        let place = if written.data.is_null() { written.place } else { written.data.place };
        let message = format!("`{}` wants a map, and this is {}", written.key, written.data.what());
        diagnostics.error(codes::DATA, place, message, help);
        return None;
    };
    let unknown = entries.iter().filter_map(|(key, _)| {
        let name = key.text().unwrap_or_default();
        (!names.contains(&name)).then_some((key, name))
    });
    let mut good = true;
    for (key, name) in unknown {
        good = false;
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("here you can write {}", names.join(", ")),
        };
        let message = format!("`{}` does not look at `{name}`", written.key);
        diagnostics.error(codes::UNKNOWN_MATCHER, key.place, message, help);
    }
    good.then(|| names.map(|name| written.data.get(name)))
}

/// Says that neither bound is there.
pub(super) fn no_bounds(written: &Written<'_>, help: &str, diagnostics: &mut Diagnostics) {
    let message = format!("`{}` needs `after`, `before` or both", written.key);
    diagnostics.error(codes::DATA, written.data.place, message, help);
}
