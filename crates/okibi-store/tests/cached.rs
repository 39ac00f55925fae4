//! The read cache in front of a remote store: what it caches, for how long, and when it drops a
//! record.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod remote;

use std::{sync::Arc, time::Duration};

use allocation_counter::measure;
use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_store::{
    Bytes, Cached, Consistency, Loaded, MemoryStore, Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp,
};

use remote::{FixedStore, RemoteStore, key, ready, start, write};

const SPAN: Duration = Duration::from_secs(5);
/// The longest age of a fresh record.
const ALMOST: Duration = Duration::from_millis(4999);
const HOUR: Duration = Duration::from_hours(1);

/// A remote store, and the caches of two processes in front of it.
struct World {
    clock: VirtualClock,
    remote: Arc<RemoteStore>,
    here: Cached<Arc<RemoteStore>>,
    elsewhere: Cached<Arc<RemoteStore>>,
}

impl World {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let remote = Arc::new(RemoteStore::new(&clock));
        let cache = || Cached::new(Arc::clone(&remote), SPAN).unwrap().clock(clock.reader());
        Self { here: cache(), elsewhere: cache(), remote, clock }
    }

    /// Loads through this process's cache.
    fn load(&self, at: &StoreKey) -> Option<Bytes> {
        ready(self.here.load(at)).unwrap().map(|loaded| loaded.bytes)
    }

    /// Writes through a cache.
    fn put(&self, cache: &Cached<Arc<RemoteStore>>, at: &StoreKey, expected: Option<&str>, bytes: &'static str) {
        let write = write(bytes, self.clock.now().plus(HOUR));
        assert_eq!(ready(cache.swap(at, expected.map(str::as_bytes), write)).unwrap(), Swap::Done);
    }

    fn loads(&self) -> usize {
        self.remote.loads()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_cache_keeps_the_contract_on_many_threads() {
    let contract = Contract::new(Cached::new(MemoryStore::new(), SPAN).unwrap()).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn the_cache_keeps_every_rule_of_the_contract_on_virtual_time() {
    let clock = VirtualClock::new();
    let store = MemoryStore::new().clock(clock.reader());
    let cache = Cached::new(store, Duration::from_mins(1)).unwrap().clock(clock.reader());
    let report = Contract::new(cache).clock(&clock).run().await;
    report.assert_kept();
    let kept = report.findings().iter().filter(|finding| finding.verdict == Verdict::Kept).count();
    // The memory store has no purger, and there is one instance.
    assert!(kept + 4 > report.findings().len(), "{kept} of {}", report.findings().len());
}

#[test]
fn a_thousand_reads_within_the_span_are_one_load_of_the_store() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    for read in 0..1000 {
        assert_eq!(world.load(&key(1)).unwrap(), "1", "read {read}");
        world.clock.advance(Duration::from_millis(4));
    }
    assert_eq!(world.loads(), 1);
}

#[test]
fn a_cached_record_is_used_for_less_than_the_span() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    world.clock.advance(ALMOST);
    assert_eq!(world.load(&key(1)).unwrap(), "1", "the span allows the old value");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    assert_eq!(world.loads(), 2);
}

#[test]
fn the_span_counts_from_the_start_of_the_store_call() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    world.remote.delay_replies();
    let at = key(1);
    let mut slow = start(world.here.load(&at));
    // The answer takes four seconds. The session changes meanwhile.
    world.remote.release();
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(slow.end().unwrap().unwrap().bytes, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
}

#[test]
fn a_process_sees_its_own_writes_immediately() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.here, &key(1), Some("1"), "2");
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    assert_eq!(world.loads(), 0, "a written record is cached");
    ready(world.here.delete(&key(1))).unwrap();
    assert_eq!(world.load(&key(1)), None);
}

#[test]
fn n1_a_session_that_another_process_ended_is_read_for_the_span_at_most_and_never_written() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "live");
    ready(world.elsewhere.delete(&key(1))).unwrap();
    assert_eq!(world.load(&key(1)).unwrap(), "live");
    // A swap is a conflict. After it, this process does not see the session any more.
    let write = write("revived", world.clock.now().plus(HOUR));
    assert_eq!(ready(world.here.swap(&key(1), Some(b"live"), write)).unwrap(), Swap::Conflict(None));
    assert_eq!(world.load(&key(1)), None);
    assert_eq!(ready(world.remote.load(&key(1))).unwrap(), None);
}

