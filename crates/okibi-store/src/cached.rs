//! A read cache in front of a store, with bounded memory and bounded staleness.

mod moment;
mod part;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use okibi_core::ConfigError;

use self::{
    moment::{Moment, Time},
    part::{Kept, Learned, Part},
};
use crate::{Bytes, Consistency, Loaded, Owners, Purger, Store, StoreError, StoreKey, Swap, Timestamp, Write};

/// One part for each of so many bytes, so that requests on different sessions rarely wait for each other.
const PART: usize = 1 << 20;
/// But no more parts than this.
const MOST_PARTS: usize = 16;

/// A read cache in front of a store, with bounded staleness: what this process has just read or written is not loaded again
/// for a short span. Off unless an app asks for it, and seldom needed: a store on the same network answers in less than a
/// millisecond.
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
/// A load may be answered from memory with what lay in the store less than `max_staleness` ago, counted from when the
/// store was asked. So for at most that span after *another process* has changed a session, this one may still
/// **read** it as it was before:
///
/// - a session that was ended or revoked elsewhere still opens here, with all that its values allow;
/// - the id from before a login or another rotation elsewhere still shows the session from before;
/// - a right that was taken away by a change of values elsewhere is still seen here;
/// - a visitor whose requests go now to one process and then to another may not see what they just did.
///
/// Never more than that, as far as the store inside keeps its own promises:
///
/// - **Nothing stale is ever written.** Every swap goes to the store with what was read as its witness. If that is no
///   longer what lies there, it is a conflict, and the engine replays the request's changes on what does, or drops
///   them if the session is over. A session that was ended cannot come back, `update` counts right, `take` hands out
///   once. But a value that a handler *computed* from what it read and then `set` overwrites what another process set
///   meanwhile; the window for that is the staleness, not a request. Use `update` for such values.
/// - **What this process itself does, it sees at once**: a swap or a delete through the layer replaces or drops what
///   is kept, and an answer that was under way meanwhile is not kept.
/// - **What is absent is never kept**, so a login elsewhere is seen at once.
/// - **Nothing is kept past its own expiry**, where the store tells it with what it loads. Where it does not (Redis),
///   the engine finds the expiry in the record; then a session that another process renewed in its very last seconds
///   may look expired here for the rest of the span. Don't use the layer for sessions in the format of
///   `hono-sessions` over such a store: there the engine deletes what has expired.
///
/// [`consistency`](Store::consistency) is that of the store inside: it says what holds for swaps, which are the
/// store's own. Lists by owner and purges go to the store. The verification of a list loads through the memory, so a
/// list may show a session for the span after it was ended elsewhere; ending it once more does no harm.
///
/// Make one layer for each store and share it (it works in an [`Arc`](std::sync::Arc)): two layers in one process are
/// to each other as two processes are.
///
/// # Memory
///
/// At most [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES) bytes, or as [`max_bytes`](Self::max_bytes) says. When it is full, what
/// was not used for long goes.
pub struct Cached<S> {
    inner: S,
    max_staleness: Duration,
    parts: Box<[Mutex<Part>]>,
    hasher: RandomState,
    time: Time,
}

impl<S> Cached<S> {
    /// How much memory [`Cached::new`] uses at most: 32 MiB, enough for some twenty thousand sessions of a kilobyte.
    pub const DEFAULT_MAX_BYTES: usize = 32 << 20;

    /// The longest staleness that can be asked for: a minute.
    pub const LONGEST_STALENESS: Duration = Duration::from_mins(1);

