//! One part of the memory store: the sessions that fall into it and the owners they have, under one lock.

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

/// What lies under a key.
struct Held {
    bytes: Bytes,
    expires_at: Timestamp,
    owner: Option<Arc<str>>,
}

/// One owner's one session. In a sorted set, all sessions of an owner lie side by side.
type OwnerEntry = (Arc<str>, Arc<str>);

/// The cache of one thread under a lock of ours, rather than `quick_cache`'s own concurrent one: compare-and-swap,
/// the index of owners and the sweep of expired sessions then are one step each, with nothing to be seen in between.
pub(super) struct Shard {
    held: Cache<Arc<str>, Held, UnitWeighter, RandomState, Evicted>,
    by_owner: BTreeSet<OwnerEntry>,
    /// The line of ends, the next one first: when something may have expired, and what. Whatever is held stands in it with its
    /// expiry, or with an earlier one that it had before; and so may what is gone.
    ends: BinaryHeap<Reverse<(Timestamp, Arc<str>)>>,
    capacity: usize,
    /// When it is full, what is new is refused.
    keeps_all: bool,
}

/// Of all places, how many are for sessions that were used since they were made.
const USED_SHARE: f64 = 0.8;
/// At most so many ends of what is gone stand in line: one for every four sessions that are held, and a few.
const SPARE: usize = 4;
const FEW: usize = 64;

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        // An estimate of no items means no ghosts: those remember keys that were pushed out in case they come back, and
        // the key of a session never does.
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(0)
            .weight_capacity(weight)
            .hot_allocation(USED_SHARE)
            .build();
        let held = match options {
            Ok(options) => Cache::with_options(options, UnitWeighter, RandomState::new(), Evicted),
            // It is only ever told that something was left out.
            Err(_) => Cache::with(0, weight, UnitWeighter, RandomState::new(), Evicted),
        };
        Self { held, by_owner: BTreeSet::new(), ends: BinaryHeap::new(), capacity, keeps_all: false }
    }

    /// From now on refuses what is new when it is full. How many places it has.
    pub(super) fn keep_all(&mut self) -> usize {
        self.keeps_all = true;
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn load(&self, key: &StoreKey, now: Timestamp) -> Option<Loaded> {
        let held = self.live(key, now)?;
        Some(Loaded { bytes: held.bytes.clone(), expires_at: Some(held.expires_at) })
    }

    /// `None`: there is no place for it.
    pub(super) fn swap(
        &mut self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
        now: Timestamp,
    ) -> Option<Swap> {
        let current = self.live(key, now).map(|held| &held.bytes);
        if current.map(Bytes::as_ref) != expected {
            return Some(Swap::Conflict(current.cloned()));
        }
        if expected.is_none() && self.held.len() >= self.capacity {
            // What lies there itself has expired too.
            let has_room = self.drop_expired(now, 1) > 0;
            if !has_room && self.keeps_all {
                return None;
            }
        }
        self.put(key.as_str(), write);
        Some(Swap::Done)
    }

    /// Removes what lies under `key` and its owner's entry.
    pub(super) fn remove(&mut self, key: &str) -> Option<Arc<str>> {
        let (key, held) = self.held.remove(key)?;
        match held.owner {
            Some(owner) => {
                let entry = (owner, key);
                self.by_owner.remove(&entry);
                Some(entry.1)
            }
            None => Some(key),
        }
    }

    /// Removes everything that has expired by `now` and says how many sessions that were.
    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        self.drop_expired(now, usize::MAX)
    }

    /// Removes at most so many sessions that have expired by `now` and says how many.
    fn drop_expired(&mut self, now: Timestamp, most: usize) -> usize {
        let mut dropped = 0;
        while dropped < most && self.ends.peek().is_some_and(|Reverse((end, _))| *end <= now) {
            let Some(Reverse((_, key))) = self.ends.pop() else { break };
            let Some(end) = self.held.peek(&*key).map(|held| held.expires_at) else { continue };
            if end > now {
                self.ends.push(Reverse((end, key)));
            } else {
                self.remove(&key);
                dropped += 1;
            }
        }
        if self.ends.capacity() > 2 * self.ends.len() + FEW {
            self.ends.shrink_to_fit();
        }
        dropped
    }

    /// Puts a session into the line of ends.
    fn note(&mut self, end: Timestamp, key: Arc<str>) {
        if self.ends.len() > self.held.len() + self.held.len() / SPARE + FEW {
            self.ends = self.held.iter().map(|(key, held)| Reverse((held.expires_at, Arc::clone(key)))).collect();
        }
        if self.ends.len() == self.ends.capacity() {
            self.ends.reserve_exact(self.ends.len() / 8 + FEW / 4);
        }
        self.ends.push(Reverse((end, key)));
    }

    /// Adds the keys of `owner`'s live sessions to `keys`.
    pub(super) fn list(&self, owner: &Owner, now: Timestamp, keys: &mut Vec<StoreKey>) {
        let first: OwnerEntry = (Arc::from(owner.as_str()), Arc::from(""));
        let entries = self.by_owner.range((Included(&first), Unbounded)).take_while(|(name, _)| *name == first.0);
        let live = entries.filter(|(_, key)| self.held.peek(&**key).is_some_and(|held| held.expires_at > now));
        keys.extend(live.map(|(_, key)| StoreKey::new(&**key)));
    }

    /// What lies under `key` and has not expired.
    fn live(&self, key: &StoreKey, now: Timestamp) -> Option<&Held> {
        self.held.get(key.as_str()).filter(|held| held.expires_at > now)
    }

    fn put(&mut self, key: &str, write: Write) {
        // The first clone of fresh bytes allocates the count of their owners. Done here, no load has to.
        let bytes = write.bytes.clone();
        drop(write.bytes);
        let expires_at = write.expires_at;
        if let Some(mut held) = self.held.peek_mut(key)
            && held.owner.as_deref() == write.owner.as_ref().map(Owner::as_str)
        {
            held.bytes = bytes;
            let is_sooner = expires_at < held.expires_at;
            held.expires_at = expires_at;
            drop(held);
            if is_sooner {
                self.note(expires_at, Arc::from(key));
            }
            return;
        }
        let key = self.remove(key).unwrap_or_else(|| Arc::from(key));
        let owner = write.owner.map(|owner| Arc::<str>::from(owner.as_str()));
        if let Some(owner) = &owner {
            self.by_owner.insert((Arc::clone(owner), Arc::clone(&key)));
        }
        let mut evicted = Vec::new();
        let held = Held { bytes, expires_at, owner };
        self.held.insert_with_lifecycle(Arc::clone(&key), held, &mut evicted);
        for entry in &evicted {
            self.by_owner.remove(entry);
        }
        self.note(expires_at, key);
    }
}

/// Tells which sessions with an owner were pushed out, so that the index forgets them too.
struct Evicted;

impl Lifecycle<Arc<str>, Held> for Evicted {
    type RequestState = Vec<OwnerEntry>;

    fn on_evict(&self, evicted: &mut Vec<OwnerEntry>, key: Arc<str>, held: Held) {
        if let Some(owner) = held.owner {
            evicted.push((owner, key));
        }
    }
}
