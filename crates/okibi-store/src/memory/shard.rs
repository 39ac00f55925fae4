//! One part of the memory store: the sessions that fall into it and the owners they have, under one lock.

use std::{
    collections::BTreeSet,
    hash::RandomState,
    ops::Bound::{Included, Unbounded},
    sync::Arc,
};

use bytes::Bytes;
use quick_cache::{Lifecycle, UnitWeighter, unsync::Cache};

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
}

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        // An estimate of no items means no ghosts: those remember keys that were pushed out in case they come back, and
        // the key of a session never does.
        let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
        let held = Cache::with(0, capacity, UnitWeighter, RandomState::new(), Evicted);
        Self { held, by_owner: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn load(&self, key: &StoreKey, now: Timestamp) -> Option<Loaded> {
        let held = self.live(key, now)?;
        Some(Loaded { bytes: held.bytes.clone(), expires_at: Some(held.expires_at) })
    }

    pub(super) fn swap(&mut self, key: &StoreKey, expected: Option<&[u8]>, write: Write, now: Timestamp) -> Swap {
        let current = self.live(key, now).map(|held| &held.bytes);
        if current.map(Bytes::as_ref) != expected {
            return Swap::Conflict(current.cloned());
        }
        self.put(key.as_str(), write);
        Swap::Done
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
        let expired: Vec<_> =
            self.held.iter().filter(|(_, held)| held.expires_at <= now).map(|(key, _)| Arc::clone(key)).collect();
        for key in &expired {
            self.remove(key);
        }
        expired.len()
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
        if let Some(mut held) = self.held.peek_mut(key)
            && held.owner.as_deref() == write.owner.as_ref().map(Owner::as_str)
        {
            held.bytes = bytes;
            held.expires_at = write.expires_at;
            return;
        }
        let key = self.remove(key).unwrap_or_else(|| Arc::from(key));
        let owner = write.owner.map(|owner| Arc::<str>::from(owner.as_str()));
        if let Some(owner) = &owner {
            self.by_owner.insert((Arc::clone(owner), Arc::clone(&key)));
        }
        let mut evicted = Vec::new();
        self.held.insert_with_lifecycle(key, Held { bytes, expires_at: write.expires_at, owner }, &mut evicted);
        for entry in &evicted {
            self.by_owner.remove(entry);
        }
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
