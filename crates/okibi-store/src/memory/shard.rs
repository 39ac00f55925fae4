//! One shard of the memory store: its sessions and the index of their owners, under one lock.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    hash::RandomState,
    ops::Bound::{Included, Unbounded},
    sync::Arc,
};

use bytes::Bytes;
use quick_cache::{Lifecycle, OptionsBuilder, UnitWeighter, unsync::Cache};

use crate::{Loaded, Owner, StoreKey, Swap, Timestamp, Write};

/// The record under a key.
struct Stored {
    bytes: Bytes,
    expires_at: Timestamp,
    owner: Option<Arc<str>>,
}

/// An owner and the key of a session. In a sorted set, all sessions of an owner are adjacent.
type OwnerEntry = (Arc<str>, Arc<str>);

/// `quick_cache`'s unsynchronised cache. The caller locks it, instead of using the concurrent
/// cache, so that compare-and-swap, changes of the owner index, and dropping expired sessions are
/// atomic.
pub(super) struct Shard {
    stored: Cache<Arc<str>, Stored, UnitWeighter, RandomState, EvictionListener>,
    by_owner: BTreeSet<OwnerEntry>,
    /// A queue of expiry times with keys, the earliest first. It has each stored session at its
    /// expiry or at an earlier time. It may also have sessions that are no longer stored.
    expiries: BinaryHeap<Reverse<(Timestamp, Arc<str>)>>,
    capacity: usize,
    /// Refuses new sessions when the shard is full.
    refuses_when_full: bool,
}

