//! Counts the calls of a store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts a store's calls. All counting stores of an app share it.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    loads: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

impl Calls {
    /// A load.
    pub fn load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    /// A write or a delete.
    pub fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Loads and writes since the last call. Resets the counters.
    pub fn take(&self) -> (u64, u64) {
        (self.loads.swap(0, Ordering::Relaxed), self.writes.swap(0, Ordering::Relaxed))
    }
}

/// A store with its calls counted.
#[derive(Clone, Debug)]
pub struct Counting<S> {
    /// The wrapped store.
    pub store: S,
    /// Its counters.
    pub calls: Calls,
}
