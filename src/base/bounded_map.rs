//! A map that never holds more than its capacity, for what strangers can make it hold.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::time::Timestamp;

/// Keys with a value each, kept until a moment that is given with each key. The moments are of type
/// `T`; "now" is an argument, so that expiry is tested without waiting.
///
/// Entering, finding and making room take constant time on average, however full the map is.
#[derive(Debug)]
pub struct BoundedMap<K, V, T = Timestamp> {
    by_key: HashMap<K, Entry<V, T>>,
    /// Every key in the order of entering, the oldest in front. A key that was entered anew stands
    /// here several times; only the place whose number its entry has counts.
    order: VecDeque<(u64, K)>,
    next_number: u64,
    capacity: usize,
    when_full: WhenFull,
}

/// What a map does that is full of keys that have not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It takes no new key: nothing that it remembers is forgotten early (fail closed).
    Refuse,
    /// It forgets the key that was entered first: nobody can fill it and lock the others out.
    ForgetOldest,
}

/// What [`BoundedMap::enter`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered<V> {
    /// The key is new, or had expired: the caller is the first and only one.
    First(V),
    /// The key was there, with this value.
    Again(V),
    /// The map is full and refuses.
    Full,
}

#[derive(Debug)]
struct Entry<V, T> {
    number: u64,
    until: T,
    value: V,
}

impl<K: Hash + Eq + Clone, V: Clone, T: Ord + Copy> BoundedMap<K, V, T> {
    /// A map of at most `capacity` keys.
    pub fn new(capacity: usize, when_full: WhenFull) -> Self {
        let (by_key, order) = (HashMap::new(), VecDeque::new());
        Self { by_key, order, next_number: 0, capacity, when_full }
    }

    /// Finds the value of `key`, or enters `key` with the value that `make` gives, to be kept for
    /// as long as now is before `until`.
    pub fn enter(&mut self, key: K, until: T, now: T, make: impl FnOnce() -> V) -> Entered<V> {
        if let Some(value) = self.find(&key, now) {
            return Entered::Again(value.clone());
        }
        let value = make();
        match self.insert(key, value.clone(), until, now) {
            true => Entered::First(value),
            false => Entered::Full,
        }
    }

    /// Enters `key`, in place of what it was entered with before. `false` where the map is full and
    /// refuses; `key` is not in it then.
    pub fn insert(&mut self, key: K, value: V, until: T, now: T) -> bool {
        self.by_key.remove(&key);
        self.drop_expired(now);
        if self.by_key.len() >= self.capacity {
            match self.when_full {
                WhenFull::Refuse => return false,
                WhenFull::ForgetOldest => self.drop_oldest(),
            }
        }
        if self.by_key.len() >= self.capacity {
            return false;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.order.push_back((number, key.clone()));
        self.by_key.insert(key, Entry { number, until, value });
        self.drop_old_places();
        true
    }

    /// The value of a key that was entered and has not expired.
    pub fn find<Q>(&self, key: &Q, now: T) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.by_key.get(key).filter(|entry| entry.until > now)?;
        Some(&entry.value)
    }

    /// Forgets what has expired, from the oldest on, up to the first key that has not: keys of one
    /// map live about equally long, so that no call pays for the whole map.
    fn drop_expired(&mut self, now: T) {
        while let Some((number, key)) = self.order.front() {
            let lives = self.by_key.get(key).is_some_and(|e| e.number == *number && e.until > now);
            if lives {
                return;
            }
            self.drop_front();
        }
    }

    /// Forgets the oldest key.
    fn drop_oldest(&mut self) {
        while !self.order.is_empty() && !self.drop_front() {}
    }

    /// Takes the front place away, and its key where the place counts. Says whether it did.
    fn drop_front(&mut self) -> bool {
        let Some((number, key)) = self.order.pop_front() else { return false };
        let counts = self.by_key.get(&key).is_some_and(|entry| entry.number == number);
        if counts {
            self.by_key.remove(&key);
        }
        counts
    }

