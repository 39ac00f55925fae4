//! How time passes in the suite: by waiting, or by advancing a clock that the store reads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okibi_store::{Timestamp, system_time};

use crate::alarm::Alarm;

/// A clock that moves only when told to, for stores that take a clock.
///
/// Clones share one time. It starts at a time in 2026.
///
/// ```
/// use std::time::Duration;
/// use okibi_contract::VirtualClock;
/// use okibi_store::MemoryStore;
///
/// let clock = VirtualClock::new();
/// let store = MemoryStore::new().clock(clock.reader());
/// let before = clock.now();
/// clock.advance(Duration::from_mins(20));
/// assert_eq!(clock.now().since(before), Duration::from_mins(20));
/// # drop(store);
/// ```
#[derive(Clone, Debug)]
pub struct VirtualClock {
    millis: Arc<AtomicU64>,
}

impl VirtualClock {
    /// A new clock.
    pub fn new() -> Self {
        Self { millis: Arc::new(AtomicU64::new(1_790_000_000_000)) }
    }

    /// The current time of the clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    /// Advances the clock.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().plus(span));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// A function that reads the clock, as a store's `clock` takes it.
    pub fn reader(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static + use<> {
        let clock = self.clone();
        move || clock.now()
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

/// The time of a run of the suite.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    System,
    Virtual(VirtualClock),
}

impl Time {
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System => system_time(),
            Self::Virtual(clock) => clock.now(),
        }
    }

    /// Waits, or advances the clock.
    pub(crate) async fn pass(&self, span: Duration, alarm: &Alarm) {
        match self {
            Self::System => alarm.after(span).await,
            Self::Virtual(clock) => clock.advance(span),
        }
    }
}
