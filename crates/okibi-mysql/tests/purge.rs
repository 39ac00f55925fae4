//! The purge of expired sessions, while other transactions use the table.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use okibi_contract::VirtualClock;
use okibi_store::{Owner, Store, Swap, Timestamp, Write, purge_every, system_time};
use sqlx::AssertSqlSafe;
use support::{Database, held, key, write};

const COUNT: &str = "SELECT COUNT(*) FROM okibi_sessions";

/// Expired rows, `session:1` and so on, many of them in the same millisecond.
async fn expire(database: &Database, count: u32) {
    let mut insert = "INSERT INTO okibi_sessions VALUES ('session:0', '', 1000, NULL)".to_owned();
    for at in 1..count {
        let owner = if at % 2 == 0 { "'ann'" } else { "NULL" };
        write!(insert, ", ('session:{at}', 'x', {}, {owner})", 1000 + at % 5).unwrap();
    }
    database.run(&insert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n27_purge_goes_step_by_step_and_several_may_do_it_at_once() {
    let database = Database::new("steps").await;
    let store = Arc::new(database.store().await);
    store.swap(&key("live"), None, write("live")).await.unwrap();
    expire(&database, 2345).await;
    let purges = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.purge().await.unwrap() })
    });
    let mut all = 0;
    for purge in purges.collect::<Vec<_>>() {
        all += purge.await.unwrap();
    }
    assert_eq!(all, 2345, "each row is counted once");
    assert_eq!(database.number(COUNT).await, 1);
    assert_eq!(store.purge().await.unwrap(), 0);
    assert_eq!(held(&store, &key("live")).await.unwrap(), "live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n27_a_purge_and_a_hundred_writers_don_t_disturb_each_other() {
    let database = Database::new("busy").await;
    let store = Arc::new(database.store().await);
    expire(&database, 3000).await;
    let writers = (0..100).map(|at| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // Between deleted rows, and in the place of some of them.
            for key in [key(format!("{at}:new")), key(at)] {
                assert_eq!(store.swap(&key, None, write("1")).await.unwrap(), Swap::Done);
                assert_eq!(store.swap(&key, Some(b"1"), write("2")).await.unwrap(), Swap::Done);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let purged = store.purge().await.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    assert!((2900..=3000).contains(&purged), "{purged}");
    assert_eq!(database.number("SELECT COUNT(*) FROM okibi_sessions WHERE value = '2'").await, 200);
    assert_eq!(database.number(COUNT).await, 200);
}

#[tokio::test]
async fn n27_sessions_are_served_while_a_purge_is_in_the_middle_of_a_step() {
    let database = Database::new("served").await;
    let store = database.store().await;
    expire(&database, 1000).await;
    store.swap(&key("live"), None, write("1")).await.unwrap();
    // A step of the store's purge that has not committed.
    let keys: Vec<String> = (0..200).map(|at| format!("'session:{}'", at * 5)).collect();
    let mut step = database.pool.begin().await.unwrap();
    let rows = format!(
        "DELETE held FROM okibi_sessions AS held FORCE INDEX (PRIMARY)
        WHERE held.expires_at <= 5000 AND held.`key` IN ({})",
        keys.join(", ")
    );
    let deleted = sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut *step).await.unwrap();
    assert_eq!(deleted.rows_affected(), 200);
    let served = async {
        assert_eq!(store.swap(&key("live"), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
        for new in ["", "00", "1:", "24", "99999", "new", "zzz"] {
            // Between deleted rows, and after the last of them.
            assert_eq!(store.swap(&key(format_args!("{new}+")), None, write("new")).await.unwrap(), Swap::Done);
        }
        assert_eq!(store.swap(&key(1), None, write("in its place")).await.unwrap(), Swap::Done);
        assert_eq!(held(&store, &key("live")).await.unwrap(), "2");
        assert_eq!(store.load(&key(5)).await.unwrap(), None);
        store.delete(&key("new+")).await.unwrap();
        assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), []);
    };
    tokio::time::timeout(Duration::from_mins(1), served).await.expect("a request waits for the purge");
    step.commit().await.unwrap();
    assert_eq!(store.purge().await.unwrap(), 799);
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
        expire(&database, 300).await;
        while database.number(COUNT).await > 0 {
            assert!(!task.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    task.stop().await;
    let expired = Write { expires_at: Timestamp::from_millis(system_time().as_millis() - 1), ..write("x") };
    store.swap(&key(1), None, expired).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(database.number(COUNT).await, 1, "a cancelled task purges no more");
}
