//! The memory in front of a distant store: what it may keep, for how long, and what makes it forget.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod distant;

use std::{sync::Arc, time::Duration};

use allocation_counter::measure;
use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_store::{
    Bytes, Cached, Consistency, Loaded, MemoryStore, Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp,
};

use distant::{Distant, Under, begun, key, ready, write};

const SPAN: Duration = Duration::from_secs(5);
/// The last time before it is over.
const ALMOST: Duration = Duration::from_millis(4999);
const HOUR: Duration = Duration::from_hours(1);

/// A distant store, and the memories that two processes have in front of it.
struct World {
    clock: VirtualClock,
    distant: Arc<Distant>,
    here: Cached<Arc<Distant>>,
    elsewhere: Cached<Arc<Distant>>,
}

impl World {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let distant = Arc::new(Distant::new(&clock));
        let layer = || Cached::new(Arc::clone(&distant), SPAN).unwrap().clock(clock.reader());
        Self { here: layer(), elsewhere: layer(), distant, clock }
    }

    /// What a load through this process's memory finds.
    fn load(&self, at: &StoreKey) -> Option<Bytes> {
        ready(self.here.load(at)).unwrap().map(|loaded| loaded.bytes)
    }

    /// Writes through a memory.
    fn put(&self, layer: &Cached<Arc<Distant>>, at: &StoreKey, expected: Option<&str>, bytes: &'static str) {
        let write = write(bytes, self.clock.now().plus(HOUR));
        assert_eq!(ready(layer.swap(at, expected.map(str::as_bytes), write)).unwrap(), Swap::Done);
    }

    fn loads(&self) -> usize {
        self.distant.loads()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_layer_keeps_the_contract_on_many_threads() {
    let contract = Contract::new(Cached::new(MemoryStore::new(), SPAN).unwrap()).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn the_layer_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let clock = VirtualClock::new();
    let store = MemoryStore::new().clock(clock.reader());
    let layer = Cached::new(store, Duration::from_mins(1)).unwrap().clock(clock.reader());
    let report = Contract::new(layer).clock(&clock).run().await;
    report.assert_kept();
    let kept = report.findings().iter().filter(|finding| finding.verdict == Verdict::Kept).count();
    // The memory store clears up by itself, and there is one instance.
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
fn what_was_read_is_used_for_less_than_the_span_and_no_longer() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    world.clock.advance(ALMOST);
    assert_eq!(world.load(&key(1)).unwrap(), "1", "this is what the span allows");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    assert_eq!(world.loads(), 2);
}

#[test]
fn the_span_counts_from_when_the_store_was_asked() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    world.distant.hold_replies();
    let at = key(1);
    let mut slow = begun(world.here.load(&at));
    // The answer is under way for four seconds, and the session changes meanwhile.
    world.distant.let_through();
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(slow.end().unwrap().unwrap().bytes, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
}

#[test]
fn what_this_process_does_it_sees_at_once() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.here, &key(1), Some("1"), "2");
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    assert_eq!(world.loads(), 0, "what was written need not be read");
    ready(world.here.delete(&key(1))).unwrap();
    assert_eq!(world.load(&key(1)), None);
}

#[test]
fn n1_a_session_that_ended_elsewhere_is_read_for_the_span_at_most_and_never_written() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "live");
    ready(world.elsewhere.delete(&key(1))).unwrap();
    assert_eq!(world.load(&key(1)).unwrap(), "live");
    // A change finds out, and from then on it is known here.
    let write = write("revived", world.clock.now().plus(HOUR));
    assert_eq!(ready(world.here.swap(&key(1), Some(b"live"), write)).unwrap(), Swap::Conflict(None));
    assert_eq!(world.load(&key(1)), None);
    assert_eq!(ready(world.distant.load(&key(1))).unwrap(), None);
}

#[test]
fn a_conflict_makes_it_forget_so_that_nobody_meets_it_twice() {
    let world = World::new();
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.put(&world.elsewhere, &key(1), Some("1"), "2");
    let late = ready(world.here.swap(&key(1), Some(b"1"), write("late", world.clock.now().plus(HOUR)))).unwrap();
    assert_eq!(late, Swap::Conflict(Some("2".into())));
    assert_eq!(world.load(&key(1)).unwrap(), "2");
}

