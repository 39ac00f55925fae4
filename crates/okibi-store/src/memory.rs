//! A bounded store in the memory of this process.

mod shard;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use self::shard::Shard;
use crate::{
    BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Store, StoreError, StoreKey, Swap, Timestamp,
    Write, system_time,
};

/// The number of shards. Each has its own lock, so requests on different sessions rarely wait for
/// each other.
const SHARDS: usize = 16;
/// A store with a smaller capacity than this has one shard, so that all of its capacity can be
/// used.
const SMALL: usize = 1024;
/// After this many writes one shard drops its expired sessions.
const WRITES_PER_SWEEP: usize = 16;

/// Stores sessions in the memory of this process. Use it for tests, for development, and for a
/// single process that may lose its sessions when it ends.
///
/// It never holds more sessions than its capacity, 100 000 by default. When it is full, a new
/// session replaces another one, in this order: an expired session; a session that was not used
/// since it was created; a session that was not used recently. (This is the CLOCK-PRO policy of
/// `quick_cache`, with a fifth of the capacity for new sessions.) So a flood of new sessions evicts
/// sessions of that flood, not the sessions in use. The visitor of an evicted session is logged
/// out. With [`refuse_when_full`](Self::refuse_when_full) no session is evicted, and the new one is
/// refused.
///
/// The store never returns an expired session. Writes free the memory of expired sessions step by
/// step, and [`purge`](Self::purge) frees all of it. There is no background task. The store needs
/// less than 400 bytes for each session beside the session's own bytes.
///
/// Pass the store to a layer, or pass a clone of an [`Arc`] and keep the other:
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use okibi_store::{MemoryStore, Store, StoreKey, Swap, Write, system_time};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), okibi_store::StoreError> {
/// let store = Arc::new(MemoryStore::with_capacity(10_000));
/// let key = StoreKey::new("session:example");
/// let write = Write { bytes: "hello".into(), expires_at: system_time().plus(Duration::from_secs(60)), owner: None, keeps: false };
/// assert_eq!(store.swap(&key, None, write).await?, Swap::Done);
/// assert_eq!(store.load(&key).await?.unwrap().bytes, "hello");
/// assert_eq!(store.len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    clock: Clock,
    /// The capacity, if the store refuses new sessions when it is full.
    refuses_beyond: Option<usize>,
    /// The number of writes so far. It wraps around.
    writes: AtomicUsize,
}

impl MemoryStore {
    /// The capacity of [`MemoryStore::new`], in sessions: 100 000.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// Makes a store for at most [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY) sessions.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Makes a store for at most this many sessions, at least one. It allocates no memory in
    /// advance.
    ///
    /// A store for 1024 sessions or more has 16 shards of equal capacity. A hash of the key selects
    /// the shard, so one shard may be full, and evict, when the store is a few per cent short of
    /// full.
    pub fn with_capacity(sessions: usize) -> Self {
        let sessions = sessions.max(1);
        let count = if sessions < SMALL { 1 } else { SHARDS };
        let shards = (0..count).map(|at| {
            let share = sessions / count + usize::from(at < sessions % count);
            Mutex::new(Shard::new(share))
        });
        Self {
            shards: shards.collect(),
            hasher: RandomState::new(),
            clock: Arc::new(system_time),
            refuses_beyond: None,
            writes: AtomicUsize::new(0),
        }
    }

    /// Refuses new sessions when the store is full, instead of evicting one. The refused call fails
    /// as unavailable, which a face answers with 503. Expired sessions still make room.
    ///
    /// Use it for entries that must not be lost before they expire, such as
    /// [`revocations`](Store::evicts): an evicted revocation undoes a logout. Set the capacity to
    /// the number of entries that can be needed within the lifetime of a session.
    #[must_use]
    pub fn refuse_when_full(mut self) -> Self {
        let places = self.shards.iter().map(|shard| lock(shard).refuse_when_full()).sum();
        self.refuses_beyond = Some(places);
        self
    }

    /// Checks expiry with this clock instead of the system clock.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// The number of sessions, including expired ones that were not dropped yet.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether the store holds no session, not even an expired one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops every expired session and returns how many were dropped.
    ///
    /// It is optional: writes drop expired sessions step by step.
    pub fn purge(&self) -> usize {
        let now = (self.clock)();
        self.shards.iter().map(|shard| lock(shard).sweep(now)).sum()
    }

    /// The shard of `key`, locked.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    #[expect(clippy::indexing_slicing, reason = "a remainder is below the count, and there is at least one shard")]
    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key.as_str()) as usize;
        lock(&self.shards[hash % self.shards.len()])
    }

    /// Counts a write. After every 16 writes it drops the expired sessions of the next shard in
    /// turn.
    fn sweep_sometimes(&self, now: Timestamp) {
        let writes = self.writes.fetch_add(1, Ordering::Relaxed);
        if !writes.is_multiple_of(WRITES_PER_SWEEP) {
            return;
        }
        if let Some(shard) = self.shards.get(writes / WRITES_PER_SWEEP % self.shards.len()) {
            lock(shard).sweep(now);
        }
    }

    /// The error of a full store that refuses new sessions.
    fn full(&self) -> StoreError {
        let places = self.refuses_beyond.unwrap_or_default();
        StoreError::unavailable(format!("memory store: its {places} places are taken; make it with a higher capacity"))
    }
}

/// Locks a shard. The app's own code, such as the clock, runs outside the lock, so a poisoned lock
/// is not broken data.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let now = (self.clock)();
        Ok(self.shard(key).load(key, now))
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let now = (self.clock)();
        let swapped = self.shard(key).swap(key, expected, write, now).ok_or_else(|| self.full())?;
        if swapped == Swap::Done {
            self.sweep_sometimes(now);
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.shard(key).remove(key.as_str());
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }

    fn evicts(&self) -> bool {
        self.refuses_beyond.is_none()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Some(self)
    }
}

impl OwnerIndex for MemoryStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            let now = (self.clock)();
            let mut keys = Vec::new();
            for shard in &self.shards {
                lock(shard).list(owner, now, &mut keys);
            }
            Ok(keys)
        })
    }
}
