//! A remote store that can delay requests and replies, and random histories of calls to it.
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
    Write { bytes: bytes.into(), expires_at, owner: None, keeps: false }
}

/// The output of a future that completes at its first poll.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending after its first poll"),
    }
}

/// A call that waits for the store.
pub struct PendingCall<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>);

pub fn start<'a, T>(future: impl Future<Output = T> + 'a) -> PendingCall<'a, T> {
    let mut call = PendingCall(Box::pin(future));
    assert!(call.step().is_none(), "the call completed at its first poll");
    call
}

impl<T> PendingCall<'_, T> {
    fn step(&mut self) -> Option<T> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// Completes the call.
    pub fn end(&mut self) -> T {
        self.step().unwrap()
    }
}

/// A memory store with a delay. A delayed call waits for one poll.
pub struct RemoteStore {
    inner: MemoryStore,
    loads: AtomicUsize,
    hides_expiry: AtomicBool,
    delays_requests: AtomicBool,
    delays_replies: AtomicBool,
    loses_replies: AtomicBool,
    /// All records so far, with the times of their writes, for the one key of a history.
    history: Mutex<Vec<(Option<Bytes>, Timestamp)>>,
    clock: VirtualClock,
}

impl RemoteStore {
    pub fn new(clock: &VirtualClock) -> Self {
        let no = || AtomicBool::new(false);
        Self {
            inner: MemoryStore::new().clock(clock.reader()),
            loads: AtomicUsize::new(0),
            hides_expiry: no(),
            delays_requests: no(),
            delays_replies: no(),
            loses_replies: no(),
            history: Mutex::new(vec![(None, clock.now())]),
            clock: clock.clone(),
        }
    }

    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub fn hide_expiry(&self) {
        self.hides_expiry.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now wait before they are carried out.
    pub fn delay_requests(&self) {
        self.delays_requests.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now are carried out, and their answers wait.
    pub fn delay_replies(&self) {
        self.delays_replies.store(true, Ordering::SeqCst);
    }

    /// Calls that begin now are not delayed.
    pub fn release(&self) {
        self.delays_requests.store(false, Ordering::SeqCst);
        self.delays_replies.store(false, Ordering::SeqCst);
    }

    /// If set, calls are carried out and fail with a lost reply.
    pub fn lose_replies(&self, does: bool) {
        self.loses_replies.store(does, Ordering::SeqCst);
    }

    async fn call<T>(&self, carry_out: impl AsyncFnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let delays_reply = self.delays_replies.load(Ordering::SeqCst);
        if self.delays_requests.load(Ordering::SeqCst) {
            pause().await;
        }
        let answer = carry_out().await;
        if delays_reply {
            pause().await;
        }
        if self.loses_replies.load(Ordering::SeqCst) { Err(StoreError::unknown("connection reset")) } else { answer }
    }
}

/// Completes at the second poll.
async fn pause() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Store for RemoteStore {
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

/// A store with a record of this size under every key, and a purger.
pub struct FixedStore {
    bytes: Bytes,
}

impl FixedStore {
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![7; size].into() }
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Store for FixedStore {
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

impl Purge for FixedStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async { Ok(7) })
    }
}

/// What the answer of a call says about the record.
enum Answer {
    /// The record of a load. It may be cached.
    Loaded(Option<Bytes>),
    /// The record of a conflict.
    Conflict(Option<Bytes>),
    Written(Bytes),
    /// The key was deleted. The number is the length of the history when the call began.
    Removed(usize),
}

/// A pending call.
struct RunningCall<'a> {
    future: Pin<Box<dyn Future<Output = Answer> + 'a>>,
    began: Timestamp,
    /// The last entry of the history that this process knew when the call began.
    known: usize,
}

impl RunningCall<'_> {
    fn step(&mut self) -> Option<Answer> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

