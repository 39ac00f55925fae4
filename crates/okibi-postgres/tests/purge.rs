//! The purge of expired sessions, while other transactions use the table.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{sync::Arc, time::Duration};

use okibi_contract::VirtualClock;
use okibi_store::{Owner, Store, Swap, Timestamp, Write, purge_every, system_time};
use support::{Database, held, key, write};

const EXPIRED: &str = "INSERT INTO okibi_sessions
    SELECT 'session:' || n, '\\x00', 1000 + n % 10, CASE WHEN n % 2 = 0 THEN 'ann' END FROM generate_series(1, 2345) n";
const COUNT: &str = "SELECT count(*) FROM okibi_sessions";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n27_purge_goes_step_by_step_and_several_may_do_it_at_once() {
    let database = Database::new("steps").await;
    let store = Arc::new(database.store().await);
    store.swap(&key("live"), None, write("live")).await.unwrap();
    database.run(EXPIRED).await;
    let purges = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.purge().await.unwrap() })
    });
    let mut all = 0;
    for purge in purges.collect::<Vec<_>>() {
        all += purge.await.unwrap();
    }
    assert_eq!(all, 2345, "each row is counted once");
    assert_eq!(database.value::<i64>(COUNT).await, 1);
    assert_eq!(store.purge().await.unwrap(), 0);
    assert_eq!(held(&store, &key("live")).await.unwrap(), "live");
}

#[tokio::test]
async fn n27_purge_passes_over_rows_that_somebody_holds_and_does_not_wait_for_them() {
    let database = Database::new("locked").await;
    let store = database.store().await;
    database.run(EXPIRED).await;
    let mut other = database.pool.begin().await.unwrap();
    let lock = "SELECT FROM okibi_sessions WHERE key IN ('session:1', 'session:2') FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut *other).await.unwrap();
    let purged = tokio::time::timeout(Duration::from_mins(1), store.purge()).await;
    assert_eq!(purged.expect("it waits for a lock").unwrap(), 2343);
    other.rollback().await.unwrap();
    assert_eq!(store.purge().await.unwrap(), 2);
}

#[tokio::test]
async fn n27_sessions_are_served_while_a_purge_is_in_the_middle_of_a_step() {
    let database = Database::new("served").await;
    let store = database.store().await;
    database.run(EXPIRED).await;
    store.swap(&key("live"), None, write("1")).await.unwrap();
    // A step of the store's purge that has not committed.
    let mut step = database.pool.begin().await.unwrap();
    let rows = "DELETE FROM okibi_sessions WHERE key = ANY (ARRAY(
        SELECT key FROM okibi_sessions WHERE expires_at <= 5000 LIMIT 500 FOR UPDATE SKIP LOCKED)) RETURNING key";
    let deleted = sqlx::query(rows).fetch_all(&mut *step).await.unwrap();
    assert_eq!(deleted.len(), 500);
    let served = async {
        assert_eq!(store.swap(&key("live"), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
        assert_eq!(store.swap(&key("new"), None, write("new")).await.unwrap(), Swap::Done);
        assert_eq!(held(&store, &key("live")).await.unwrap(), "2");
        assert_eq!(store.load(&key(1)).await.unwrap(), None);
        store.delete(&key("new")).await.unwrap();
        assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), []);
    };
    tokio::time::timeout(Duration::from_mins(1), served).await.expect("a request waits for the purge");
    step.commit().await.unwrap();
    assert_eq!(store.purge().await.unwrap(), 1845);
}

#[tokio::test]
async fn a_session_that_comes_to_life_again_is_not_purged() {
    let database = Database::new("again").await;
    let clock = VirtualClock::new();
    let store = database.store().await.clock(clock.reader());
    let short = Write { expires_at: clock.now().plus(Duration::from_secs(1)), ..write("old") };
    store.swap(&key(1), None, short).await.unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.load(&key(1)).await.unwrap(), None);
    assert_eq!(store.swap(&key(1), None, write("new")).await.unwrap(), Swap::Done);
    assert_eq!(store.purge().await.unwrap(), 0);
    assert_eq!(held(&store, &key(1)).await.unwrap(), "new");
}

#[tokio::test]
async fn n27_purge_runs_as_a_task_until_it_is_cancelled() {
    let database = Database::new("task").await;
    let store = Arc::new(database.store().await);
    let task = purge_every(Arc::clone(&store), Duration::from_millis(20));
    for _ in 0..2 {
        database.run(EXPIRED).await;
        while database.value::<i64>(COUNT).await > 0 {
            assert!(!task.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    task.stop().await;
    let expired = Write { expires_at: Timestamp::from_millis(system_time().as_millis() - 1), ..write("x") };
    store.swap(&key(1), None, expired).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(database.value::<i64>(COUNT).await, 1, "a cancelled task purges no more");
}
