//! The memory store: its capacity, expiry, compare-and-swap and index by owner.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use okibi_store::{Consistency, MemoryStore, Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp, Write};

/// A clock that only `advance` moves.
#[derive(Clone)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn at(millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(millis)))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    fn reader(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

fn key(at: impl std::fmt::Display) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

fn until(expires_at: Timestamp) -> Write {
    Write { bytes: Bytes::from_static(b"held"), expires_at, owner: None, keeps: false }
}

async fn create(store: &MemoryStore, at: impl std::fmt::Display, write: Write) {
    assert_eq!(store.swap(&key(at), None, write).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn n27_the_store_never_holds_more_than_its_capacity() {
    for cap in [1, 2, 10, 33, 1000, 1024, 5000, 5003] {
        let clock = ManualClock::at(1);
        let store = MemoryStore::with_capacity(cap).clock(clock.reader());
        for at in 0..cap * 3 {
            create(&store, at, until(Timestamp::MAX)).await;
            assert!(store.len() <= cap, "cap {cap}: holds {} after {} creations", store.len(), at + 1);
        }
        let filled = if cap < 1024 { cap } else { cap * 9 / 10 };
        assert!(store.len() >= filled, "cap {cap}: only {} places are used", store.len());
    }
}

#[tokio::test]
async fn n27_a_small_store_is_full_before_it_evicts() {
    let store = MemoryStore::with_capacity(500);
    for at in 0..500 {
        create(&store, at, until(Timestamp::MAX)).await;
    }
    for at in 0..500 {
        assert!(store.load(&key(at)).await.unwrap().is_some(), "the store evicted session {at} before it was full");
    }
}

#[tokio::test]
async fn n27_a_store_of_capacity_0_holds_one_session() {
    let store = MemoryStore::with_capacity(0);
    create(&store, "only", until(Timestamp::MAX)).await;
    assert!(store.load(&key("only")).await.unwrap().is_some());
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn n27_a_flood_of_new_sessions_evicts_none_of_the_sessions_in_use() {
    let store = MemoryStore::with_capacity(2000);
    for user in 0..100 {
        create(&store, format_args!("user {user}"), until(Timestamp::MAX)).await;
    }
    for flood in 0..50_000 {
        create(&store, format_args!("flood {flood}"), until(Timestamp::MAX)).await;
        if flood % 500 == 0 {
            for user in 0..100 {
                assert!(
                    store.load(&key(format_args!("user {user}"))).await.unwrap().is_some(),
                    "user {user} was evicted"
                );
            }
        }
    }
    assert!(store.len() <= 2000);
}

#[tokio::test]
async fn n27_writes_of_one_session_drop_the_expired_others() {
    let clock = ManualClock::at(1000);
    let store = MemoryStore::with_capacity(50_000).clock(clock.reader());
    for at in 0..20_000 {
        create(&store, at, until(Timestamp::from_millis(2000))).await;
    }
    assert_eq!(store.len(), 20_000);
    clock.advance(1000);
    create(&store, "busy", Write { bytes: Bytes::from_static(b"0"), ..until(Timestamp::MAX) }).await;
    let mut held = Bytes::from_static(b"0");
    for round in 1..10_000_u32 {
        let next = Bytes::from(round.to_string());
        let write = Write { bytes: next.clone(), ..until(Timestamp::MAX) };
        assert_eq!(store.swap(&key("busy"), Some(&held), write).await.unwrap(), Swap::Done);
        held = next;
    }
    assert_eq!(store.len(), 1, "half as many writes as expired sessions must have swept them all");
}

#[tokio::test]
async fn n27_purge_drops_and_counts_expired_sessions() {
    let clock = ManualClock::at(0);
    let store = MemoryStore::new().clock(clock.reader());
    for at in 0..3000_u64 {
        create(&store, at, until(Timestamp::from_millis(1 + at))).await;
    }
    let swept_by_writes = 3000 - store.len();
    assert_eq!(swept_by_writes, 0, "no session has expired yet");
    clock.advance(1000);
    assert_eq!(store.purge(), 1000);
    assert_eq!(store.purge(), 0);
    assert_eq!(store.len(), 2000);
    assert!(store.load(&key(999)).await.unwrap().is_none());
    assert!(store.load(&key(1000)).await.unwrap().is_some());
}

#[tokio::test]
async fn s16_expiry_is_judged_on_read_to_the_millisecond() {
    let clock = ManualClock::at(100);
    let store = MemoryStore::new().clock(clock.reader());
    create(&store, "a", until(Timestamp::from_millis(200))).await;
    clock.advance(99);
    let loaded = store.load(&key("a")).await.unwrap().unwrap();
    assert_eq!(loaded.expires_at, Some(Timestamp::from_millis(200)));
    clock.advance(1);
    assert_eq!(store.load(&key("a")).await.unwrap(), None);
    let stale = store.swap(&key("a"), Some(b"held"), until(Timestamp::MAX)).await.unwrap();
    assert_eq!(stale, Swap::Conflict(None));
}

#[tokio::test]
async fn n25_owners_follow_writes_removals_expiry_and_being_pushed_out() {
    let clock = ManualClock::at(0);
    let store = MemoryStore::with_capacity(20).clock(clock.reader());
    let ann = Owner::new("ann");
    let owned = |expires_at: u64| Write { owner: Some(ann.clone()), ..until(Timestamp::from_millis(expires_at)) };
    let list = async || {
        let mut keys = store.owners().unwrap().list(&ann).await.unwrap();
        keys.sort();
        keys
    };

    create(&store, 1, owned(10)).await;
    create(&store, 2, owned(20)).await;
    create(&store, 3, Write { owner: Some(Owner::new("anna")), ..owned(20) }).await;
    assert_eq!(list().await, [key(1), key(2)]);

    let marker = Write { bytes: Bytes::from_static(b"marker"), ..until(Timestamp::from_millis(50)) };
    store.swap(&key(2), Some(b"held"), marker).await.unwrap();
    assert_eq!(list().await, [key(1)], "a write without an owner removes the session from the list");
    store.swap(&key(2), Some(b"marker"), owned(30)).await.unwrap();
    assert_eq!(list().await, [key(1), key(2)]);

    clock.advance(10);
    assert_eq!(list().await, [key(2)], "an expired session is not listed");
    store.delete(&key(2)).await.unwrap();
    assert_eq!(list().await, []);

    create(&store, 4, owned(1000)).await;
    for at in 100..200 {
        create(&store, at, until(Timestamp::from_millis(1000))).await;
        store.load(&key(at)).await.unwrap();
        store.load(&key(at)).await.unwrap();
    }
    assert_eq!(store.load(&key(4)).await.unwrap(), None, "the test needs the store to evict session 4");
    assert_eq!(list().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n2_hundred_parallel_increments_make_a_hundred_while_sweeps_and_other_writes_run() {
    let store = Arc::new(MemoryStore::with_capacity(5000));
    create(&store, "counter", Write { bytes: Bytes::from_static(b"0"), ..until(Timestamp::MAX) }).await;
    let mut tasks = Vec::new();
    for task in 0..100 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            for other in 0..20 {
                create(&store, format!("{task}.{other}"), until(Timestamp::from_millis(1))).await;
            }
            let mut held = store.load(&key("counter")).await.unwrap().unwrap().bytes;
            loop {
                let count: u32 = std::str::from_utf8(&held).unwrap().parse().unwrap();
                let write = Write { bytes: Bytes::from((count + 1).to_string()), ..until(Timestamp::MAX) };
                match store.swap(&key("counter"), Some(&held), write).await.unwrap() {
                    Swap::Done => break,
                    Swap::Conflict(current) => held = current.unwrap(),
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.load(&key("counter")).await.unwrap().unwrap().bytes, "100");
}

#[tokio::test]
async fn the_system_clock_is_the_default() {
    let store = MemoryStore::new();
    let now = okibi_store::system_time();
    assert!(now > Timestamp::from_millis(1_700_000_000_000), "the system clock reads {now:?}");
    create(&store, "past", until(now)).await;
    create(&store, "future", until(now.plus(Duration::from_mins(1)))).await;
    assert_eq!(store.load(&key("past")).await.unwrap(), None);
    assert!(store.load(&key("future")).await.unwrap().is_some());
    assert_eq!(store.consistency(), Consistency::Strong);
}

#[tokio::test]
async fn s7_debug_shows_no_key_and_no_value() {
    let store = MemoryStore::new();
    let write = Write { bytes: Bytes::from_static(b"canary-value"), ..until(Timestamp::MAX) };
    create(&store, "canary-key", write).await;
    assert_eq!(format!("{store:?}"), "MemoryStore { len: 1, .. }");
}

#[tokio::test]
async fn expired_sessions_are_evicted_before_live_ones() {
    let clock = ManualClock::at(0);
    let store = MemoryStore::with_capacity(1000).clock(clock.reader());
    for at in 0..1000 {
        create(&store, format_args!("old {at}"), until(Timestamp::from_millis(1000 + at))).await;
        store.load(&key(format_args!("old {at}"))).await.unwrap();
    }
    clock.advance(1499);
    for at in 0..500 {
        create(&store, format_args!("new {at}"), until(Timestamp::MAX)).await;
    }
    for at in 0..500 {
        assert!(store.load(&key(format_args!("new {at}"))).await.unwrap().is_some(), "new session {at} was evicted");
        let old = store.load(&key(format_args!("old {}", 500 + at))).await.unwrap();
        assert!(old.is_some(), "the store evicted live session {} before an expired one", 500 + at);
    }
}

#[tokio::test]
async fn a_new_login_outlives_a_flood_of_others_until_it_is_used() {
    let store = MemoryStore::with_capacity(1000);
    for at in 0..1000 {
        create(&store, format_args!("left {at}"), until(Timestamp::MAX)).await;
        store.load(&key(format_args!("left {at}"))).await.unwrap();
    }
    for login in 0..20 {
        create(&store, format_args!("login {login}"), until(Timestamp::MAX)).await;
        for flood in 0..150 {
            create(&store, format_args!("flood {login} {flood}"), until(Timestamp::MAX)).await;
        }
        assert!(store.load(&key(format_args!("login {login}"))).await.unwrap().is_some(), "login {login} was evicted");
    }
}

#[tokio::test]
async fn m5_a_store_that_refuses_when_full_keeps_its_sessions_until_they_expire() {
    for cap in [10, 2000] {
        let clock = ManualClock::at(0);
        let store = MemoryStore::with_capacity(cap).refuse_when_full().clock(clock.reader());
        assert!(!store.evicts() && MemoryStore::new().evicts());
        let (mut kept, mut refused) = (Vec::new(), None);
        for at in 0..cap * 2 {
            match store.swap(&key(at), None, until(Timestamp::from_millis(1000))).await {
                Ok(swap) => kept.push((at, swap)),
                Err(error) => refused = Some(error),
            }
        }
        assert!(kept.len() <= cap && kept.len() > cap * 8 / 10, "{} of {cap}", kept.len());
        let refused = refused.unwrap();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        let cause = std::error::Error::source(&refused).unwrap().to_string();
        assert_eq!(cause, format!("memory store: its {cap} places are taken; make it with a higher capacity"));
        for (at, _) in &kept {
            assert!(store.load(&key(at)).await.unwrap().is_some(), "{at} was evicted");
        }
        // A stored session can still be written. Expired sessions make room for new ones.
        let first = key(kept[0].0);
        let again = store.swap(&first, Some(b"held"), until(Timestamp::from_millis(3000))).await.unwrap();
        assert_eq!(again, Swap::Done);
        clock.advance(1000);
        create(&store, "anew", until(Timestamp::from_millis(2000))).await;
        assert!(store.load(&first).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_expiry_queue_stays_short_after_many_writes_of_one_session() {
    let clock = ManualClock::at(0);
    let store = MemoryStore::with_capacity(100).clock(clock.reader());
    // One key gets later and earlier expiries in turn. Others are created and deleted.
    create(&store, "busy", until(Timestamp::from_millis(5_000_000))).await;
    for at in 0..100_000_u64 {
        let end = if at % 2 == 0 { 1_000_000 - at } else { 5_000_000 };
        let swapped = store.swap(&key("busy"), Some(b"held"), until(Timestamp::from_millis(end))).await.unwrap();
        assert_eq!(swapped, Swap::Done);
        create(&store, at, until(Timestamp::MAX)).await;
        store.delete(&key(at)).await.unwrap();
    }
    clock.advance(1_000_000);
    assert!(store.load(&key("busy")).await.unwrap().is_some());
    assert_eq!(store.purge(), 0);
    clock.advance(4_000_000);
    assert_eq!(store.purge(), 1);
}