#[test]
fn what_is_absent_is_not_kept_so_that_a_login_elsewhere_is_seen_at_once() {
    let world = World::new();
    assert_eq!(world.load(&key(1)), None);
    world.put(&world.elsewhere, &key(1), None, "1");
    assert_eq!(world.load(&key(1)).unwrap(), "1");
}

#[test]
fn s16_nothing_is_kept_past_its_own_expiry() {
    let world = World::new();
    let short = |from: Timestamp| write("short", from.plus(Duration::from_secs(2)));
    for at in [key(1), key(2)] {
        ready(world.elsewhere.swap(&at, None, short(world.clock.now()))).unwrap();
        assert_eq!(world.load(&at).unwrap(), "short");
    }
    let own = key(3);
    ready(world.here.swap(&own, None, short(world.clock.now()))).unwrap();
    world.clock.advance(Duration::from_millis(1999));
    // One of them is renewed elsewhere in its last millisecond: that it has expired is then not said, but asked.
    world.put(&world.elsewhere, &key(2), Some("short"), "renewed");
    assert_eq!(world.load(&own).unwrap(), "short");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.load(&key(1)), None);
    assert_eq!(world.load(&key(2)).unwrap(), "renewed");
    assert_eq!(world.load(&own), None);
}

#[test]
fn a_store_that_does_not_tell_the_expiry_is_asked_again_after_the_span() {
    let world = World::new();
    world.distant.tells_no_expiry();
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
fn n39_a_write_whose_answer_was_lost_makes_it_forget() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    world.distant.loses_replies(true);
    let next = write("2", world.clock.now().plus(HOUR));
    let error = ready(world.here.swap(&key(1), Some(b"1"), next)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    world.distant.loses_replies(false);
    assert_eq!(world.load(&key(1)).unwrap(), "2");
    world.distant.loses_replies(true);
    assert_eq!(ready(world.here.delete(&key(1))).unwrap_err().kind(), StoreErrorKind::Unknown);
    world.distant.loses_replies(false);
    assert_eq!(world.load(&key(1)), None);
}

#[test]
fn f_a_load_that_fails_is_an_error_once_the_span_is_over() {
    let world = World::new();
    world.put(&world.here, &key(1), None, "1");
    world.distant.loses_replies(true);
    assert_eq!(world.load(&key(1)).unwrap(), "1");
    world.clock.advance(SPAN);
    assert!(ready(world.here.load(&key(1))).is_err());
    world.distant.loses_replies(false);
    assert_eq!(world.load(&key(1)).unwrap(), "1");
}

/// What happens while the answer to a load is under way.
#[test]
fn an_answer_that_a_change_overtook_is_not_kept() {
    let at = key(1);
    for deletes in [false, true] {
        let world = World::new();
        world.put(&world.elsewhere, &at, None, "old");
        world.distant.hold_replies();
        let mut slow = begun(world.here.load(&at));
        world.distant.let_through();
        if deletes {
            ready(world.here.delete(&at)).unwrap();
        } else {
            world.put(&world.here, &at, Some("old"), "new");
        }
        // Who asked before gets what lay there then. Nobody else does.
        assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
        assert_eq!(world.load(&at).as_deref(), (!deletes).then_some(b"new".as_slice()), "deletes: {deletes}");
    }
}

#[test]
fn an_answer_that_arrives_in_the_middle_of_a_change_does_not_outlive_it() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.distant.hold_requests();
    let mut change = begun(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR))));
    world.distant.let_through();
    assert_eq!(world.load(&at).unwrap(), "old", "the change has not reached the store yet");
    assert_eq!(change.end().unwrap(), Swap::Done);
    assert_eq!(world.load(&at).unwrap(), "new");
}

#[test]
fn from_when_a_change_begins_the_store_is_asked() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.distant.hold_replies();
    let mut slow = begun(world.here.load(&at));
    // It is carried out, but nobody knows yet.
    let change = begun(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR))));
    world.distant.let_through();
    assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
    assert_eq!(world.load(&at).unwrap(), "new");
    drop(change);

    world.put(&world.here, &at, Some("new"), "newer");
    world.distant.hold_replies();
    let change = begun(world.here.delete(&at));
    world.distant.let_through();
    assert_eq!(world.load(&at), None);
    drop(change);
}

