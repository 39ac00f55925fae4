//! Two clocks at once, so that neither of them can make something old look new.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Clock, Timestamp, system_time};

/// Where the time comes from.
pub(super) enum Time {
    /// The system's wall clock, and its monotonic clock since this instant.
    System(Instant),
    /// One clock for both.
    Given(Clock),
}

impl Time {
    pub(super) fn system() -> Self {
        Self::System(Instant::now())
    }

    pub(super) fn given(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::Given(Arc::new(now))
    }

    pub(super) fn now(&self) -> Moment {
        match self {
            Self::System(start) => Moment { wall: system_time(), steady: start.elapsed() },
            Self::Given(clock) => {
                let wall = clock();
                Moment { wall, steady: Duration::from_millis(wall.as_millis()) }
            }
        }
    }
}

/// A point in time, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// May be set back and forth.
    pub(super) wall: Timestamp,
    /// Never goes back, but may stand still while the machine sleeps.
    pub(super) steady: Duration,
}

impl Moment {
    /// Whether less than `span` has passed since `earlier`, by either clock. A wall clock that was set back tells
    /// nothing, so then it has not.
    pub(super) fn is_within(self, span: Duration, earlier: Self) -> bool {
        self.steady.saturating_sub(earlier.steady) < span
            && self.wall >= earlier.wall
            && self.wall.since(earlier.wall) < span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: u64, steady: u64) -> Moment {
        Moment { wall: Timestamp::from_millis(wall), steady: Duration::from_millis(steady) }
    }

    #[test]
    fn s17_neither_a_clock_set_back_nor_a_sleeping_machine_makes_something_old_look_new() {
        let (span, read) = (Duration::from_secs(5), moment(100_000, 1000));
        assert!(moment(100_000, 1000).is_within(span, read));
        assert!(moment(104_999, 5999).is_within(span, read));
        assert!(!moment(105_000, 5999).is_within(span, read), "the machine slept");
        assert!(!moment(104_999, 6000).is_within(span, read), "the wall clock was set back by a little");
        assert!(!moment(99_999, 1001).is_within(span, read), "the wall clock was set back by more");
    }
}
