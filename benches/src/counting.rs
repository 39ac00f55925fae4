//! Counts what an app asks of its store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How often a store was asked, shared by all who count for it.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    loads: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

impl Calls {
    /// Something was looked up.
    pub fn load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was created, changed or removed.
    pub fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Loads and writes since the last time, which are forgotten.
    pub fn take(&self) -> (u64, u64) {
        (self.loads.swap(0, Ordering::Relaxed), self.writes.swap(0, Ordering::Relaxed))
    }
}

/// A store with its calls counted.
#[derive(Clone, Debug)]
pub struct Counting<S> {
    /// The store that does the work.
    pub store: S,
    /// How often it was asked.
    pub calls: Calls,
}