/// The share of the capacity for sessions that were used since they were created.
const USED_SHARE: f64 = 0.8;
/// The queue of expiry times has at most one stale entry for every four sessions, and 64 more.
const STALE_EXPIRIES_DIVISOR: usize = 4;
const MIN_STALE_EXPIRIES: usize = 64;

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        // With an estimate of 0 items the cache keeps no list of evicted keys. Such a list helps
        // when an evicted key is inserted again, and the key of a session never is.
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(0)
            .weight_capacity(weight)
            .hot_allocation(USED_SHARE)
            .build();
        let stored = match options {
            Ok(options) => Cache::with_options(options, UnitWeighter, RandomState::new(), EvictionListener),
            // `build` fails only if an option is missing, and none is.
            Err(_) => Cache::with(0, weight, UnitWeighter, RandomState::new(), EvictionListener),
        };
        Self { stored, by_owner: BTreeSet::new(), expiries: BinaryHeap::new(), capacity, refuses_when_full: false }
    }

    /// Refuses new sessions from now on when the shard is full. Returns the capacity.
    pub(super) fn refuse_when_full(&mut self) -> usize {
        self.refuses_when_full = true;
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn load(&self, key: &StoreKey, now: Timestamp) -> Option<Loaded> {
        let stored = self.live(key, now)?;
        Some(Loaded { bytes: stored.bytes.clone(), expires_at: Some(stored.expires_at) })
    }

    /// Compare-and-swap. `None`: the shard is full and refuses new sessions.
    pub(super) fn swap(
        &mut self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
        now: Timestamp,
    ) -> Option<Swap> {
        let current = self.live(key, now).map(|stored| &stored.bytes);
        if current.map(Bytes::as_ref) != expected {
            return Some(Swap::Conflict(current.cloned()));
        }
        if expected.is_none() && self.stored.len() >= self.capacity {
            // The entry under `key` itself may be expired, too.
            let has_room = self.drop_expired(now, 1) > 0;
            if !has_room && self.refuses_when_full {
                return None;
            }
        }
        self.put(key.as_str(), write);
        Some(Swap::Done)
    }

    /// Removes the record under `key` and its entry in the owner index. Returns the key.
    pub(super) fn remove(&mut self, key: &str) -> Option<Arc<str>> {
        let (key, stored) = self.stored.remove(key)?;
        match stored.owner {
            Some(owner) => {
                let entry = (owner, key);
                self.by_owner.remove(&entry);
                Some(entry.1)
            }
            None => Some(key),
        }
    }

    /// Removes every session that has expired by `now` and returns how many were removed.
    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        self.drop_expired(now, usize::MAX)
    }

    /// Removes at most `most` sessions that have expired by `now` and returns how many were
    /// removed.
    fn drop_expired(&mut self, now: Timestamp, most: usize) -> usize {
        let mut dropped = 0;
        while dropped < most && self.expiries.peek().is_some_and(|Reverse((end, _))| *end <= now) {
            let Some(Reverse((_, key))) = self.expiries.pop() else { break };
            let Some(end) = self.stored.peek(&*key).map(|stored| stored.expires_at) else { continue };
            if end > now {
                self.expiries.push(Reverse((end, key)));
            } else {
                self.remove(&key);
                dropped += 1;
            }
        }
        if self.expiries.capacity() > 2 * self.expiries.len() + MIN_STALE_EXPIRIES {
            self.expiries.shrink_to_fit();
        }
        dropped
    }

    /// Adds a session to the queue of expiry times.
    fn queue_expiry(&mut self, end: Timestamp, key: Arc<str>) {
        if self.expiries.len() > self.stored.len() + self.stored.len() / STALE_EXPIRIES_DIVISOR + MIN_STALE_EXPIRIES {
            self.expiries =
                self.stored.iter().map(|(key, stored)| Reverse((stored.expires_at, Arc::clone(key)))).collect();
        }
        if self.expiries.len() == self.expiries.capacity() {
            self.expiries.reserve_exact(self.expiries.len() / 8 + MIN_STALE_EXPIRIES / 4);
        }
        self.expiries.push(Reverse((end, key)));
    }

    /// Adds the keys of `owner`'s live sessions to `keys`.
    pub(super) fn list(&self, owner: &Owner, now: Timestamp, keys: &mut Vec<StoreKey>) {
        let first: OwnerEntry = (Arc::from(owner.as_str()), Arc::from(""));
        let entries = self.by_owner.range((Included(&first), Unbounded)).take_while(|(name, _)| *name == first.0);
        let live = entries.filter(|(_, key)| self.stored.peek(&**key).is_some_and(|stored| stored.expires_at > now));
        keys.extend(live.map(|(_, key)| StoreKey::new(&**key)));
    }

    /// The record under `key`, if it has not expired.
    fn live(&self, key: &StoreKey, now: Timestamp) -> Option<&Stored> {
        self.stored.get(key.as_str()).filter(|stored| stored.expires_at > now)
    }

    fn put(&mut self, key: &str, write: Write) {
        // The first clone of `Bytes` allocates the reference count. With a clone here, loads do not
        // allocate.
        let bytes = write.bytes.clone();
        drop(write.bytes);
        let expires_at = write.expires_at;
        if let Some(mut stored) = self.stored.peek_mut(key)
            && stored.owner.as_deref() == write.owner.as_ref().map(Owner::as_str)
        {
            stored.bytes = bytes;
            let is_sooner = expires_at < stored.expires_at;
            stored.expires_at = expires_at;
            drop(stored);
            if is_sooner {
                self.queue_expiry(expires_at, Arc::from(key));
            }
            return;
        }
        let key = self.remove(key).unwrap_or_else(|| Arc::from(key));
        let owner = write.owner.map(|owner| Arc::<str>::from(owner.as_str()));
        if let Some(owner) = &owner {
            self.by_owner.insert((Arc::clone(owner), Arc::clone(&key)));
        }
        let mut evicted = Vec::new();
        let stored = Stored { bytes, expires_at, owner };
        self.stored.insert_with_lifecycle(Arc::clone(&key), stored, &mut evicted);
        for entry in &evicted {
            self.by_owner.remove(entry);
        }
        self.queue_expiry(expires_at, key);
    }
}

/// Collects the evicted sessions that have an owner, so that `put` removes them from the owner
/// index.
struct EvictionListener;

impl Lifecycle<Arc<str>, Stored> for EvictionListener {
    type RequestState = Vec<OwnerEntry>;

    fn on_evict(&self, evicted: &mut Vec<OwnerEntry>, key: Arc<str>, stored: Stored) {
        if let Some(owner) = stored.owner {
            evicted.push((owner, key));
        }
    }
}
