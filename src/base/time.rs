//! The only clock. Everything that expires takes `now` as an argument, so that it can be tested
//! without waiting; the edge of a request reads the clock once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment of the monotonic clock. It is Tokio's type, so that a test that pauses the clock of its
/// runtime pauses this one too: deadlines are tested without waiting for them.
pub use tokio::time::Instant;

/// A moment, in whole seconds since the Unix epoch (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment moved forwards by `by`; the last second of the calendar where that overflows.
    pub fn plus(self, by: Duration) -> Self {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(seconds))
    }

    /// This moment moved backwards by `by`.
    pub fn minus(self, by: Duration) -> Self {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` until this moment; negative when this moment is the earlier one.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, or the bare number where the calendar has no such moment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// Tells the time. The process has one; a test moves its own with [`Clock::shift`].
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Wall-clock time now. A clock before 1970 reads as the epoch, which expires everything.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        Timestamp(seconds.saturating_add(self.shift_seconds.load(Ordering::Relaxed)))
    }

    /// How many milliseconds of the second `now` have passed; 999 where another one has begun. For
    /// log lines alone.
    pub fn millisecond_of(&self, now: Timestamp) -> u16 {
        let shift = self.shift_seconds.load(Ordering::Relaxed);
        let at = log_timestamp();
        match at.as_second().saturating_add(shift) == now.0 {
            true => u16::try_from(at.subsec_millisecond()).unwrap_or(0),
            false => 999,
        }
    }

    /// Moves this clock and all its clones by `seconds`, for tests of everything that expires.
    pub fn shift(&self, seconds: i64) {
        self.shift_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// Notices when a clock jumps: the wall clock and the monotonic one part (T45).
#[derive(Debug)]
pub struct JumpWatch {
    clock: Clock,
    wall: Timestamp,
    monotonic: Instant,
}

impl JumpWatch {
    /// Begins to watch `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { wall: clock.now(), monotonic: monotonic(), clock }
    }

    /// Seconds that the clock has jumped since the last look, negative backwards; 0 where it went
    /// on as it should, a few seconds aside.
    pub fn jumped_seconds(&mut self) -> i64 {
        const NOTEWORTHY_SECONDS: i64 = 5;
        let (wall, at) = (self.clock.now(), monotonic());
        let passed = i64::try_from(at.duration_since(self.monotonic).as_secs()).unwrap_or(i64::MAX);
        let jumped = wall.seconds_since(self.wall).saturating_sub(passed);
        (self.wall, self.monotonic) = (wall, at);
        if jumped.saturating_abs() > NOTEWORTHY_SECONDS { jumped } else { 0 }
    }
}

/// The monotonic clock now, for deadlines and for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Microseconds of wall-clock time, for log lines alone: nothing is decided on it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn log_timestamp() -> jiff::Timestamp {
    jiff::Timestamp::try_from(SystemTime::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t87_arithmetic_saturates_at_the_ends_of_time() {
        let end = Timestamp(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(u64::MAX)), end);
        assert_eq!(Timestamp(i64::MIN).minus(Duration::MAX), Timestamp(i64::MIN));
        assert_eq!(Timestamp(2_147_483_647).plus(Duration::from_secs(1)).0, 2_147_483_648);
        assert_eq!(Timestamp(i64::MIN).seconds_since(Timestamp(1)), i64::MIN);
    }

    #[test]
    fn t45_a_jump_is_noticed_once_in_either_direction() {
        let clock = Clock::system();
        let mut watch = JumpWatch::new(clock.clone());
        assert_eq!(watch.jumped_seconds(), 0);
        for by in [600, -86_400] {
            clock.shift(by);
            assert!((watch.jumped_seconds() - by).abs() <= 1);
            assert_eq!(watch.jumped_seconds(), 0);
        }
    }

    #[test]
    fn a_shifted_clock_moves_its_clones() {
        let clock = Clock::system();
        let other = clock.clone();
        let before = other.now();
        clock.shift(-86_400);
        assert!(other.now().seconds_since(before) <= -86_399);
    }
}
