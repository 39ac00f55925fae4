//! One shard of the cache: the entries of its keys, and the pending store calls, under one lock.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::RandomState,
};

use quick_cache::{
    Weighter,
    unsync::{Cache, DefaultLifecycle},
};

use super::moment::Moment;
use crate::{Bytes, StoreKey, Timestamp};

/// The most memory of an entry beside its record and its key, in bytes.
const OVERHEAD: usize = 300;

/// A record as it was last read or written.
pub(super) struct CachedEntry {
    pub(super) bytes: Bytes,
    pub(super) expires_at: Option<Timestamp>,
    /// When the store call began. The record may have been replaced right after that.
    pub(super) read_at: Moment,
}

/// What a store call showed about a key.
pub(super) enum Observed {
    /// The call failed, was a conflict, or was cancelled.
    Nothing,
    Absent,
    Present(CachedEntry),
}

/// The pending store calls for one key.
#[derive(Default)]
struct PendingCalls {
    calls: usize,
    /// Grows by one when a change begins and when any call ends.
    version: u64,
}

pub(super) struct Shard {
    entries: Cache<StoreKey, CachedEntry, Size, RandomState>,
    pending: HashMap<StoreKey, PendingCalls>,
}

impl Shard {
    pub(super) fn new(memory: usize) -> Self {
        let memory = u64::try_from(memory).unwrap_or(u64::MAX);
        // With an estimate of 0 items the cache keeps no list of evicted keys.
        let entries = Cache::with(0, memory, Size, RandomState::new(), DefaultLifecycle::default());
        Self { entries, pending: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&CachedEntry> {
        self.entries.get(key)
    }

    /// Registers a store call and returns its version, an argument of [`end`](Self::end).
    pub(super) fn begin(&mut self, key: &StoreKey, changes: bool) -> u64 {
        if changes {
            self.entries.remove(key);
        }
        let pending = self.pending.entry(key.clone()).or_default();
        pending.calls += 1;
        pending.version += u64::from(changes);
        pending.version
    }

    /// Ends a store call. Its record is cached only if no change began and no other call ended
    /// since it began. So a cached record is never older than one that this process has already
    /// returned.
    pub(super) fn end(&mut self, key: &StoreKey, changes: bool, version: u64, observed: Observed) {
        let Entry::Occupied(mut pending) = self.pending.entry(key.clone()) else { return };
        let was_overtaken = pending.get().version != version;
        pending.get_mut().version += 1;
        pending.get_mut().calls -= 1;
        if pending.get().calls == 0 {
            pending.remove();
        }
        match observed {
            Observed::Present(entry) if !was_overtaken => {
                self.entries.remove(key);
                self.entries.insert(key.clone(), entry);
            }
            Observed::Present(entry) if !changes && self.holds(key, &entry.bytes) => {}
            Observed::Nothing if !changes => {}
            Observed::Present(_) | Observed::Absent | Observed::Nothing => {
                self.entries.remove(key);
            }
        }
    }

    fn holds(&self, key: &StoreKey, bytes: &Bytes) -> bool {
        self.entries.peek(key).is_some_and(|entry| entry.bytes == bytes)
    }
}

/// The weight of an entry: the memory that it takes, in bytes.
#[derive(Clone)]
struct Size;

impl Weighter<StoreKey, CachedEntry> for Size {
    fn weight(&self, key: &StoreKey, entry: &CachedEntry) -> u64 {
        u64::try_from(key.as_str().len() + entry.bytes.len() + OVERHEAD).unwrap_or(u64::MAX)
    }
}
