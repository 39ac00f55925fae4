//! The bounded store in this process's memory.

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

/// Parts with a lock each, so that requests on different sessions rarely wait for each other.
const SHARDS: usize = 16;
/// A store for fewer sessions than this has one part, so that it fills to its very last place.
const SMALL: usize = 1024;
/// After so many writes one of the parts drops what has expired in it.
const WRITES_PER_SWEEP: usize = 16;

/// Sessions in this process's memory: for tests, for development, and for a single process that may forget its
/// sessions when it ends.
///
/// It never holds more sessions than it was made for (100 000 by default). When it is full, a new session takes the
/// place of one that has expired; else of one that was not used since it was made; else of one that was not used for long (the
/// CLOCK-PRO policy of `quick_cache`, with a fifth of the places for new sessions): a flood of sessions that nobody comes back
/// to pushes out itself, not the sessions in use, nor at once a new one that will be.
/// A session that was pushed out is gone, which its visitor sees as being logged out.
/// With [`refuse_when_full`](Self::refuse_when_full) none is pushed out, and the new one is refused instead.
///
/// Expired sessions are never handed out. Their memory is given back bit by bit as other sessions are written, and at
/// once by [`purge`](Self::purge); there is no background task. Beyond a session's own bytes the store needs less than
/// 400 bytes for each.
///
/// Give it to a layer as it is, or in an [`Arc`] to keep a handle on it:
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use okibi_store::{MemoryStore, Store, StoreKey, Swap, Write, system_time};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), okibi_store::StoreError> {
/// let store = Arc::new(MemoryStore::with_capacity(10_000));
/// let key = StoreKey::new("session:example");
/// let write = Write { bytes: "hello".into(), expires_at: system_time().plus(Duration::from_secs(60)), owner: None };
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
    /// How many sessions it holds at most, if it refuses any more.
    refuses_beyond: Option<usize>,
    /// How many writes there were, counted on without end.
    writes: AtomicUsize,
}

impl MemoryStore {
    /// How many sessions [`MemoryStore::new`] holds at most.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// A store for at most [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY) sessions.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// A store for at most this many sessions, at least one. Nothing is set aside for them in advance.
    ///
    /// A large store is made of sixteen equal parts; as sessions fall into them by chance, it may have to push one out
    /// when it is a few per cent short of full.
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

    /// When it is full of sessions that have not expired, a new one is refused as unavailable (a 503) and none is pushed out.
    ///
    /// For what must not be forgotten before its time: the notes of [`revocations`](Store::evicts), say, where whoever can
    /// make the store forget a logout has undone it. Give it room for as many as can be needed within the lifetime of a session.
    #[must_use]
    pub fn refuse_when_full(mut self) -> Self {
        let places = self.shards.iter().map(|shard| lock(shard).keep_all()).sum();
        self.refuses_beyond = Some(places);
        self
    }

    /// Judges expiry by this clock instead of the system's.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// How many sessions it holds, counting expired ones that were not swept yet.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether it holds no session at all, not even an expired one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops every expired session now and says how many there were.
    ///
    /// Nobody has to call this: writes do the same work little by little.
    pub fn purge(&self) -> usize {
        let now = (self.clock)();
        self.shards.iter().map(|shard| lock(shard).sweep(now)).sum()
    }

    /// The locked part where `key` has its place.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    #[expect(clippy::indexing_slicing, reason = "a remainder is below the count, and there is at least one shard")]
    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key.as_str()) as usize;
        lock(&self.shards[hash % self.shards.len()])
    }

    /// After enough writes, one of them sweeps the shard whose turn it is.
    fn sweep_sometimes(&self, now: Timestamp) {
        let writes = self.writes.fetch_add(1, Ordering::Relaxed);
        if !writes.is_multiple_of(WRITES_PER_SWEEP) {
            return;
        }
        if let Some(shard) = self.shards.get(writes / WRITES_PER_SWEEP % self.shards.len()) {
            lock(shard).sweep(now);
        }
    }

    /// It is full, and may not push anything out.
    fn full(&self) -> StoreError {
        let places = self.refuses_beyond.unwrap_or_default();
        StoreError::unavailable(format!("memory store: its {places} places are taken; make it with a higher capacity"))
    }
}

/// Locks a shard. The clock and everything else that an app brings runs outside the lock, so poison means nothing here.
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
