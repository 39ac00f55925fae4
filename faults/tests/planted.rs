//! The whole rig on stores with planted defects: it must find each defect, and none in a store
//! without one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use okibi::{
    MemoryStore, Sessions,
    store::{Consistency, Loaded, Owners, Store, StoreError, StoreKey, Swap, Write},
};
use okibi_faults::{
    backend::{Backend, BoxFuture, Failure, Fault},
    check::{Counts, check},
    history::History,
    inject::{LateStore, LateWrites, Lateness},
    random::Random,
    run::{RunOptions, run},
};
use serde_json::Value;

/// A defect of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    /// Periodically a write is acknowledged and not made.
    Forgets,
    /// A write replaces any stored value.
    Blind,
    /// Markers of rotations and of destroyed sessions are acknowledged and not written, and nothing
    /// is deleted.
    Undead,
    /// Periodically a write is made and reported as not made.
    Denies,
    /// Periodically another session's record is loaded.
    Mixes,
    /// Periodically a read finds nothing.
    Blinks,
    /// Periodically a write is made and reported as a conflict with the former value.
    Repeats,
    /// The marker of a destroyed session is removed immediately.
    Buries,
    /// After a while every call fails.
    Dies,
}

/// A store with a defect.
struct Defective {
    defect: Defect,
    store: MemoryStore,
    calls: AtomicU64,
    last: std::sync::Mutex<Option<Loaded>>,
}

impl Defective {
    /// Whether the defect affects this call: one in every few.
    fn shows(&self, defect: Defect, every: u64) -> bool {
        self.defect == defect && self.calls.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    fn is_dead(&self) -> bool {
        self.defect == Defect::Dies && self.calls.fetch_add(1, Ordering::Relaxed) > 100
    }
}

/// A record is a session, not a marker.
fn is_marker(bytes: &Bytes) -> bool {
    bytes.windows(4).any(|part| part == b"\"r\":")
}

impl Store for Defective {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        if self.is_dead() {
            return Err(StoreError::unavailable("dead"));
        }
        let loaded = self.store.load(key).await?;
        if self.shows(Defect::Blinks, 50) {
            return Ok(None);
        }
        let mut last = self.last.lock().expect("no thread panics while it holds the lock");
        if self.shows(Defect::Mixes, 20) {
            return Ok(last.clone().or(loaded));
        }
        if loaded.as_ref().is_some_and(|loaded| !is_marker(&loaded.bytes)) {
            last.clone_from(&loaded);
        }
        Ok(loaded)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        if self.is_dead() {
            return Err(StoreError::unavailable("dead"));
        }
        if self.shows(Defect::Forgets, 20) || (self.defect == Defect::Undead && is_marker(&write.bytes)) {
            return Ok(Swap::Done);
        }
        if self.defect == Defect::Blind {
            let there = self.store.load(key).await?.map(|loaded| loaded.bytes);
            return self.store.swap(key, there.as_deref(), write).await;
        }
        let swapped = self.store.swap(key, expected, write.clone()).await?;
        if self.defect == Defect::Buries && swapped == Swap::Done && is_marker(&write.bytes) {
            self.store.delete(key).await?;
        }
        if swapped == Swap::Done && self.shows(Defect::Denies, 20) {
            return Err(StoreError::unavailable("no"));
        }
        if swapped == Swap::Done && self.shows(Defect::Repeats, 10) {
            // The same record with another write tag, as another request's write would have.
            let text = String::from_utf8(write.bytes.to_vec()).expect("a record is text");
            let (head, tail) = text.split_at(text.find("\"w\":\"").expect("a write tag") + 5);
            let other = Bytes::from(format!("{head}AAAAAAAAAAA{}", &tail[11..]));
            let same = Write { bytes: other.clone(), ..write.clone() };
            self.store.swap(key, Some(&write.bytes), same).await?;
            return Ok(Swap::Conflict(Some(other)));
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        if self.defect == Defect::Undead { Ok(()) } else { self.store.delete(key).await }
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }

    fn owners(&self) -> Option<Owners<'_>> {
        self.store.owners()
    }
}

/// A backend on such a store, with a fault that has no visible effect.
struct Planted(Arc<Defective>, Arc<Lateness>, Vec<Box<dyn Fault>>);

/// A fault that does nothing.
struct Idle;

impl Fault for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            tokio::time::sleep(random.millis(10..50)).await;
            Ok(())
        })
    }
}

