//! One part of the memory: what is kept of the keys that fall into it, and which calls are under way, under one lock.

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

/// What a kept record takes beside its bytes and its key, at most.
const UPKEEP: usize = 300;

/// What was read or written last.
pub(super) struct Kept {
    pub(super) bytes: Bytes,
    pub(super) expires_at: Option<Timestamp>,
    /// When the store was asked: what lay there may have been replaced right after.
    pub(super) read_at: Moment,
}

/// What a call of the store says about a key.
pub(super) enum Learned {
    /// It failed, was a conflict, or nobody waited for it.
    Nothing,
    Absent,
    Held(Kept),
}

/// The calls about one key.
#[derive(Default)]
struct UnderWay {
    /// How many have not ended.
    calls: usize,
    /// Counts what happened: a change that began, a call that ended.
    seen: u64,
}

pub(super) struct Part {
    kept: Cache<StoreKey, Kept, Size, RandomState>,
    under_way: HashMap<StoreKey, UnderWay>,
}

impl Part {
    pub(super) fn new(memory: usize) -> Self {
        let memory = u64::try_from(memory).unwrap_or(u64::MAX);
        // An estimate of no items means no ghosts, which remember keys that were pushed out.
        let kept = Cache::with(0, memory, Size, RandomState::new(), DefaultLifecycle::default());
        Self { kept, under_way: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&Kept> {
        self.kept.get(key)
    }

    /// A call of the store begins. Returns what [`end`](Self::end) wants to know.
    pub(super) fn begin(&mut self, key: &StoreKey, changes: bool) -> u64 {
        if changes {
            self.kept.remove(key);
        }
        let under_way = self.under_way.entry(key.clone()).or_default();
        under_way.calls += 1;
        under_way.seen += u64::from(changes);
        under_way.seen
    }

    /// The call has ended. What it found is kept only if nothing overtook it: no change began and no other call ended
    /// since it began. So what is kept is never older than what anybody here was told already.
    pub(super) fn end(&mut self, key: &StoreKey, changes: bool, seen: u64, learned: Learned) {
        let Entry::Occupied(mut under_way) = self.under_way.entry(key.clone()) else { return };
        let was_overtaken = under_way.get().seen != seen;
        under_way.get_mut().seen += 1;
        under_way.get_mut().calls -= 1;
        if under_way.get().calls == 0 {
            under_way.remove();
        }
        match learned {
            Learned::Held(kept) if !was_overtaken => {
                self.kept.remove(key);
                self.kept.insert(key.clone(), kept);
            }
            Learned::Held(kept) if !changes && self.holds(key, &kept.bytes) => {}
            Learned::Nothing if !changes => {}
            Learned::Held(_) | Learned::Absent | Learned::Nothing => {
                self.kept.remove(key);
            }
        }
    }

    fn holds(&self, key: &StoreKey, bytes: &Bytes) -> bool {
        self.kept.peek(key).is_some_and(|kept| kept.bytes == bytes)
    }
}

/// Counts a record by the memory that it takes.
#[derive(Clone)]
struct Size;

impl Weighter<StoreKey, Kept> for Size {
    fn weight(&self, key: &StoreKey, kept: &Kept) -> u64 {
        u64::try_from(key.as_str().len() + kept.bytes.len() + UPKEEP).unwrap_or(u64::MAX)
    }
}
