//! The costs of the memory store: bytes for each stored session, and allocations for each call.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use okibi_store::{DynStore, MemoryStore, Owner, Store, StoreKey, Swap, Timestamp, Write};

/// Runs a future of the memory store, which never has to wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the memory store waited"),
    }
}

/// A key in the engine's format: a namespace and 43 characters.
fn key(at: usize) -> StoreKey {
    StoreKey::new(format!("session:{at:043}"))
}

fn write(bytes: Bytes, owner: Option<Owner>) -> Write {
    Write { bytes, expires_at: Timestamp::MAX, owner, keeps: false }
}

fn allocations(info: &AllocationInfo) -> u64 {
    info.count_total
}

#[test]
fn memory_budget_a_held_session_costs_at_most_400_bytes_beyond_its_data() {
    const DATA: usize = 300;
    // Just after the tables of all shards have doubled, and when the store is full.
    for (capacity, sessions) in
        [(100_000, 33_500), (100_000, 66_500), (100_000, 98_000), (100_000, 200_000), (1000, 600)]
    {
        for with_owner in [false, true] {
            let store = MemoryStore::with_capacity(capacity);
            let info = measure(|| {
                for at in 0..sessions {
                    let owner = with_owner.then(|| Owner::new(format!("user-{at:07}")));
                    let write = write(Bytes::from(vec![7; DATA]), owner);
                    assert_eq!(ready(Store::swap(&store, &key(at), None, write)).unwrap(), Swap::Done);
                }
            });
            let held = store.len();
            let each = usize::try_from(info.bytes_current).unwrap() / held;
            println!("{held:6} sessions, owner {with_owner}: {} bytes beyond the data of each", each - DATA);
            assert!(each - DATA <= 400, "{held} sessions, owner {with_owner}: {} bytes beyond the data", each - DATA);
        }
    }
}

#[test]
fn memory_budget_a_purge_frees_the_memory_of_expired_sessions() {
    let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let reader = std::sync::Arc::clone(&now);
    let clock = move || Timestamp::from_millis(reader.load(std::sync::atomic::Ordering::SeqCst));
    let store = MemoryStore::new().clock(clock);
    let info = measure(|| {
        for at in 0..10_000 {
            let owner = Some(Owner::new(format!("user-{at:07}")));
            let write = Write { expires_at: Timestamp::from_millis(5), ..write(Bytes::from(vec![7; 1000]), owner) };
            ready(Store::swap(&store, &key(at), None, write)).unwrap();
        }
        now.store(5, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(store.purge(), 10_000);
    });
    assert!(info.bytes_current < 10_000 * 200, "{} bytes remain of 10 MB of expired sessions", info.bytes_current);
}

#[test]
fn memory_budget_a_load_allocates_nothing_but_the_boxed_future() {
    for bytes in [Bytes::from(vec![1; 300]), Bytes::from(Vec::with_capacity(512)), Bytes::from_static(b"static")] {
        let store = MemoryStore::new();
        let at = key(1);
        ready(Store::swap(&store, &at, None, write(bytes.clone(), None))).unwrap();
        let direct = measure(|| {
            assert!(ready(Store::load(&store, &at)).unwrap().is_some());
        });
        assert_eq!(allocations(&direct), 0, "a direct load");
        let boxed = measure(|| {
            assert!(ready(DynStore::load(&store, &at)).unwrap().is_some());
        });
        assert_eq!(allocations(&boxed), 1, "a load through DynStore");
    }
}

#[test]
fn memory_budget_a_swap_allocates_at_most_one_reference_count() {
    let store = MemoryStore::new();
    let at = key(1);
    let owner = || Some(Owner::new("ann"));
    let first = Bytes::from(vec![1; 300]);
    ready(Store::swap(&store, &at, None, write(first.clone(), owner()))).unwrap();

    let exact = write(Bytes::from(vec![2; 300]), owner());
    let info = measure(|| assert_eq!(ready(Store::swap(&store, &at, Some(&first), exact)).unwrap(), Swap::Done));
    assert_eq!(
        allocations(&info),
        1,
        "bytes without spare capacity: one reference count, so that loads do not allocate"
    );

    let mut spare = Vec::with_capacity(512);
    spare.extend_from_slice(&[3; 300]);
    let spare = write(Bytes::from(spare), owner());
    let info = measure(|| assert_eq!(ready(Store::swap(&store, &at, Some(&[2; 300]), spare)).unwrap(), Swap::Done));
    assert_eq!(allocations(&info), 0, "bytes with spare capacity already have a reference count");

    let late = write(Bytes::from_static(b"late"), owner());
    let info = measure(|| {
        let conflict = ready(Store::swap(&store, &at, Some(&[2; 300]), late)).unwrap();
        assert!(matches!(conflict, Swap::Conflict(Some(_))));
    });
    assert_eq!(allocations(&info), 0, "a conflict");

    let info = measure(|| ready(Store::delete(&store, &at)).unwrap());
    assert_eq!(allocations(&info), 0, "a delete");
}
