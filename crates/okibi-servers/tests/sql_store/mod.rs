//! What the stores on SQL servers must do while their server dies, refuses, stalls or answers by
//! halves, whichever it is. The tests of `okibi-postgres` and `okibi-mysql` have this as a module
//! of theirs.
#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    error::Error as _,
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use okibi_servers::{Cut, Mode, Proxy, Then};
use okibi_store::{Bytes, Store, StoreError, StoreErrorKind, StoreKey, Swap, Timestamp, Write};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

pub(crate) const SHORT: Duration = Duration::from_millis(200);
/// How long what hangs is waited for.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// Concurrent writers while the server is killed.
const WRITERS: usize = 6;

pub(crate) fn key(at: impl Display) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

pub(crate) fn write(bytes: impl Into<Bytes>) -> Write {
    Write { bytes: bytes.into(), expires_at: Timestamp::MAX, owner: None, keeps: false }
}

/// The value under a key, as a string.
pub(crate) async fn held<S: Store>(store: &S, key: &StoreKey) -> Option<String> {
    let loaded = store.load(key).await.unwrap();
    loaded.map(|loaded| String::from_utf8(loaded.bytes.to_vec()).unwrap())
}

/// The error's own text and that of its cause.
pub(crate) fn texts(error: &StoreError) -> String {
    format!("{error}: {}", error.source().unwrap())
}

/// Writers that run while the server is killed, and their shared progress.
pub(crate) struct Writers {
    progress: Arc<Progress>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Progress {
    acknowledged: [AtomicU64; WRITERS],
    failures: AtomicU64,
    is_over: AtomicBool,
}

impl Writers {
    /// `late`: the server may carry out a little later what it was told on a connection that was
    /// ended since.
    pub(crate) fn begin<S: Store>(store: &Arc<S>, late: bool) -> Self {
        let progress = Arc::new(Progress::default());
        let write = |name| tokio::spawn(count_up(Arc::clone(store), name, Arc::clone(&progress), late));
        let tasks = (0..WRITERS).map(write).collect();
        Self { progress, tasks }
    }