    /// Takes away places that no longer count once they are the greater part: seldom enough that
    /// each call pays a constant share.
    fn drop_old_places(&mut self) {
        if self.order.len() > 2 * self.by_key.len() + 16 {
            let by_key = &self.by_key;
            self.order.retain(|(number, key)| {
                by_key.get(key).is_some_and(|entry| entry.number == *number)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LATER: Timestamp = Timestamp(160);
    const NOW: Timestamp = Timestamp(100);

    #[test]
    fn only_the_first_is_first_until_it_expires() {
        let mut map = BoundedMap::new(2, WhenFull::Refuse);
        assert_eq!(map.enter("a", LATER, NOW, || 1), Entered::First(1));
        assert_eq!(map.enter("a", LATER, NOW, || 2), Entered::Again(1));
        assert_eq!(map.find("a", NOW), Some(&1));
        assert_eq!(map.find("a", LATER), None);
        assert_eq!(map.enter("a", Timestamp(300), LATER, || 3), Entered::First(3));
        assert_eq!(map.enter("a", Timestamp(300), LATER, || 4), Entered::Again(3));
    }

    #[test]
    fn a_full_map_refuses_rather_than_forgets() {
        let mut map = BoundedMap::new(2, WhenFull::Refuse);
        assert_eq!(map.enter(1, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(map.enter(2, LATER, NOW, || ()), Entered::First(()));
        assert_eq!(map.enter(3, LATER, NOW, || ()), Entered::Full);
        assert_eq!(map.enter(1, LATER, NOW, || ()), Entered::Again(()));
        assert_eq!(map.enter(3, Timestamp(400), LATER, || ()), Entered::First(()));
    }

    #[test]
    fn t56_a_flood_pushes_the_oldest_out_and_locks_nobody_out() {
        let mut map = BoundedMap::new(2, WhenFull::ForgetOldest);
        for key in 0..1_000 {
            assert_eq!(map.enter(key, LATER, NOW, || ()), Entered::First(()));
            assert_eq!(map.enter(key, LATER, NOW, || ()), Entered::Again(()));
        }
        assert_eq!((map.find(&997, NOW), map.find(&998, NOW)), (None, Some(&())));
        assert_eq!((map.by_key.len(), map.order.len()), (2, 2));
    }

    /// The same rules, written down without any thought of speed.
    struct Model {
        entries: Vec<(u8, u32, i64)>,
        capacity: usize,
        when_full: WhenFull,
    }

    impl Model {
        fn find(&self, key: u8, now: i64) -> Option<u32> {
            let found = self.entries.iter().find(|(known, ..)| *known == key);
            found.filter(|(.., until)| *until > now).map(|(_, value, _)| *value)
        }

        fn insert(&mut self, key: u8, value: u32, until: i64, now: i64) -> bool {
            self.entries.retain(|(known, ..)| *known != key);
            let live = self.entries.iter().position(|(.., until)| *until > now);
            self.entries.drain(..live.unwrap_or(self.entries.len()));
            if self.entries.len() >= self.capacity && self.when_full == WhenFull::ForgetOldest {
                self.entries.drain(..1);
            }
            let fits = self.entries.len() < self.capacity;
            if fits {
                self.entries.push((key, value, until));
            }
            fits
        }
    }

    #[derive(Clone, Debug)]
    enum Call {
        Enter,
        Insert,
        Find,
    }

    fn calls() -> impl Strategy<Value = Vec<(Call, u8, i64, i64)>> {
        let call = prop_oneof![Just(Call::Enter), Just(Call::Insert), Just(Call::Find)];
        // Few keys, so that they meet; some live long and hold the front place, some are over at
        // once; time stands still or goes on, and goes back now and then.
        prop::collection::vec((call, 0_u8..12, 0_i64..30, -1_i64..4), 0..200)
    }

    proptest! {
        #[test]
        fn the_map_does_what_the_model_does(
            calls in calls(),
            capacity in 1_usize..8,
            refuses in any::<bool>(),
        ) {
            let when_full = if refuses { WhenFull::Refuse } else { WhenFull::ForgetOldest };
            let mut map = BoundedMap::new(capacity, when_full);
            let mut model = Model { entries: Vec::new(), capacity, when_full };
            let mut now = 0;
            for (value, (call, key, lives, passed)) in (0_u32..).zip(calls) {
                now += passed;
                let until = now + lives;
                match call {
                    Call::Find => prop_assert_eq!(map.find(&key, now).copied(), model.find(key, now)),
                    Call::Insert => prop_assert_eq!(
                        map.insert(key, value, until, now),
                        model.insert(key, value, until, now)
                    ),
                    Call::Enter => {
                        let expected = match model.find(key, now) {
                            Some(known) => Entered::Again(known),
                            None if model.insert(key, value, until, now) => Entered::First(value),
                            None => Entered::Full,
                        };
                        prop_assert_eq!(map.enter(key, until, now, || value), expected);
                    }
                }
                prop_assert!(map.by_key.len() <= capacity);
                prop_assert!(map.order.len() <= 2 * capacity + 17);
            }
        }
    }
}
