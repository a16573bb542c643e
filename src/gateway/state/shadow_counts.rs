//! How often the shadow agreed and how often not. Each worker counts for itself; whoever asks adds
//! them up.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::base::lock::lock;
use crate::decision::record::Outcome;

const OUTCOMES: usize = Outcome::ALL.len();

/// By the real outcome, then the shadow's.
type Counts = [[u64; OUTCOMES]; OUTCOMES];

/// What one worker counted, by route. Its lock is the worker's own and waits only while somebody
/// adds up. Routes are a closed set, so it does not grow with what clients ask (T85).
#[derive(Debug, Default)]
pub(crate) struct ShadowCounts(Mutex<HashMap<Box<str>, Counts>>);

/// One cell of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShadowCount {
    /// The route that decided; empty where none was found.
    pub route: String,
    /// What was decided.
    pub real: Outcome,
    /// What the shadow would have decided.
    pub shadow: Outcome,
    /// How often.
    pub count: u64,
}

impl ShadowCounts {
    /// Counts one decision.
    pub(crate) fn count(&self, route: Option<&str>, real: Outcome, shadow: Outcome) {
        let route = route.unwrap_or_default();
        let mut routes = lock(&self.0);
        let counts = match routes.get_mut(route) {
            Some(counts) => counts,
            None => routes.entry(route.into()).or_default(),
        };
        let cell = counts.get_mut(place(real)).and_then(|row| row.get_mut(place(shadow)));
        if let Some(cell) = cell {
            *cell = cell.saturating_add(1);
        }
    }
}

/// What all workers counted, in the order of routes and outcomes.
pub(crate) fn sum<'a>(workers: impl Iterator<Item = &'a Arc<ShadowCounts>>) -> Vec<ShadowCount> {
    let mut all: BTreeMap<Box<str>, Counts> = BTreeMap::new();
    for worker in workers {
        for (route, counts) in &*lock(&worker.0) {
            let sums = all.entry(route.clone()).or_default();
            for (sum, count) in sums.iter_mut().flatten().zip(counts.iter().flatten()) {
                *sum = sum.saturating_add(*count);
            }
        }
    }
    let pairs = Outcome::ALL.into_iter().flat_map(|real| Outcome::ALL.map(|shadow| (real, shadow)));
    all.iter()
        .flat_map(|(route, counts)| {
            pairs.clone().zip(counts.iter().flatten().copied()).map(|((real, shadow), count)| {
                ShadowCount { route: route.to_string(), real, shadow, count }
            })
        })
        .filter(|cell| cell.count > 0)
        .collect()
}

/// Says it in the log: one line, however many routes there are.
pub(crate) fn tell(counts: &[ShadowCount]) {
    let decided: u64 = counts.iter().map(|cell| cell.count).sum();
    let differing: Vec<_> = counts.iter().filter(|cell| cell.real != cell.shadow).collect();
    let table = serde_json::to_string(&differing).unwrap_or_default();
    tracing::info!(decided, table, "what the shadow would have decided otherwise");
}

fn place(outcome: Outcome) -> usize {
    Outcome::ALL.iter().position(|known| *known == outcome).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_count_apart_and_are_added_up() {
        let workers = [Arc::<ShadowCounts>::default(), Arc::default()];
        workers[0].count(Some("wiki"), Outcome::Allow, Outcome::Deny);
        workers[1].count(Some("wiki"), Outcome::Allow, Outcome::Deny);
        workers[1].count(Some("wiki"), Outcome::Allow, Outcome::Allow);
        workers[1].count(None, Outcome::NoRoute, Outcome::SignIn);
        let cell = |route: &str, real, shadow, count| ShadowCount {
            route: route.to_owned(),
            real,
            shadow,
            count,
        };
        let expected = [
            cell("", Outcome::NoRoute, Outcome::SignIn, 1),
            cell("wiki", Outcome::Allow, Outcome::Allow, 1),
            cell("wiki", Outcome::Allow, Outcome::Deny, 2),
        ];
        assert_eq!(sum(workers.iter()), expected);
    }
}
