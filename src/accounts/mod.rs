//! Floor 3: what happens once, and what is ended: completing a sign-in, redeeming a ticket, ending a
//! session.
//!
//! [`Accounts::complete`], [`Accounts::redeem`] and [`Accounts::end`] are async and can fail because
//! a store is to answer them. Today the store is the memory of this process, which always answers:
//! a restart forgets what has ended.
//!
//! Security: whoever calls fails closed. A ticket that could not be redeemed admits nobody, and a
//! session whose end could not be written is not called ended.

mod completion;
mod memory;

pub use completion::{Completed, CompletionFailure, FailureCause, NotCompleted, SignIn};
pub use memory::{Outage, StoreUnanswered};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::bounded_map::{BoundedMap, Entered, WhenFull};
use crate::base::ids::SessionId;
use crate::base::lock::lock;
use crate::base::tasks::Tasks;
use crate::base::time::{Clock, Timestamp};
use crate::session::attempt;
use crate::session::return_address::ReturnAddress;
use crate::session::revocations::{Revocation, Revocations};
use crate::session::ticket::TicketId;
use completion::Completion;
use memory::Memory;

/// Most tickets, and most sign-ins, that are remembered at once.
const REMEMBERED: usize = 100_000;

/// Most addresses of dropped attempts that are remembered at once.
const ADDRESSES: usize = 4_096;

/// How long the address of a dropped attempt is remembered: as long as its cookie would have been.
const ADDRESS_REMEMBERED: Duration = attempt::REMEMBERED;

/// Most codes that are redeemed at once: each is a connection to Apple, and whoever makes codes up
/// must not use up the files of the process (T56).
const CALLS_TO_APPLE: usize = 128;

/// What is known of accounts and their sessions beyond what browsers carry. One for the process.
#[derive(Debug)]
pub struct Accounts {
    /// Every request looks here; takes no lock.
    revocations: Revocations,
    memory: Memory,
    tickets: Mutex<BoundedMap<TicketId, ()>>,
    /// By the digest of the attempt's `state`.
    completions: Mutex<BoundedMap<String, Arc<Completion>>>,
    calls_to_apple: Arc<Semaphore>,
    /// By the digest of the attempt's `state`.
    addresses: Mutex<BoundedMap<String, ReturnAddress>>,
    /// The runtime that redeems codes.
    control: Tasks,
    clock: Clock,
}

/// Why a ticket is not redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedeemed {
    /// It has been redeemed before.
    #[error("the ticket has been redeemed before")]
    Again,
    /// Too many tickets are remembered. One that were forgotten could be redeemed twice.
    #[error("too many tickets are remembered")]
    Full,
    /// Whether it has been redeemed cannot be known.
    #[error(transparent)]
    Store(#[from] StoreUnanswered),
}

impl Accounts {
    /// Nothing has happened yet. Codes are redeemed on `control`.
    pub fn new(control: Tasks, clock: Clock) -> Self {
        Self {
            revocations: Revocations::default(),
            memory: Memory::default(),
            // Security: a ticket that were forgotten could be redeemed again; a code could not,
            // because Apple remembers it, and a full map would lock everybody out (T56).
            tickets: Mutex::new(BoundedMap::new(REMEMBERED, WhenFull::Refuse)),
            completions: Mutex::new(BoundedMap::new(REMEMBERED, WhenFull::ForgetOldest)),
            calls_to_apple: Arc::new(Semaphore::new(CALLS_TO_APPLE)),
            addresses: Mutex::new(BoundedMap::new(ADDRESSES, WhenFull::ForgetOldest)),
            control,
            clock,
        }
    }

    /// What has been revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Ends the session `id`, which would have expired at `expires_at`. Every cookie of it is dead
    /// before this returns.
    ///
    /// # Errors
    /// The store did not answer. The session goes on, and the person has to hear that.
    pub async fn end(
        &self,
        id: SessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreUnanswered> {
        self.memory.answer().await?;
        self.revocations.apply(Revocation::SessionEnded { id, until: expires_at }, now);
        Ok(())
    }

    /// Redeems a ticket, which is good until `expires_at`. Succeeds once for each ticket.
    ///
    /// # Errors
    /// Says why the ticket admits nobody.
    pub async fn redeem(
        &self,
        ticket: TicketId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), NotRedeemed> {
        self.memory.answer().await?;
        match lock(&self.tickets).enter(ticket, expires_at, now, || ()) {
            Entered::First(()) => Ok(()),
            Entered::Again(()) => Err(NotRedeemed::Again),
            Entered::Full => Err(NotRedeemed::Full),
        }
    }

    /// Remembers where an attempt was going whose cookie made room for newer ones, so that its tab
    /// can be told. `state_digest` names the attempt. Never fails: it is a convenience.
    pub fn remember_address(&self, state_digest: String, address: ReturnAddress, now: Timestamp) {
        lock(&self.addresses).insert(state_digest, address, now.plus(ADDRESS_REMEMBERED), now);
    }

    /// Where a dropped attempt was going.
    pub fn address_of(&self, state_digest: &str, now: Timestamp) -> Option<ReturnAddress> {
        lock(&self.addresses).find(state_digest, now).cloned()
    }

    /// Leaves only `left` calls to Apple until the returned value is dropped, for tests of what happens
    /// when there are too many; `None` where fewer are free.
    pub fn suppose_calls_left(&self, left: u32) -> Option<OwnedSemaphorePermit> {
        let taken = u32::try_from(CALLS_TO_APPLE).ok()?.checked_sub(left)?;
        Arc::clone(&self.calls_to_apple).try_acquire_many_owned(taken).ok()
    }

    /// Lets the store not answer until the returned value is dropped, for tests of what is done
    /// about it.
    pub fn suppose_outage(&self) -> Outage<'_> {
        self.memory.suppose_outage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Handle;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const LATER: Timestamp = Timestamp(1_800_000_060);

    fn accounts() -> Accounts {
        Accounts::new(Tasks::on(Handle::current()), Clock::system())
    }

    #[tokio::test]
    async fn a_ticket_is_redeemed_once() {
        let accounts = accounts();
        assert_eq!(accounts.redeem([1; 16], LATER, NOW).await, Ok(()));
        assert_eq!(accounts.redeem([1; 16], LATER, NOW).await, Err(NotRedeemed::Again));
        assert_eq!(accounts.redeem([2; 16], LATER, NOW).await, Ok(()));
    }

    #[tokio::test]
    async fn without_an_answer_nothing_is_redeemed_and_nothing_ended() {
        let accounts = accounts();
        let id = SessionId::fresh();
        let outage = accounts.suppose_outage();
        let refused = Err(NotRedeemed::Store(StoreUnanswered));
        assert_eq!(accounts.redeem([1; 16], LATER, NOW).await, refused);
        assert_eq!(accounts.end(id, LATER, NOW).await, Err(StoreUnanswered));
        assert!(!accounts.revocations().has_ended_id(id));
        drop(outage);
        // Nothing was used up.
        assert_eq!(accounts.redeem([1; 16], LATER, NOW).await, Ok(()));
        assert_eq!(accounts.end(id, LATER, NOW).await, Ok(()));
        assert!(accounts.revocations().has_ended_id(id));
    }
}
