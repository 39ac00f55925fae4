//! A read cache in front of a store, with bounded memory and bounded staleness.

mod moment;
mod shard;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use okibi_core::ConfigError;

use self::{
    moment::{Moment, TimeSource},
    shard::{CachedEntry, Observed, Shard},
};
use crate::{Bytes, Consistency, Loaded, Owners, Purger, Store, StoreError, StoreKey, Swap, Timestamp, Write};

/// The cache has one shard for each MiB. Each has its own lock, so requests on different sessions
/// rarely wait for each other.
const SHARD_BYTES: usize = 1 << 20;
/// The most shards.
const MAX_SHARDS: usize = 16;

/// A read cache in front of a store, with bounded staleness.
///
/// A record that this process has just read or written is not loaded again for a short span. Apps
/// rarely need it: a store on the same network answers in less than a millisecond.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use okibi_store::{Cached, MemoryStore};
/// # let distant = MemoryStore::new();
/// let store = Arc::new(Cached::new(distant, Duration::from_secs(5))?);
/// # Ok::<(), okibi_core::ConfigError>(())
/// ```
///
/// # What may be stale, and for how long
///
/// A load may return a cached record. The span `max_staleness` counts from the start of the store
/// call that read the record. So for at most `max_staleness` after *another process* has changed a
/// session, this process may still **read** the old one:
///
/// - A session that another process destroyed or revoked still opens here, with all rights of its
///   values.
/// - After a login or another rotation in another process, the old id still shows the old session.
/// - A right that another process removed from the values is still seen here.
/// - A visitor with requests to several processes may not see their own last change.
///
/// Everything else holds as it does without the cache:
///
/// - **Nothing stale is ever written.** Every swap goes to the store and expects the record that
///   was read. If the store has another record, the swap is a conflict. The engine then replays the
///   request's changes on the current record, or drops them if the session has ended. So an ended
///   session does not open again, `update` counts correctly, and `take` returns a value once. But a
///   handler that *computes* a value from one it read and calls `set` overwrites what another
///   process set in the last `max_staleness`. Use `update` for such values.
/// - **This process sees its own writes immediately.** A swap or a delete through the cache
///   replaces or drops the cached record. The answer of a load that was pending meanwhile is not
///   cached.
/// - **Absent records are not cached**, so a login in another process is seen immediately.
/// - **No record is cached past its expiry**, if the store returns the expiry with the record. If
///   it does not (Redis), the engine finds the expiry in the record. Then a session that another
///   process extended in its last seconds may look expired here for the rest of the span. Do not
///   use the cache for sessions in the format of `hono-sessions` over such a store: the engine
///   deletes expired sessions of that format.
///
/// [`consistency`](Store::consistency) is that of the inner store, because swaps go to the store.
/// Lists by owner and purges go to the store. A list verifies its keys by loading them through the
/// cache, so it may show a session for the span after another process ended it. Revoking it again
/// does no harm.
///
/// Make one cache for each store and share it in an [`Arc`](std::sync::Arc). Two caches in one
/// process are stale to each other as those of two processes are.
///
/// # Memory
///
/// The cache uses at most [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES) bytes, or the number set
/// by [`max_bytes`](Self::max_bytes). When it is full, it drops records that were not used
/// recently.
pub struct Cached<S> {
    inner: S,
    max_staleness: Duration,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    time: TimeSource,
}

impl<S> Cached<S> {
    /// The most memory of [`Cached::new`], in bytes: 32 MiB, enough for about 20 000 sessions of 1
    /// KB.
    pub const DEFAULT_MAX_BYTES: usize = 32 << 20;

    /// The longest `max_staleness`: a minute.
    pub const LONGEST_STALENESS: Duration = Duration::from_mins(1);

    /// Caches records of `inner` for at most `max_staleness`.
    ///
    /// There is no default, because the app decides how late it may notice a logout in another
    /// process. A few seconds save most loads of a page and its parts.
    ///
    /// # Errors
    /// `max_staleness` is zero or more than a minute. Instead of zero, use the store itself.
    pub fn new(inner: S, max_staleness: Duration) -> Result<Self, ConfigError> {
        if max_staleness.is_zero() || max_staleness > Self::LONGEST_STALENESS {
            let rule = "must be longer than zero and at most a minute; without a cache nothing is stale";
            return Err(ConfigError::Span { option: "max_staleness", value: max_staleness, rule });
        }
        let shards = shards(Self::DEFAULT_MAX_BYTES);
        Ok(Self { inner, max_staleness, shards, hasher: RandomState::new(), time: TimeSource::system() })
    }