    /// Keeps what `inner` holds for at most `max_staleness`. There is no default: how late a logout elsewhere may be
    /// noticed here is the app's decision. A few seconds spare most of the loads of a page and its parts.
    ///
    /// # Errors
    /// A `max_staleness` of zero (use the store itself) or of more than a minute.
    pub fn new(inner: S, max_staleness: Duration) -> Result<Self, ConfigError> {
        if max_staleness.is_zero() || max_staleness > Self::LONGEST_STALENESS {
            let rule = "must be longer than zero and at most a minute; without a cache nothing is stale";
            return Err(ConfigError::Span { option: "max_staleness", value: max_staleness, rule });
        }
        let parts = parts(Self::DEFAULT_MAX_BYTES);
        Ok(Self { inner, max_staleness, parts, hasher: RandomState::new(), time: Time::system() })
    }

    /// Uses at most so many bytes of memory instead, counting what each session takes beside its record. A session
    /// that takes more than there is (or than a sixteenth of it, where there is much) is not kept.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.parts = parts(bytes);
        self
    }

    /// Reads the time from this clock instead of the system's: for tests.
    ///
    /// By default the staleness is measured by the system's monotonic clock *and* by the wall clock, and the longer
    /// time counts: so neither a clock that is set back nor a machine that was asleep stretches it.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.time = Time::given(now);
        self
    }

    /// The store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// How many sessions are kept, counting those that are too old to be used.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).len()).sum()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The locked part where `key` has its place.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    #[expect(clippy::indexing_slicing, reason = "a remainder is below the count, and there is at least one part")]
    fn part(&self, key: &StoreKey) -> MutexGuard<'_, Part> {
        let hash = self.hasher.hash_one(key.as_str()) as usize;
        lock(&self.parts[hash % self.parts.len()])
    }

    /// Begins a call of the store inside. `changes`: it may change what lies there.
    fn begin<'a>(&'a self, key: &'a StoreKey, changes: bool, now: Moment) -> Call<'a, S> {
        let seen = self.part(key).begin(key, changes);
        Call { layer: self, key, changes, seen, started: now, learned: Learned::Nothing }
    }

    /// What is kept of `key` and may be used now.
    fn kept(&self, key: &StoreKey, now: Moment) -> Option<Loaded> {
        let part = self.part(key);
        let kept = part.get(key)?;
        let is_live = kept.expires_at.is_none_or(|end| end > now.wall);
        let is_fresh = now.is_within(self.max_staleness, kept.read_at);
        (is_live && is_fresh).then(|| Loaded { bytes: kept.bytes.clone(), expires_at: kept.expires_at })
    }
}

/// A call of the store inside, from its beginning until it has ended or was given up.
struct Call<'a, S> {
    layer: &'a Cached<S>,
    key: &'a StoreKey,
    /// It may change what lies there.
    changes: bool,
    /// What the part had seen of the key when the call began.
    seen: u64,
    started: Moment,
    learned: Learned,
}

impl<S> Call<'_, S> {
    /// It ended, and this lay there. The bytes are copied: those at hand may be part of something larger.
    fn found(mut self, bytes: &Bytes, expires_at: Option<Timestamp>) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.learned = Learned::Held(Kept { bytes, expires_at, read_at: self.started });
    }

    /// It ended, and nothing lay there.
    fn found_absent(mut self) {
        self.learned = Learned::Absent;
    }
}

/// However the call ended: also if it failed, and if nobody waits for it any more.
impl<S> Drop for Call<'_, S> {
    fn drop(&mut self) {
        let learned = mem::replace(&mut self.learned, Learned::Nothing);
        self.layer.part(self.key).end(self.key, self.changes, self.seen, learned);
    }
}

impl<S> fmt::Debug for Cached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Cached");
        shown.field("max_staleness", &self.max_staleness).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The parts of a memory of so many bytes.
fn parts(memory: usize) -> Box<[Mutex<Part>]> {
    let count = (memory / PART).clamp(1, MOST_PARTS);
    (0..count).map(|_| Mutex::new(Part::new(memory / count))).collect()
}

/// Locks a part. Everything that an app brings runs outside the lock, so poison means nothing here.
fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store> Store for Cached<S> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let now = self.time.now();
        if let Some(loaded) = self.kept(key, now) {
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