    /// Waits until each writer was acknowledged so many times more. One that has ended was not to.
    pub(crate) async fn onward(&self) {
        let acknowledged = &self.progress.acknowledged;
        let wanted = acknowledged.each_ref().map(|count| count.load(Ordering::Relaxed) + 5);
        let lags = || acknowledged.iter().zip(&wanted).any(|(count, wanted)| count.load(Ordering::Relaxed) < *wanted);
        while lags() && !self.has_ended() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many failures there were so far.
    pub(crate) fn failures(&self) -> u64 {
        self.progress.failures.load(Ordering::Relaxed)
    }

    /// Whether no writer has failed since this count of failures, and none has ended.
    pub(crate) fn go_on_since(&self, before: u64) -> bool {
        self.failures() == before && !self.has_ended()
    }

    /// Waits until a writer has failed since this count of failures.
    pub(crate) async fn fail(&self, before: u64) {
        while self.go_on_since(before) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn has_ended(&self) -> bool {
        self.tasks.iter().any(JoinHandle::is_finished)
    }

    pub(crate) async fn end(self) {
        self.onward().await;
        self.progress.is_over.store(true, Ordering::Relaxed);
        for writer in self.tasks {
            writer.await.unwrap();
        }
    }
}

/// Counts up, one swap at a time, until told to stop, and compares every answer with the stored
/// value.
async fn count_up<S: Store>(store: Arc<S>, name: usize, progress: Arc<Progress>, may_be_late: bool) {
    let key = key(format_args!("chain-{name}"));
    let mut at: Option<u64> = None;
    let mut late: Option<u64> = None;
    while !progress.is_over.load(Ordering::Relaxed) {
        let (expected, next) = (at.map(|at| at.to_string()), at.map_or(0, |at| at + 1));
        let swap = store.swap(&key, expected.as_ref().map(String::as_bytes), write(next.to_string())).await;
        let kind = match swap {
            Ok(Swap::Done) => {
                progress.acknowledged.get(name).unwrap().fetch_add(1, Ordering::Relaxed);
                at = Some(next);
                continue;
            }
            Ok(Swap::Conflict(held)) => {
                let written = late.take().map(|late| late.to_string().into());
                assert!(written.is_some() && held == written, "session {name}: {held:?}, but this is its only writer");
                at = Some(next);
                continue;
            }
            Err(error) => error.kind(),
        };
        progress.failures.fetch_add(1, Ordering::Relaxed);
        let there: Option<u64> = loop {
            match store.load(&key).await {
                Ok(loaded) => {
                    break loaded.map(|held| String::from_utf8(held.bytes.to_vec()).unwrap().parse().unwrap());
                }
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
            }
            progress.failures.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(5)).await;
        };
        if kind == StoreErrorKind::Unavailable {
            assert_eq!(there, at, "session {name}: an error said that nothing was written");
        } else {
            late = may_be_late.then_some(next);
            assert!(there == at || there == Some(next), "session {name}: {there:?} after {at:?} was acknowledged");
        }
        at = there;
    }
}

/// The server is down: every call says that nothing was done, and why.
pub(crate) async fn is_unavailable<S: Store>(store: &S, why: &str) {
    let purger = store.purger().unwrap();
    for _ in 0..3 {
        let error = store.swap(&key(1), Some(b"1"), write("2")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{}", texts(&error));
        assert!(texts(&error).contains(why), "{}", texts(&error));
        assert_eq!(store.load(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
        assert_eq!(store.delete(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
        assert_eq!(purger.purge().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
}

/// The store has one connection, through the proxy. `piece`: so many bytes more of each reply come
/// than of the one before; the rest says whether it was carried out.
pub(crate) async fn tells_of_lost_replies<S: Store>(store: &S, proxy: &Proxy, piece: usize) {
    let lost_key = key("lost");
    let mut before: Option<String> = None;
    for (round, then) in [Then::Close, Then::Reset, Then::Close].into_iter().enumerate() {
        let after = format!("value-{round}");
        store.load(&lost_key).await.unwrap();
        proxy.cut_reply_to(after.clone(), Cut { after: round * piece, then });
        let expected = before.as_ref().map(String::as_bytes);
        let lost = store.swap(&lost_key, expected, write(after.clone())).await.unwrap_err();
        assert_eq!(lost.kind(), StoreErrorKind::Unknown, "{}", texts(&lost));
        let again = store.swap(&lost_key, expected, write(after.clone())).await.unwrap();
        assert_eq!(again, Swap::Conflict(Some(after.clone().into())), "it had happened");
        before = Some(after);
    }
    proxy.cut_reply_to("session:lost", Cut { after: 0, then: Then::Close });
    assert_eq!(store.delete(&lost_key).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(store.load(&lost_key).await.unwrap(), None);
    assert_eq!(proxy.traffic().cuts, 4);
}

/// Both connections of a small pool fall silent for good, while the server is well.
pub(crate) async fn outlives_a_silent_network<S: Store>(store: &S, proxy: &Proxy) {
    store.swap(&key(0), None, write("value 0")).await.unwrap();
    let (first, second) = (key(0), key(0));
    let both = async { tokio::join!(store.load(&first), store.load(&second)) };
    proxy.set(Mode::Cut(Cut { after: 0, then: Then::Silence }));
    assert!(timeout(SHORT, both).await.is_err());
    proxy.set(Mode::Open);
    recover(store).await;
    let Ok((one, other)) = timeout(LONG, async { tokio::join!(store.load(&first), store.load(&second)) }).await else {
        panic!("one of two connections is missing");
    };
    assert!(one.unwrap().is_some() && other.unwrap().is_some());
}

/// Ten writes of one session that the test holds locked. Each is cancelled.
pub(crate) async fn give_up_writes<S: Store>(store: &S) {
    for at in 0..10 {
        let key = key(0);
        let given_up = timeout(SHORT, store.swap(&key, Some(b"0"), write(format!("written {at}")))).await;
        assert!(given_up.is_err() || given_up.unwrap().unwrap_err().kind() == StoreErrorKind::Unavailable);
    }
}

/// The lock is gone: one of those that were sent came first, and what it wrote is whole.
pub(crate) async fn one_of_them_was_made<S: Store>(store: &S) {
    recover(store).await;
    let there = held(store, &key(0)).await.unwrap();
    assert!(there.starts_with("written "), "{there}");
    assert_eq!(store.swap(&key(0), Some(there.as_bytes()), write("last")).await.unwrap(), Swap::Done);
    assert_eq!(held(store, &key(0)).await.unwrap(), "last");
}

/// Waits until the store serves again. It may be busy with a connection that lingers.
pub(crate) async fn recover<S: Store>(store: &S) {
    let begun = Instant::now();
    while !matches!(timeout(SHORT * 10, store.load(&key(0))).await, Ok(Ok(_))) {
        assert!(begun.elapsed() < LONG, "the store does not recover");
        sleep(Duration::from_millis(20)).await;
    }
}