#[test]
fn a_conflict_drops_the_cached_record() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    let late = ready(world.here.swap(&key(1), Some(b"1"), write("late", world.clock.now().plus(HOUR)))).unwrap();
    assert_eq!(late, Swap::Conflict(Some("2".into())));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
}

#[test]
fn an_absent_record_is_not_cached() {
    let world = World::new();
    assert_eq!(world.load(&key(1)), None);
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
}

#[test]
fn s16_no_record_is_cached_past_its_expiry() {
    let world = World::new();
    let short = |from: Timestamp| write("short", from.plus(Duration::from_secs(2)));
    for at in [key(1), key(2)] {
        ready(world.elsewhere.swap(&at, None, short(world.clock.now()))).unwrap();
        assert_eq!(world.load(&at).unwrap(), "short");
    }
    let own = key(3);
    ready(world.here.swap(&own, None, short(world.clock.now()))).unwrap();
    world.clock.advance(Duration::from_millis(1999));
    // The other process extends one of them in its last millisecond. After the expiry of the cached
    // record, the store is called again.
    world.put(&world.elsewhere, &key(2), Some("short"), "renewed");
    assert_eq!(world.load(&own).unwrap(), "short");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.load(&key(1)), None);
    assert_eq!(world.load(&key(2)).unwrap(), "renewed");
    assert_eq!(world.load(&own), None);
}

#[test]
fn a_record_without_an_expiry_is_loaded_again_after_the_span() {
    let world = World::new();
    world.remote.hide_expiry();
    world.put(&world.elsewhere, &key(1), None, "1");
    let found = ready(world.here.load(&key(1))).unwrap().unwrap();
    assert_eq!(found, Loaded { bytes: "1".into(), expires_at: None });
    assert_eq!(ready(world.here.load(&key(1))).unwrap().unwrap(), found);
    assert_eq!(world.loads(), 1);
    world.clock.advance(SPAN);
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    assert_eq!(world.loads(), 2);
}

#[test]
fn n39_a_write_with_a_lost_reply_drops_the_cached_record() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    world.remote.lose_replies(true);
    let next = write("2", world.clock.now().plus(HOUR));
    let error = ready(world.here.swap(&key(1), Some(b"1"), next)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    world.remote.lose_replies(false);
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    world.remote.lose_replies(true);
    assert_eq!(ready(world.here.delete(&key(1))).unwrap_err().kind(), StoreErrorKind::Unknown);
    world.remote.lose_replies(false);
    assert_eq!(world.load(&key(1)), None);
}

#[test]
fn f_a_load_that_fails_is_an_error_once_the_span_is_over() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    world.remote.lose_replies(true);
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.clock.advance(SPAN);
    assert!(ready(world.here.load(&key(1))).is_err());
    world.remote.lose_replies(false);
    assert_eq!(world.load(&key(1)).unwrap(), "1");
}

/// Changes while a load is pending.
#[test]
fn a_load_that_a_change_overtakes_is_not_cached() {
    let at = key(1);
    for deletes in [false, true] {
        let world = World::new();
        world.put(&world.elsewhere, &at, None, "old");
        world.remote.delay_replies();
        let mut slow = start(world.here.load(&at));
        world.remote.release();
        if deletes {
            ready(world.here.delete(&at)).unwrap();
        } else {
            world.put(&world.here, &at, Some("old"), "new");
        }
        // The pending load returns the old record. Later loads do not.
        assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
        assert_eq!(world.load(&at).as_deref(), (!deletes).then_some(b"new".as_slice()), "deletes: {deletes}");
    }
}

#[test]
fn a_load_that_ends_during_a_change_is_dropped_when_the_change_ends() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.remote.delay_requests();
    let mut change = start(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR))));
    world.remote.release();
    assert_eq!(world.load(&at).unwrap(), "old", "the store has not carried out the change yet");
    assert_eq!(change.end().unwrap(), Swap::Done);
    assert_eq!(world.load(&at).unwrap(), "new");
}

#[test]
fn loads_go_to_the_store_from_the_start_of_a_change() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.remote.delay_replies();
    let mut slow = start(world.here.load(&at));
    // The store carries it out, but the reply is pending.
    let change = start(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR))));
    world.remote.release();
    assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
    assert_eq!(world.load(&at).unwrap(), "new");
    drop(change);

    world.put(&world.here, &at, Some("new"), "newer");
    world.remote.delay_replies();
    let change = start(world.here.delete(&at));
    world.remote.release();
    assert_eq!(world.load(&at), None);
    drop(change);
}