/// A random history of one key: calls of a process with a cache, and changes by another process.
/// The calls reach the store, end and are cancelled in any order. A load must never return an older
/// record than this process knew when the load began, nor one that was replaced longer ago than the
/// span.
pub fn history(seed: u64, span: Duration) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let clock = VirtualClock::new();
    let remote = Arc::new(RemoteStore::new(&clock));
    let cache = Cached::new(Arc::clone(&remote), span).unwrap().clock(clock.reader());
    let at = key(0);
    let mut known = 0;
    let mut running: Vec<RunningCall<'_>> = Vec::new();
    for number in 0..60_u64 {
        let far = clock.now().plus(Duration::from_hours(1));
        let next = Bytes::from(number.to_string());
        let current = remote.current();
        match random.below(10) {
            0..=4 if running.len() < 4 => {
                remote.delays_requests.store(random.below(2) == 0, Ordering::SeqCst);
                remote.delays_replies.store(random.below(2) == 0, Ordering::SeqCst);
                let (cache, at, changes) = (&cache, &at, remote.changes());
                let future: Pin<Box<dyn Future<Output = Answer> + '_>> = match random.below(6) {
                    0..=2 => {
                        Box::pin(async { Answer::Loaded(cache.load(at).await.unwrap().map(|loaded| loaded.bytes)) })
                    }
                    3 | 4 => {
                        let expected = if random.below(4) == 0 { Some("stale".into()) } else { current };
                        Box::pin(async move {
                            match cache.swap(at, expected.as_deref(), write(next.clone(), far)).await.unwrap() {
                                Swap::Done => Answer::Written(next),
                                Swap::Conflict(current) => Answer::Conflict(current),
                            }
                        })
                    }
                    _ => Box::pin(async move {
                        cache.delete(at).await.unwrap();
                        Answer::Removed(changes)
                    }),
                };
                let mut call = RunningCall { future, began: clock.now(), known };
                match call.step() {
                    Some(answer) => known = remote.judge(seed, &call, answer, span, known),
                    None => running.push(call),
                }
                remote.release();
            }
            5..=7 if !running.is_empty() => {
                let which = usize::try_from(random.below(running.len() as u64)).unwrap();
                let mut call = running.swap_remove(which);
                if random.below(8) == 0 {
                    // The call is cancelled.
                    continue;
                }
                match call.step() {
                    Some(answer) => known = remote.judge(seed, &call, answer, span, known),
                    None => running.push(call),
                }
            }
            8 if random.below(3) == 0 => ready(remote.delete(&at)).unwrap(),
            8 => {
                let swapped = ready(remote.swap(&at, current.as_deref(), write(next, far))).unwrap();
                assert_eq!(swapped, Swap::Done);
            }
            _ => clock.advance(Duration::from_millis(random.below(3000))),
        }
    }
}

impl RemoteStore {
    fn changes(&self) -> usize {
        self.history.lock().unwrap().len()
    }

    fn current(&self) -> Option<Bytes> {
        self.history.lock().unwrap().last().unwrap().0.clone()
    }

    /// The last entry of the history that this process knows after an answer. Fails if a load
    /// returned an older record than allowed.
    fn judge(&self, seed: u64, call: &RunningCall<'_>, answer: Answer, span: Duration, known: usize) -> usize {
        let history = self.history.lock().unwrap();
        let last = |bytes: &Option<Bytes>| history.iter().rposition(|(held, _)| held == bytes).unwrap();
        let learned = match answer {
            Answer::Loaded(found) => {
                let place = last(&found);
                assert!(place >= call.known, "seed {seed}: {found:?} is older than a record that this process knew");
                if let Some((_, replaced)) = history.get(place + 1) {
                    assert!(replaced.plus(span) > call.began, "seed {seed}: {found:?} was replaced too long ago");
                }
                // An absent record has no unique place in the history.
                if found.is_some() { place } else { known }
            }
            Answer::Conflict(current) if current.is_some() => last(&current),
            Answer::Conflict(_) => known,
            Answer::Written(bytes) => last(&Some(bytes)),
            Answer::Removed(changes) => {
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
