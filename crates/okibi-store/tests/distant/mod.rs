//! A distant store whose requests and answers a test can hold up, and random histories of calls to it.
#![allow(unreachable_pub, reason = "a module of a test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use okibi_contract::VirtualClock;
use okibi_store::{
    BoxFuture, Bytes, Cached, Consistency, Loaded, MemoryStore, Owners, Purge, Purger, Store, StoreError, StoreKey,
    Swap, Timestamp, Write,
};

pub fn key(at: usize) -> StoreKey {
    StoreKey::new(format!("session:{at:043}"))
}

pub fn write(bytes: impl Into<Bytes>, expires_at: Timestamp) -> Write {
    Write { bytes: bytes.into(), expires_at, owner: None }
}

/// The output of a future that does not have to wait.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waited"),
    }
}

/// A call that has begun and waits for the store.
pub struct Begun<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>);

pub fn begun<'a, T>(future: impl Future<Output = T> + 'a) -> Begun<'a, T> {
    let mut begun = Begun(Box::pin(future));
    assert!(begun.step().is_none(), "it did not wait");
    begun
}

impl<T> Begun<'_, T> {
    fn step(&mut self) -> Option<T> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// What was held up arrives.
    pub fn end(&mut self) -> T {
        self.step().unwrap()
    }
}

/// A memory store behind a network. Who is held up waits for one poll.
pub struct Distant {
    inner: MemoryStore,
    loads: AtomicUsize,
    hides_expiry: AtomicBool,
    holds_requests: AtomicBool,
    holds_replies: AtomicBool,
    loses_replies: AtomicBool,
    /// All that lay there so far, and since when, whatever the key.
    history: Mutex<Vec<(Option<Bytes>, Timestamp)>>,
    clock: VirtualClock,
}

impl Distant {
    pub fn new(clock: &VirtualClock) -> Self {
        let no = || AtomicBool::new(false);
        Self {
            inner: MemoryStore::new().clock(clock.reader()),
            loads: AtomicUsize::new(0),
            hides_expiry: no(),
            holds_requests: no(),
            holds_replies: no(),
            loses_replies: no(),
            history: Mutex::new(vec![(None, clock.now())]),
            clock: clock.clone(),
        }
    }

    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub fn tells_no_expiry(&self) {
        self.hides_expiry.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now wait before they are carried out.
    pub fn hold_requests(&self) {
        self.holds_requests.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now are carried out, and their answers wait.
    pub fn hold_replies(&self) {
        self.holds_replies.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now don't wait.
    pub fn let_through(&self) {
        self.holds_requests.store(false, Ordering::SeqCst);
        self.holds_replies.store(false, Ordering::SeqCst);
    }

    /// Calls are carried out, and fail.
    pub fn loses_replies(&self, does: bool) {
        self.loses_replies.store(does, Ordering::SeqCst);
    }

    async fn call<T>(&self, carry_out: impl AsyncFnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let holds_reply = self.holds_replies.load(Ordering::SeqCst);
        if self.holds_requests.load(Ordering::SeqCst) {
            pause().await;
        }
        let answer = carry_out().await;
        if holds_reply {
            pause().await;
        }
        if self.loses_replies.load(Ordering::SeqCst) { Err(StoreError::unknown("connection reset")) } else { answer }
    }
}

/// Waits until it is polled for the second time.
async fn pause() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Store for Distant {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let mut found = self.call(async || self.inner.load(key).await).await?;
        if let Some(loaded) = found.as_mut().filter(|_| self.hides_expiry.load(Ordering::SeqCst)) {
            loaded.expires_at = None;
        }
        Ok(found)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.call(async || {
            let bytes = write.bytes.clone();
            let swapped = self.inner.swap(key, expected, write).await?;
            if swapped == Swap::Done {
                self.history.lock().unwrap().push((Some(bytes), self.clock.now()));
            }
            Ok(swapped)
        })
        .await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.call(async || {
            self.history.lock().unwrap().push((None, self.clock.now()));
            self.inner.delete(key).await
        })
        .await
    }

    fn consistency(&self) -> Consistency {
        self.inner.consistency()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.inner.owners()
    }
}

/// A store that has a record of this size under every key, and something to purge.
pub struct Under {
    bytes: Bytes,
}

impl Under {
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![7; size].into() }
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Store for Under {
    async fn load(&self, _: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        Ok(Some(Loaded { bytes: self.bytes.clone(), expires_at: None }))
    }

    async fn swap(&self, _: &StoreKey, _: Option<&[u8]>, _: Write) -> Result<Swap, StoreError> {
        Ok(Swap::Done)
    }

    async fn delete(&self, _: &StoreKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        Consistency::Eventual
    }

    fn purger(&self) -> Option<Purger<'_>> {
        Some(self)
    }
}

impl Purge for Under {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async { Ok(7) })
    }
}