#[test]
fn of_two_loads_the_older_answer_is_not_cached() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.remote.delay_replies();
    let mut slow = start(world.here.load(&at));
    world.remote.release();
    world.put(&world.elsewhere, &at, Some("old"), "new");
    assert_eq!(world.load(&at).unwrap(), "new");
    assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
    assert_eq!(world.load(&at).unwrap(), "new", "a load never returns an older record than the one before");
}

#[test]
fn of_two_swaps_the_older_answer_is_not_cached() {
    let (world, at) = (World::new(), key(1));
    let next = |bytes| write(bytes, world.clock.now().plus(HOUR));
    world.put(&world.here, &at, None, "0");
    world.remote.delay_replies();
    let mut first = start(world.here.swap(&at, Some(b"0"), next("1")));
    world.remote.release();
    world.put(&world.here, &at, Some("1"), "2");
    assert_eq!(first.end().unwrap(), Swap::Done);
    assert_eq!(world.load(&at).unwrap(), "2");
}

#[test]
fn a_cancelled_change_drops_the_cached_record() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.here, &at, None, "old");
    world.remote.delay_replies();
    // The store carries it out, and the caller drops the future.
    drop(start(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR)))));
    world.remote.release();
    assert_eq!(world.load(&at).unwrap(), "new");
    let mut slow = {
        world.remote.delay_replies();
        start(world.elsewhere.load(&at))
    };
    world.remote.release();
    assert_eq!(slow.end().unwrap().unwrap().bytes, "new");
}

/// Random histories: calls of two processes, carried out and answered in any order.
#[test]
fn n1_in_any_order_a_load_shows_nothing_older_than_this_process_knew_or_the_span_allows() {
    for seed in 0..3000 {
        remote::history(seed, SPAN);
    }
}

#[test]
fn n27_memory_stays_within_its_bound_over_many_keys() {
    for (memory, size) in [(1 << 20, 1), (4 << 20, 1), (7 << 20, 1), (4 << 20, 1000), (6 << 20, 300), (18 << 20, 1)] {
        let cache = Cached::new(FixedStore::new(size), SPAN).unwrap().max_bytes(memory);
        let info = measure(|| {
            for at in 0..memory / (size + 51 + 300) * 3 / 2 {
                assert_eq!(ready(cache.load(&key(at))).unwrap().unwrap().bytes.len(), size);
            }
        });
        let used = usize::try_from(info.bytes_current).unwrap();
        println!("{} sessions of {size} bytes are cached, in {used} of {memory} bytes", cache.len());
        assert!(used <= memory, "{used} bytes");
        assert!(cache.len() > memory / (size + 51 + 300) * 9 / 10, "{} are cached", cache.len());
    }
    // A record larger than the cache is not cached.
    let cache = Cached::new(FixedStore::new(5000), SPAN).unwrap().max_bytes(4000);
    ready(cache.load(&key(1))).unwrap().unwrap();
    assert!(cache.is_empty());
}

#[test]
fn the_cache_has_the_abilities_of_the_inner_store() {
    let world = World::new();
    let owned = |bytes| okibi_store::Write { owner: Some(Owner::new("ann")), ..write(bytes, Timestamp::MAX) };
    ready(world.elsewhere.swap(&key(1), None, owned("1"))).unwrap();
    assert_eq!(ready(world.here.owners().unwrap().list(&Owner::new("ann"))).unwrap(), [key(1)]);
    assert_eq!(world.here.consistency(), Consistency::Strong);
    assert!(world.here.purger().is_none());
    let plain = Cached::new(FixedStore::new(1), SPAN).unwrap();
    assert_eq!(plain.consistency(), Consistency::Eventual);
    assert!(plain.owners().is_none());
    assert_eq!(ready(plain.purger().unwrap().purge()).unwrap(), 7);
    assert_eq!(plain.inner().size(), 1);
}

#[test]
fn an_invalid_span_is_an_error_that_names_the_fix() {
    for span in [Duration::ZERO, Duration::from_secs(61), Duration::from_secs(5000)] {
        let error = Cached::new(MemoryStore::new(), span).unwrap_err().to_string();
        assert!(error.starts_with("max_staleness of "), "{error}");
        assert!(error.contains("must be longer than zero and at most a minute"), "{error}");
    }
}

#[test]
fn s7_debug_shows_no_key_and_no_value() {
    let world = World::new();
    world.put(&world.here, &StoreKey::new("the key"), None, "the value");
    let shown = format!("{:?}", world.here);
    assert!(!shown.contains("the key") && !shown.contains("the value"), "{shown}");
    assert!(shown.contains("len: 1"), "{shown}");
}