impl Backend for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn sessions(&self, _instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        let store = LateStore::new(Arc::clone(&self.0), &self.1);
        Box::pin(async move { Ok(Sessions::new(store)) })
    }

    fn hono(&self, _instance: usize) -> Option<Value> {
        None
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.2
    }
}

/// The faults of a run.
#[derive(Clone, Copy)]
enum PlantedFaults {
    Nothing,
    Idle,
    Late,
}

async fn history(defect: Defect, injections: PlantedFaults) -> History {
    history_of(defect, injections, 3).await
}

async fn history_of(defect: Defect, injections: PlantedFaults, seconds: u64) -> History {
    let defective =
        Defective { defect, store: MemoryStore::new(), calls: AtomicU64::new(0), last: std::sync::Mutex::default() };
    let lateness = Lateness::new(None);
    let faults: Vec<Box<dyn Fault>> = match injections {
        PlantedFaults::Nothing => Vec::new(),
        PlantedFaults::Idle => vec![Box::new(Idle)],
        PlantedFaults::Late => vec![Box::new(LateWrites(Arc::clone(&lateness)))],
    };
    let options = RunOptions { seed: 7, seconds, faults: None };
    let backend = Planted(Arc::new(defective), lateness, faults);
    let run = tokio::time::timeout(Duration::from_mins(2), run(&backend, &options));
    run.await.expect("it ends").expect("the rig works")
}

/// Expects the rig to find that these rules are broken. On a busy machine little happens in a run,
/// so it may need a longer one.
async fn finds(defect: Defect, injections: PlantedFaults, rules: &[&str]) {
    for seconds in [3, 10, 30] {
        let found = check(&history_of(defect, injections, seconds).await);
        let broken: Vec<&str> = found.iter().map(|violation| violation.rule).collect();
        let has_all = rules.iter().all(|rule| broken.contains(rule));
        assert!(has_all || seconds < 30, "{defect:?}: {broken:?} has not all of {rules:?}");
        if has_all {
            return;
        }
    }
}

#[tokio::test]
async fn a_store_without_a_defect_breaks_no_rule() {
    let history = history(Defect::None, PlantedFaults::Nothing).await;
    assert_eq!(check(&history), []);
    assert_eq!(Counts::of(&history).shortfalls(), [] as [&str; 0]);
}

#[tokio::test]
async fn faults_that_do_nothing_are_a_failure() {
    let history = history(Defect::None, PlantedFaults::Idle).await;
    assert_eq!(check(&history), []);
    let shortfalls = Counts::of(&history).shortfalls();
    assert!(matches!(&shortfalls[..], [only] if only.contains("the faults did nothing")), "{shortfalls:?}");
}

#[tokio::test]
async fn writes_that_are_forgotten_are_found() {
    finds(Defect::Forgets, PlantedFaults::Nothing, &["lost-count", "lost-write"]).await;
}

#[tokio::test]
async fn n2_writes_that_replace_whatever_is_there_are_found() {
    finds(Defect::Blind, PlantedFaults::Nothing, &["lost-count"]).await;
}

#[tokio::test]
async fn n1_sessions_that_do_not_end_are_found() {
    finds(Defect::Undead, PlantedFaults::Nothing, &["revived"]).await;
}

#[tokio::test]
async fn h3_sessions_that_come_back_by_a_late_write_are_found() {
    finds(Defect::Buries, PlantedFaults::Late, &["revived"]).await;
}

#[tokio::test]
async fn h3_a_late_write_brings_nothing_back() {
    assert_eq!(check(&history(Defect::None, PlantedFaults::Late).await), []);
}

#[tokio::test]
async fn writes_that_are_denied_are_found() {
    finds(Defect::Denies, PlantedFaults::Nothing, &["failed-shows", "counted-twice"]).await;
}

#[tokio::test]
async fn s20_sessions_that_are_mixed_up_are_found() {
    finds(Defect::Mixes, PlantedFaults::Nothing, &["crossed"]).await;
}

#[tokio::test]
async fn sessions_that_are_not_found_are_found() {
    finds(Defect::Blinks, PlantedFaults::Nothing, &["lost-session"]).await;
}

#[tokio::test]
async fn n39_writes_that_are_made_twice_are_found() {
    finds(Defect::Repeats, PlantedFaults::Nothing, &["counted-twice"]).await;
}

#[tokio::test]
async fn a_store_that_stays_away_is_found() {
    finds(Defect::Dies, PlantedFaults::Nothing, &["no-recovery"]).await;
}
