//! The bucket that forced fetches come from.

use std::time::Duration;

use crate::base::time::Instant;

const CAPACITY: u32 = 3;
const ONE_BACK_EVERY: Duration = Duration::from_secs(60);

/// Three at once, one back every 60 s. Time is monotonic, so that no clock can fill or drain it.
#[derive(Debug)]
pub(super) struct Bucket {
    /// When it will be full again; `None` where nothing was taken yet.
    full_at: Option<Instant>,
}

impl Bucket {
    pub(super) fn full() -> Self {
        Self { full_at: None }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + ONE_BACK_EVERY;
        let allowed = full_at.saturating_duration_since(now) <= ONE_BACK_EVERY * CAPACITY;
        if allowed {
            self.full_at = Some(full_at);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::monotonic;

    #[test]
    fn t43_three_at_once_then_one_a_minute() {
        let start = monotonic();
        let mut bucket = Bucket::full();
        let mut take = |seconds| bucket.take(start + Duration::from_secs(seconds));
        assert_eq!(
            [take(0), take(0), take(1), take(1), take(59)],
            [true, true, true, false, false]
        );
        assert_eq!([take(60), take(60), take(120), take(121)], [true, false, true, false]);
        assert_eq!([take(1000), take(1000), take(1000), take(1000)], [true, true, true, false]);
    }
}