#[test]
fn of_two_answers_to_loads_the_older_one_is_not_kept() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.elsewhere, &at, None, "old");
    world.distant.hold_replies();
    let mut slow = begun(world.here.load(&at));
    world.distant.let_through();
    world.put(&world.elsewhere, &at, Some("old"), "new");
    assert_eq!(world.load(&at).unwrap(), "new");
    assert_eq!(slow.end().unwrap().unwrap().bytes, "old");
    assert_eq!(world.load(&at).unwrap(), "new", "what was new once is not old again");
}

#[test]
fn of_two_answers_to_swaps_the_older_one_is_not_kept() {
    let (world, at) = (World::new(), key(1));
    let next = |bytes| write(bytes, world.clock.now().plus(HOUR));
    world.put(&world.here, &at, None, "0");
    world.distant.hold_replies();
    let mut first = begun(world.here.swap(&at, Some(b"0"), next("1")));
    world.distant.let_through();
    world.put(&world.here, &at, Some("1"), "2");
    assert_eq!(first.end().unwrap(), Swap::Done);
    assert_eq!(world.load(&at).unwrap(), "2");
}

#[test]
fn a_change_that_nobody_waits_for_any_more_makes_it_forget() {
    let (world, at) = (World::new(), key(1));
    world.put(&world.here, &at, None, "old");
    world.distant.hold_replies();
    // The store carries it out; the request has gone.
    drop(begun(world.here.swap(&at, Some(b"old"), write("new", world.clock.now().plus(HOUR)))));
    world.distant.let_through();
    assert_eq!(world.load(&at).unwrap(), "new");
    let mut slow = {
        world.distant.hold_replies();
        begun(world.elsewhere.load(&at))
    };
    world.distant.let_through();
    assert_eq!(slow.end().unwrap().unwrap().bytes, "new");
}

/// Random histories: calls of this process and of another, carried out and answered in any order.
#[test]
fn n1_whatever_the_order_nothing_older_is_seen_than_was_known_here_or_than_the_span_allows() {
    for seed in 0..3000 {
        distant::history(seed, SPAN);
    }
}

#[test]
fn n27_memory_stays_within_its_bound_over_many_keys() {
    for (memory, size) in [(1 << 20, 1), (4 << 20, 1), (7 << 20, 1), (4 << 20, 1000), (6 << 20, 300), (18 << 20, 1)] {
        let layer = Cached::new(Under::new(size), SPAN).unwrap().max_bytes(memory);
        let info = measure(|| {
            for at in 0..memory / (size + 51 + 300) * 3 / 2 {
                assert_eq!(ready(layer.load(&key(at))).unwrap().unwrap().bytes.len(), size);
            }
        });
        let used = usize::try_from(info.bytes_current).unwrap();
        println!("{} sessions of {size} bytes are kept, in {used} of {memory} bytes", layer.len());
        assert!(used <= memory, "{used} bytes");
        assert!(layer.len() > memory / (size + 51 + 300) * 9 / 10, "{} are kept", layer.len());
    }
    // What is too large is not kept, and does not push out what is.
    let layer = Cached::new(Under::new(5000), SPAN).unwrap().max_bytes(4000);
    ready(layer.load(&key(1))).unwrap().unwrap();
    assert!(layer.is_empty());
}

#[test]
fn what_the_store_inside_can_do_the_layer_can_do() {
    let world = World::new();
    let owned = |bytes| okibi_store::Write { owner: Some(Owner::new("ann")), ..write(bytes, Timestamp::MAX) };
    ready(world.elsewhere.swap(&key(1), None, owned("1"))).unwrap();
    assert_eq!(ready(world.here.owners().unwrap().list(&Owner::new("ann"))).unwrap(), [key(1)]);
    assert_eq!(world.here.consistency(), Consistency::Strong);
    assert!(world.here.purger().is_none());
    let plain = Cached::new(Under::new(1), SPAN).unwrap();
    assert_eq!(plain.consistency(), Consistency::Eventual);
    assert!(plain.owners().is_none());
    assert_eq!(ready(plain.purger().unwrap().purge()).unwrap(), 7);
    assert_eq!(plain.inner().size(), 1);
}

#[test]
fn a_span_that_cannot_be_meant_is_an_error_that_names_the_fix() {
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
