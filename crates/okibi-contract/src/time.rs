//! How the suite lets time pass: by waiting, or by moving a clock that the store reads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okibi_store::{Timestamp, system_time};

use crate::alarm::Alarm;

/// A clock that stands still until it is moved, for stores that take a clock.
///
/// Its clones are one clock. It starts at a time in 2026.
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
    /// A clock of its own.
    pub fn new() -> Self {
        Self { millis: Arc::new(AtomicU64::new(1_790_000_000_000)) }
    }

    /// What the clock says.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    /// Moves the clock on.
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

    /// Lets time pass.
    pub(crate) async fn pass(&self, span: Duration, alarm: &Alarm) {
        match self {
            Self::System => alarm.after(span).await,
            Self::Virtual(clock) => clock.advance(span),
        }
    }
}