/// What an answer tells of what lies there.
enum Told {
    /// A load's answer, which may be from memory.
    Loaded(Option<Bytes>),
    /// A conflict's.
    There(Option<Bytes>),
    Written(Bytes),
    /// Something was removed after so many other changes.
    Removed(usize),
}

/// A call under way.
struct Calling<'a> {
    future: Pin<Box<dyn Future<Output = Told> + 'a>>,
    began: Timestamp,
    /// The place in the history that this process knew of when the call began.
    known: usize,
}

impl Calling<'_> {
    fn step(&mut self) -> Option<Told> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(told) => Some(told),
            Poll::Pending => None,
        }
    }
}

/// A random history of one key: calls of a process with a layer, which reach the store, end and are given up in any
/// order, and changes by another process. A load must never show less than this process knew when the load began, nor
/// anything that was replaced longer ago than the span.
pub fn history(seed: u64, span: Duration) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let clock = VirtualClock::new();
    let distant = Arc::new(Distant::new(&clock));
    let layer = Cached::new(Arc::clone(&distant), span).unwrap().clock(clock.reader());
    let at = key(0);
    let mut known = 0;
    let mut under_way: Vec<Calling<'_>> = Vec::new();
    for number in 0..60_u64 {
        let far = clock.now().plus(Duration::from_hours(1));
        let next = Bytes::from(number.to_string());
        let current = distant.current();
        match random.below(10) {
            0..=4 if under_way.len() < 4 => {
                distant.holds_requests.store(random.below(2) == 0, Ordering::SeqCst);
                distant.holds_replies.store(random.below(2) == 0, Ordering::SeqCst);
                let (layer, at, changes) = (&layer, &at, distant.changes());
                let future: Pin<Box<dyn Future<Output = Told> + '_>> = match random.below(6) {
                    0..=2 => Box::pin(async { Told::Loaded(layer.load(at).await.unwrap().map(|loaded| loaded.bytes)) }),
                    3 | 4 => {
                        let expected = if random.below(4) == 0 { Some("stale".into()) } else { current };
                        Box::pin(async move {
                            match layer.swap(at, expected.as_deref(), write(next.clone(), far)).await.unwrap() {
                                Swap::Done => Told::Written(next),
                                Swap::Conflict(there) => Told::There(there),
                            }
                        })
                    }
                    _ => Box::pin(async move {
                        layer.delete(at).await.unwrap();
                        Told::Removed(changes)
                    }),
                };
                let mut calling = Calling { future, began: clock.now(), known };
                match calling.step() {
                    Some(told) => known = distant.judge(seed, &calling, told, span, known),
                    None => under_way.push(calling),
                }
                distant.let_through();
            }
            5..=7 if !under_way.is_empty() => {
                let which = usize::try_from(random.below(under_way.len() as u64)).unwrap();
                let mut calling = under_way.swap_remove(which);
                if random.below(8) == 0 {
                    // Nobody waits for it any more.
                    continue;
                }
                match calling.step() {
                    Some(told) => known = distant.judge(seed, &calling, told, span, known),
                    None => under_way.push(calling),
                }
            }
            8 if random.below(3) == 0 => ready(distant.delete(&at)).unwrap(),
            8 => {
                let swapped = ready(distant.swap(&at, current.as_deref(), write(next, far))).unwrap();
                assert_eq!(swapped, Swap::Done);
            }
            _ => clock.advance(Duration::from_millis(random.below(3000))),
        }
    }
}

impl Distant {
    fn changes(&self) -> usize {
        self.history.lock().unwrap().len()
    }

    fn current(&self) -> Option<Bytes> {
        self.history.lock().unwrap().last().unwrap().0.clone()
    }

    /// What this process knows of the history after an answer. Fails if a load showed too little.
    fn judge(&self, seed: u64, calling: &Calling<'_>, told: Told, span: Duration, known: usize) -> usize {
        let history = self.history.lock().unwrap();
        let last = |bytes: &Option<Bytes>| history.iter().rposition(|(held, _)| held == bytes).unwrap();
        let learned = match told {
            Told::Loaded(found) => {
                let place = last(&found);
                assert!(place >= calling.known, "seed {seed}: {found:?} was older than what was known here");
                if let Some((_, replaced)) = history.get(place + 1) {
                    assert!(replaced.plus(span) > calling.began, "seed {seed}: {found:?} was replaced too long ago");
                }
                // Nothing may have been there before as well.
                if found.is_some() { place } else { known }
            }
            Told::There(there) if there.is_some() => last(&there),
            Told::There(_) => known,
            Told::Written(bytes) => last(&Some(bytes)),
            Told::Removed(changes) => {
                history.iter().skip(changes).position(|(held, _)| held.is_none()).unwrap() + changes
            }
        };
        known.max(learned)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