    /// Sets the most memory, in bytes. The memory of a session beside its record counts, too. A
    /// session larger than one shard is not cached. The cache has one shard for each MiB, but at
    /// most 16.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.shards = shards(bytes);
        self
    }

    /// Reads the time from this clock instead of the system clocks. For tests.
    ///
    /// By default the age of a record is measured by the monotonic clock *and* by the wall clock,
    /// and the longer age counts. So neither a wall clock that is set back nor a machine that
    /// sleeps extends the span.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.time = TimeSource::custom(now);
        self
    }

    /// The inner store.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The number of cached sessions, including stale ones.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no session is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shard of `key`, locked.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    #[expect(clippy::indexing_slicing, reason = "a remainder is below the count, and there is at least one shard")]
    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key.as_str()) as usize;
        lock(&self.shards[hash % self.shards.len()])
    }

    /// Begins a call of the inner store. `changes`: the call may change the record.
    fn begin<'a>(&'a self, key: &'a StoreKey, changes: bool, now: Moment) -> Call<'a, S> {
        let version = self.shard(key).begin(key, changes);
        Call { cache: self, key, changes, version, started: now, observed: Observed::Nothing }
    }

    /// The cached record of `key`, if it is neither stale nor expired.
    fn get_fresh(&self, key: &StoreKey, now: Moment) -> Option<Loaded> {
        let shard = self.shard(key);
        let entry = shard.get(key)?;
        let is_live = entry.expires_at.is_none_or(|end| end > now.wall);
        let is_fresh = now.is_within(self.max_staleness, entry.read_at);
        (is_live && is_fresh).then(|| Loaded { bytes: entry.bytes.clone(), expires_at: entry.expires_at })
    }
}

/// A pending call of the inner store.
struct Call<'a, S> {
    cache: &'a Cached<S>,
    key: &'a StoreKey,
    /// Whether the call may change the record.
    changes: bool,
    /// The version of the key's pending calls when the call began.
    version: u64,
    started: Moment,
    observed: Observed,
}

impl<S> Call<'_, S> {
    /// Ends the call: the store has this record. The bytes are copied, because they may be a slice
    /// of a larger buffer.
    fn found(mut self, bytes: &Bytes, expires_at: Option<Timestamp>) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.observed = Observed::Present(CachedEntry { bytes, expires_at, read_at: self.started });
    }

    /// Ends the call: the store has no record.
    fn found_absent(mut self) {
        self.observed = Observed::Absent;
    }
}

/// Ends the call in all cases: also if it failed or its future was dropped.
impl<S> Drop for Call<'_, S> {
    fn drop(&mut self) {
        let observed = mem::replace(&mut self.observed, Observed::Nothing);
        self.cache.shard(self.key).end(self.key, self.changes, self.version, observed);
    }
}

impl<S> fmt::Debug for Cached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Cached");
        shown.field("max_staleness", &self.max_staleness).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The shards of a cache of this many bytes.
fn shards(memory: usize) -> Box<[Mutex<Shard>]> {
    let count = (memory / SHARD_BYTES).clamp(1, MAX_SHARDS);
    (0..count).map(|_| Mutex::new(Shard::new(memory / count))).collect()
}

/// Locks a shard. The app's own code, such as the clock, runs outside the lock, so a poisoned lock
/// is not broken data.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store> Store for Cached<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let now = self.time.now();
        if let Some(loaded) = self.get_fresh(key, now) {
            return Ok(Some(loaded));
        }
        let call = self.begin(key, false, now);
        let found = self.inner.load(key).await?;
        match &found {
            Some(loaded) => call.found(&loaded.bytes, loaded.expires_at),
            None => call.found_absent(),
        }
        Ok(found)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let call = self.begin(key, true, self.time.now());
        let (bytes, expires_at) = (write.bytes.clone(), write.expires_at);
        let swapped = self.inner.swap(key, expected, write).await?;
        if swapped == Swap::Done {
            call.found(&bytes, Some(expires_at));
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let call = self.begin(key, true, self.time.now());
        self.inner.delete(key).await?;
        call.found_absent();
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        self.inner.consistency()
    }

    fn evicts(&self) -> bool {
        self.inner.evicts()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.inner.owners()
    }

    fn purger(&self) -> Option<Purger<'_>> {
        self.inner.purger()
    }
}
