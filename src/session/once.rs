//! What may happen once: a ticket is redeemed, a code is exchanged. Kept in memory and bounded: a
//! full list refuses what is new, or forgets what is oldest, as its owner can bear.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::base::time::Timestamp;

/// Remembers keys until they expire, with a value each.
#[derive(Debug)]
pub struct Once<K, V> {
    entries: Mutex<Entries<K, V>>,
    capacity: usize,
    when_full: WhenFull,
}

/// What a list does that is full of keys that have not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Takes no new key: nothing is ever done twice (fail closed).
    Refuse,
    /// Forgets the key that was entered first: nobody can fill it and lock the others out.
    ForgetOldest,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, (Timestamp, V)>,
    /// The same keys, the one that was entered first in front.
    order: VecDeque<K>,
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

impl<K: Hash + Eq + Clone, V: Clone> Once<K, V> {
    /// A list of at most `capacity` keys.
    pub fn new(capacity: usize, when_full: WhenFull) -> Self {
        let entries = Entries { by_key: HashMap::new(), order: VecDeque::new() };
        Self { entries: Mutex::new(entries), capacity, when_full }
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
        if let Some((expires_at, value)) = entries.by_key.get_mut(&key) {
            if *expires_at > now {
                return Entered::Again(value.clone());
            }
            (*expires_at, *value) = (until, make());
            return Entered::First(value.clone());
        }
        entries.drop_expired(now);
        if entries.by_key.len() >= self.capacity {
            match self.when_full {
                WhenFull::Refuse => return Entered::Full,
                WhenFull::ForgetOldest => entries.drop_oldest(),
            }
        }
        let value = make();
        entries.order.push_back(key.clone());
        entries.by_key.insert(key, (until, value.clone()));
        Entered::First(value)
    }

    /// The value of a key that was entered and has not expired.
    pub fn find(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_key.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value.clone())
    }
}

impl<K: Hash + Eq, V> Entries<K, V> {
    /// Forgets what has expired, from the front on: keys of one list live about equally long, so
    /// that no look-up ever pays for the whole of it.
    fn drop_expired(&mut self, now: Timestamp) {
        while let Some(oldest) = self.order.front()
            && self.by_key.get(oldest).is_none_or(|(until, _)| *until <= now)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.by_key.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp(160);
    const NOW: Timestamp = Timestamp(100);

    #[test]
    fn only_the_first_is_first_until_it_expires() {
        let once = Once::new(2, WhenFull::Refuse);
        assert_eq!(once.enter("a", LATER, NOW, || 1), Entered::First(1));
        assert_eq!(once.enter("a", LATER, NOW, || 2), Entered::Again(1));
        assert_eq!(once.find(&"a", NOW), Some(1));
        assert_eq!(once.enter("a", Timestamp(300), LATER, || 3), Entered::First(3));
        assert_eq!(once.enter("a", Timestamp(300), LATER, || 4), Entered::Again(3));
    }

    #[test]
    fn a_full_list_refuses_rather_than_forgets() {
        let once = Once::new(2, WhenFull::Refuse);
        assert_eq!(once.enter(1, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(once.enter(2, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(once.enter(3, LATER, NOW, || ()), Entered::Full);
        assert_eq!(once.enter(1, LATER, NOW, || ()), Entered::Again(()));
        assert_eq!(once.enter(3, Timestamp(400), LATER, || ()), Entered::First(()));
    }

    #[test]
    fn t56_a_flood_pushes_the_oldest_out_and_locks_nobody_out() {
        let once = Once::new(2, WhenFull::ForgetOldest);
        for key in 0..1_000 {
            assert_eq!(once.enter(key, LATER, NOW, || ()), Entered::First(()));
            assert_eq!(once.enter(key, LATER, NOW, || ()), Entered::Again(()));
        }
        assert_eq!((once.find(&997, NOW), once.find(&998, NOW)), (None, Some(())));
        let entries = once.entries.lock().unwrap();
        assert_eq!((entries.by_key.len(), entries.order.len()), (2, 2));
    }
}
