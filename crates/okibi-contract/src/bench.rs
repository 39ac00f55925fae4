//! The tools of every check: the store, the time, new keys, and steps that report what they
//! expected.

use std::{
    collections::BTreeSet,
    fmt,
    future::poll_fn,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use futures_channel::oneshot;
use futures_util::future::join_all;
use okibi_store::{
    BoxFuture, Bytes, Consistency, Owner, Store, StoreError, StoreErrorKind, StoreKey, Swap, Timestamp, Write,
};

use crate::{Contract, Spawn, alarm::Alarm, time::Time, timed::Timed};

/// The result of a check: nothing, or what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Lifetime of a session that a check does not wait for.
pub(crate) const LONG: Duration = Duration::from_mins(10);
/// Lifetime of a session that is to expire: long enough for a few calls to a usual backend.
const SHORT: Duration = Duration::from_millis(500);
/// The upper bound of this lifetime, for a slow backend.
const LONGEST_SHORT: Duration = Duration::from_secs(5);
/// Additional wait until such a session has expired.
const PAST: Duration = Duration::from_millis(100);
/// For a slow backend, the lifetime is this many times the measured time of that many concurrent
/// calls.
const SLOWNESS: u32 = 6;
/// The number of concurrent calls of the rules that wait.
const PROBES: usize = 16;

/// Loads, and the pause between them, until an eventually consistent store shows the last write: 20
/// s.
const SETTLE_TRIES: u32 = 400;
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// The tools of one run.
pub(crate) struct Bench<S> {
    pub(crate) store: Arc<Timed<S>>,
    /// Another instance on the same backend, if one was given.
    pub(crate) another: Option<Arc<Timed<S>>>,
    time: Time,
    alarm: Alarm,
    spawn: Option<Spawn>,
    /// Lifetime in milliseconds of a session that is to expire.
    short: AtomicU64,
    /// Separates the keys of this run from those of other runs on the same backend.
    run: u64,
    next: AtomicU64,
}

impl<S: Store> Bench<S> {
    pub(crate) fn new(contract: &Contract<S>, alarm: Alarm) -> Self {
        let timed = |store: &Arc<S>| Arc::new(Timed::new(Arc::clone(store), alarm.clone(), contract.limit));
        Self {
            store: timed(&contract.store),
            another: contract.another.as_ref().map(timed),
            time: contract.time.clone(),
            spawn: contract.spawn.clone(),
            run: RandomState::new().hash_one("run"),
            next: AtomicU64::new(0),
            short: AtomicU64::new(millis(SHORT)),
            alarm,
        }
    }

    /// The instance for one of many racing calls: they alternate if there are two.
    pub(crate) fn instance(&self, racer: u64) -> Arc<Timed<S>> {
        Arc::clone(self.another.as_ref().filter(|_| racer % 2 == 1).unwrap_or(&self.store))
    }

    /// Calls without an answer in time, so far.
    pub(crate) fn silences(&self) -> u64 {
        self.store.silences() + self.another.as_ref().map_or(0, |store| store.silences())
    }

    /// Lifetime of a session that is to expire.
    pub(crate) fn short(&self) -> Duration {
        Duration::from_millis(self.short.load(Ordering::Relaxed))
    }

    /// Waits until such a session has expired.
    pub(crate) async fn pass_short(&self) {
        self.time.pass(self.short() + PAST, &self.alarm).await;
    }

    /// Measures the store's speed, so that sessions on a slow store expire later. A failure here
    /// also fails the rules.
    pub(crate) async fn take_its_time(&self) {
        let started = Instant::now();
        let keys: Vec<_> = (0..PROBES).map(|_| self.key()).collect();
        join_all(keys.iter().map(|key| self.done(key, None, self.write("probe"), "a probe"))).await;
        // An eventually consistent store needed time to show the writes.
        if self.store.consistency() != Consistency::Eventual {
            self.short.fetch_max(millis((started.elapsed() * SLOWNESS).min(LONGEST_SHORT)), Ordering::Relaxed);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// An unused key, of the shape and length of okibi's own keys.
    pub(crate) fn key(&self) -> StoreKey {
        StoreKey::new(format!("contract:{}", self.tag()))
    }

    /// An unused owner.
    pub(crate) fn owner(&self) -> Owner {
        Owner::new(format!("owner-{}", self.tag()))
    }

    /// 43 characters that were not used before.
    fn tag(&self) -> String {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}_{next:026x}", self.run)
    }

    pub(crate) fn in_(&self, span: Duration) -> Timestamp {
        self.time.now().plus(span)
    }

    /// A write with a long lifetime.
    pub(crate) fn write(&self, bytes: impl AsRef<[u8]>) -> Write {
        self.write_for(bytes, LONG)
    }

    /// A write with this lifetime.
    pub(crate) fn write_for(&self, bytes: impl AsRef<[u8]>, lives: Duration) -> Write {
        Write { bytes: Bytes::copy_from_slice(bytes.as_ref()), expires_at: self.in_(lives), owner: None, keeps: false }
    }

    /// A write with a long lifetime and an owner.
    pub(crate) fn owned(&self, bytes: impl AsRef<[u8]>, owner: &Owner) -> Write {
        Write { owner: Some(owner.clone()), ..self.write(bytes) }
    }

    /// Expects the key to hold this (`None`: nothing). An eventually consistent store gets time to
    /// show it.
    pub(crate) async fn holds(&self, key: &StoreKey, want: Option<&[u8]>, when: &str) -> Outcome {
        let mut tries = if self.store.consistency() == Consistency::Eventual { SETTLE_TRIES } else { 1 };
        loop {
            let loaded = self.store.load(key).await.map_err(|error| failed("load", &error, when))?;
            let found = loaded.as_ref().map(|loaded| &loaded.bytes[..]);
            if found == want {
                return Ok(());
            }
            tries -= 1;
            if tries == 0 {
                return Err(format!("{when}: a load must find {} and found {}", Shown(want), Shown(found)));
            }
            self.time.pass(SETTLE_PAUSE, &self.alarm).await;
        }
    }

    /// Expects the swap to be done, and the key to hold the written bytes.
    pub(crate) async fn done(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write, when: &str) -> Outcome {
        let written = write.bytes.clone();
        self.accepts(key, expected, write, when).await?;
        self.holds(key, Some(&written), when).await
    }

    /// Expects the swap to be done. The check examines what the key holds then.
    pub(crate) async fn accepts(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write, when: &str) -> Outcome {
        match self.store.swap(key, expected, write).await.map_err(|error| failed("swap", &error, when))? {
            Swap::Done => Ok(()),
            Swap::Conflict(current) => Err(format!(
                "{when}: a swap that expects {} must be done and was a conflict with {}",
                Shown(expected),
                Shown(current.as_deref())
            )),
        }
    }

    /// Expects the swap to be refused, to return the stored bytes, and to leave them unchanged.
    pub(crate) async fn refuses(
        &self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
        there: Option<&[u8]>,
        when: &str,
    ) -> Outcome {
        match self.store.swap(key, expected, write).await.map_err(|error| failed("swap", &error, when))? {
            Swap::Done => Err(format!(
                "{when}: a swap that expects {} must be a conflict, as the key holds {}, and was done",
                Shown(expected),
                Shown(there)
            )),
            Swap::Conflict(current) if current.as_deref() != there => Err(format!(
                "{when}: the conflict must carry {} and carries {}",
                Shown(there),
                Shown(current.as_deref())
            )),
            Swap::Conflict(_) => self.holds(key, there, &format!("{when}, after the conflict")).await,
        }
    }

    /// Expects the swap to be done, or to be refused with the stored bytes unchanged. Returns
    /// whether it was done.
    pub(crate) async fn whole_or_refused(
        &self,
        key: &StoreKey,
        expected: Option<&[u8]>,
        write: Write,
        when: &str,
    ) -> Outcome<bool> {
        let written = write.bytes.clone();
        match self.store.swap(key, expected, write).await {
            Ok(Swap::Done) => self.holds(key, Some(&written), when).await.map(|()| true),
            Ok(Swap::Conflict(_)) => Err(format!("{when}: the swap must be done or fail, and was a conflict")),
            Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                self.holds(key, expected, &format!("{when}, after it was refused")).await.map(|()| false)
            }
            Err(error) => Err(format!("{}; it must say that nothing was written", failed("swap", &error, when))),
        }
    }

    pub(crate) async fn delete(&self, key: &StoreKey, when: &str) -> Outcome {
        self.store.delete(key).await.map_err(|error| failed("delete", &error, when))
    }

    /// Expects the list of this owner's sessions to be this one, in any order and without
    /// duplicates.
    pub(crate) async fn lists(&self, owner: &Owner, want: &[&StoreKey], when: &str) -> Outcome {
        let want: BTreeSet<_> = want.iter().map(|key| key.as_str()).collect();
        let mut tries = if self.store.consistency() == Consistency::Eventual { SETTLE_TRIES } else { 1 };
        loop {
            let index = self.store.owners().ok_or_else(|| format!("{when}: the store can't list owners any more"))?;
            let listed = index.list(owner).await.map_err(|error| failed("list", &error, when))?;
            let found: BTreeSet<_> = listed.iter().map(StoreKey::as_str).collect();
            if found == want && found.len() == listed.len() {
                return Ok(());
            }
            tries -= 1;
            if tries == 0 {
                let listed: Vec<_> = listed.iter().map(StoreKey::as_str).collect();
                return Err(format!("{when}: the list must be {want:?} and is {listed:?}"));
            }
            self.time.pass(SETTLE_PAUSE, &self.alarm).await;
        }
    }

    /// Runs tasks concurrently: on the runtime's threads if the suite may spawn, else in turns in
    /// this task.
    pub(crate) async fn concurrently(&self, tasks: Vec<BoxFuture<'static, Outcome>>) -> Outcome {
        let Some(spawn) = &self.spawn else {
            return join_all(tasks).await.into_iter().collect();
        };
        let answers = tasks.into_iter().map(|task| {
            let (reply, answer) = oneshot::channel();
            // If the receiver was dropped, another task has failed already.
            spawn(Box::pin(async move { drop(reply.send(task.await)) }));
            answer
        });
        let answers = join_all(answers.collect::<Vec<_>>()).await;
        answers
            .into_iter()
            .try_for_each(|answer| answer.unwrap_or_else(|_| Err("a spawned task panicked or was never run".into())))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn failed(call: &str, error: &StoreError, when: &str) -> String {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{when}: {call} failed: {error}{cause}")
}

/// Lets other tasks run.
pub(crate) async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if gave {
            return Poll::Ready(());
        }
        gave = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Bytes as a message shows them: their beginning, and their number.
pub(crate) struct Shown<'a>(pub(crate) Option<&'a [u8]>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENOUGH: usize = 40;
        match self.0 {
            None => f.write_str("nothing"),
            Some(bytes) => match bytes.get(..ENOUGH) {
                None => write!(f, "\"{}\"", bytes.escape_ascii()),
                Some(start) => write!(f, "\"{}…\" ({} bytes)", start.escape_ascii(), bytes.len()),
            },
        }
    }
}
