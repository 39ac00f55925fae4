//! Measures age with two clocks. An entry is fresh only if both clocks say so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Clock, Timestamp, system_time};

/// The source of the time.
pub(super) enum TimeSource {
    /// The system's wall clock, and its monotonic clock since this instant.
    System(Instant),
    /// One clock for both.
    Custom(Clock),
}

impl TimeSource {
    pub(super) fn system() -> Self {
        Self::System(Instant::now())
    }

    pub(super) fn custom(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(now))
    }

    pub(super) fn now(&self) -> Moment {
        match self {
            Self::System(start) => Moment { wall: system_time(), monotonic: start.elapsed() },
            Self::Custom(clock) => {
                let wall = clock();
                Moment { wall, monotonic: Duration::from_millis(wall.as_millis()) }
            }
        }
    }
}

/// A point in time, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// The wall clock. It may be set forward or back.
    pub(super) wall: Timestamp,
    /// The monotonic clock. It never runs backwards, but it may stop while the machine sleeps.
    pub(super) monotonic: Duration,
}

impl Moment {
    /// Whether less than `span` has passed since `earlier` by both clocks. `false` if the wall
    /// clock was set back since then: its difference means nothing then.
    pub(super) fn is_within(self, span: Duration, earlier: Self) -> bool {
        self.monotonic.saturating_sub(earlier.monotonic) < span
            && self.wall >= earlier.wall
            && self.wall.since(earlier.wall) < span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: u64, monotonic: u64) -> Moment {
        Moment { wall: Timestamp::from_millis(wall), monotonic: Duration::from_millis(monotonic) }
    }

    #[test]
    fn s17_an_old_entry_is_stale_also_after_the_clock_was_set_back_or_the_machine_slept() {
        let (span, read) = (Duration::from_secs(5), moment(100_000, 1000));
        assert!(moment(100_000, 1000).is_within(span, read));
        assert!(moment(104_999, 5999).is_within(span, read));
        assert!(!moment(105_000, 5999).is_within(span, read), "the machine slept");
        assert!(!moment(104_999, 6000).is_within(span, read), "the wall clock was set back by a little");
        assert!(!moment(99_999, 1001).is_within(span, read), "the wall clock was set back by more");
    }
}
