//! How many connections there may be: in all, by what the system lets us open, and from one
//! address, so that one client cannot take them all (T53, T93).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::lock::lock;

/// Counts the connections of all workers.
#[derive(Debug)]
pub struct Slots {
    all: Arc<Semaphore>,
    per_address: u32,
    held: Mutex<HashMap<IpAddr, u32>>,
}

impl Slots {
    /// Room for `all` connections, `per_address` of them from one IPv4 address or IPv6 /64.
    pub fn new(all: usize, per_address: u32) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { all, per_address, held: Mutex::default() })
    }

    /// The defaults: what the limit of open files allows, 1 000 from one address.
    pub fn from_system() -> Arc<Self> {
        Self::new(connections_for(open_files_limit()), 1_000)
    }

    /// Waits until there is room for one more connection from anywhere. Cancel-safe.
    pub(super) async fn room(&self) -> Room {
        Room { permit: Arc::clone(&self.all).acquire_owned().await.ok() }
    }

    /// Room for one more connection from anywhere, if there is any now.
    pub(super) fn try_room(&self) -> Option<Room> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Room { permit: Some(permit) })
    }

    /// How many more connections there may be.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    /// Turns the room into a slot for a connection from `address`; `None` if that has too many.
    pub(super) fn take(self: &Arc<Self>, room: Room, address: IpAddr) -> Option<Slot> {
        let network = network(address);
        let mut held = lock(&self.held);
        let count = held.entry(network).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Slot { slots: Arc::clone(self), network, _permit: room.permit })
    }
}

/// Room for a connection that is not there yet.
pub(super) struct Room {
    permit: Option<OwnedSemaphorePermit>,
}

/// One open connection; gives its place back when dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    network: IpAddr,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = lock(&self.slots.held);
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which one customer of a
/// provider has to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// Each client connection may need one to an application; some files are for ourselves.
fn connections_for(open_files: usize) -> usize {
    (open_files.saturating_sub(FILES_OF_OUR_OWN) / 2).max(16)
}

/// The soft limit of open files (`ulimit -n`) from Linux's `/proc`; 1024 where there is none.
fn open_files_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}

const FILES_OF_OUR_OWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t53_one_address_cannot_take_every_slot() {
        let slots = Slots::new(10, 2);
        let take = |address: &str| {
            let room = slots.try_room().unwrap();
            slots.take(room, address.parse().unwrap())
        };
        let held = [take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap()];
        assert!(take("192.0.2.1").is_none());
        let other = take("192.0.2.2").unwrap();
        drop(held);
        drop(other);
        assert!(slots.held.lock().unwrap().is_empty());
        assert!(take("192.0.2.1").is_some());
    }

    #[test]
    fn t53_an_ipv6_network_counts_as_one_address() {
        let slots = Slots::new(10, 1);
        let room = || slots.try_room().unwrap();
        let held = slots.take(room(), "2001:db8::1".parse().unwrap());
        assert!(held.is_some());
        assert!(slots.take(room(), "2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(slots.take(room(), "2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn t53_all_slots_together_are_bounded() {
        let slots = Slots::new(1, 9);
        let held = slots.take(slots.try_room().unwrap(), "192.0.2.1".parse().unwrap());
        assert!(slots.try_room().is_none());
        drop(held);
        assert!(slots.try_room().is_some());
    }

    #[test]
    fn the_limit_follows_the_open_files_of_this_process() {
        assert!(open_files_limit() > 100);
        assert_eq!(connections_for(1024), 480);
        assert_eq!(connections_for(3), 16);
    }
}
