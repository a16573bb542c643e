//! What may happen once: a ticket is redeemed, a code is exchanged. Kept in memory; nothing is
//! pushed out before its time, a full list refuses instead.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::base::time::Timestamp;

/// Remembers keys until they expire, with a value each.
#[derive(Debug)]
pub struct Once<K, V> {
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
    capacity: usize,
}

/// What [`Once::enter`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered<V> {
    /// The key is new: the caller is the first and only one.
    First(V),
    /// Somebody was here before.
    Again(V),
    /// The list is full of keys that have not expired: refuse (fail closed).
    Full,
}

impl<K: Hash + Eq, V: Clone> Once<K, V> {
    /// A list of at most `capacity` keys.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::new(HashMap::new()), capacity }
    }

    /// Enters `key` with the value that `make` gives, to be remembered until `until`; or finds the
    /// value that it was entered with.
    pub fn enter(
        &self,
        key: K,
        until: Timestamp,
        now: Timestamp,
        make: impl FnOnce() -> V,
    ) -> Entered<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = entries.get(&key).filter(|(until, _)| *until > now) {
            return Entered::Again(value.clone());
        }
        if entries.len() >= self.capacity {
            entries.retain(|_, (until, _)| *until > now);
        }
        if entries.len() >= self.capacity {
            return Entered::Full;
        }
        let value = make();
        entries.insert(key, (until, value.clone()));
        Entered::First(value)
    }

    /// The value of a key that was entered and has not expired.
    pub fn find(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp(160);
    const NOW: Timestamp = Timestamp(100);

    #[test]
    fn only_the_first_is_first_until_it_expires() {
        let once = Once::new(2);
        assert_eq!(once.enter("a", LATER, NOW, || 1), Entered::First(1));
        assert_eq!(once.enter("a", LATER, NOW, || 2), Entered::Again(1));
        assert_eq!(once.find(&"a", NOW), Some(1));
        assert_eq!(once.enter("a", Timestamp(300), LATER, || 3), Entered::First(3));
    }

    #[test]
    fn a_full_list_refuses_rather_than_forgets() {
        let once = Once::new(2);
        assert_eq!(once.enter(1, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(once.enter(2, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(once.enter(3, LATER, NOW, || ()), Entered::Full);
        assert_eq!(once.enter(1, LATER, NOW, || ()), Entered::Again(()));
        assert_eq!(once.enter(3, Timestamp(400), LATER, || ()), Entered::First(()));
    }
}
