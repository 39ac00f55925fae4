//! Internals: the settings of the connections, the query plans, and blocked threads.

use std::{
    future::poll_fn,
    sync::{Arc, mpsc},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use okibi_store::{BoxFuture, Bytes, StoreErrorKind};
use rusqlite::named_params;

use super::*;

fn key(at: impl fmt::Display) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

fn write(bytes: impl Into<Bytes>) -> Write {
    Write { bytes: bytes.into(), expires_at: Timestamp::MAX, owner: None, keeps: false }
}

fn file() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    (folder, store)
}

/// Keeps a worker busy until the sender that it returns is dropped.
fn hold(worker: &Arc<Worker>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    let held: BoxFuture<'static, ()> = Box::pin({
        let worker = Arc::clone(worker);
        async move {
            let work = worker.run(move |_| {
                started.send(()).unwrap();
                assert!(released.recv().is_err());
                Ok(())
            });
            work.await.unwrap();
        }
    });
    tokio::spawn(held);
    // The runtime's other threads start the task.
    start.recv().unwrap();
    release
}

/// Polls a future once, which hands its request to the worker.
fn begin<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn the_connections_are_durable_and_the_reader_only_reads() {
    const FULL: i64 = 2;
    let (_folder, store) = file();
    let settings = |connection: &rusqlite::Connection| {
        let text = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok((text("journal_mode")?, number("synchronous")?, number("query_only")?))
    };
    assert_eq!(store.writes.run(settings).await.unwrap(), ("wal".into(), FULL, 0));
    let (journal, _, query_only) = store.reads.run(settings).await.unwrap();
    assert_eq!((journal.as_str(), query_only), ("wal", 1));
    let refused = store.reads.run(|connection| sql::delete(connection, "session:1")).await;
    assert!(matches!(refused, Err(WorkerError::Sqlite(_))), "the reader must not write: {refused:?}");
}

#[tokio::test]
async fn lists_and_purges_use_their_indexes() {
    let (_folder, store) = file();
    let plans = store.writes.run(|connection| {
        let mut list = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql::LIST))?;
        let list = list.query_row(named_params! { ":owner": "ann", ":now": 1 }, |row| row.get::<_, String>(3))?;
        let mut purge = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql::PURGE))?;
        let purge: Vec<String> =
            purge.query_map(named_params! { ":now": 1, ":limit": 1 }, |row| row.get(3))?.collect::<Result<_, _>>()?;
        Ok((list, purge.join("; ")))
    });
    let (list, purge) = plans.await.unwrap();
    assert!(list.contains("USING INDEX okibi_sessions_owner (owner=?)"), "{list}");
    assert!(purge.contains("USING COVERING INDEX okibi_sessions_expires_at (expires_at<?)"), "{purge}");
    assert!(!purge.contains("SCAN okibi_sessions"), "{purge}");
}

#[tokio::test]
async fn f_a_full_disk_is_an_error_and_what_was_acknowledged_stays() {
    let (_folder, store) = file();
    let limit = |pages: i64| {
        store.writes.run(move |connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
        })
    };
    assert_eq!(limit(40).await.unwrap(), 40);
    let mut acknowledged = 0;
    let error = loop {
        match store.swap(&key(acknowledged), None, write(vec![7; 3000])).await {
            Ok(swap) => assert_eq!(swap, Swap::Done),
            Err(error) => break error,
        }
        acknowledged += 1;
        assert!(acknowledged < 1000, "the database never got full");
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("database or disk is full"), "{cause}");
    assert!(acknowledged > 5);

    assert_eq!(store.load(&key(acknowledged)).await.unwrap(), None, "nothing of the refused write is there");
    for at in 0..acknowledged {
        assert_eq!(store.load(&key(at)).await.unwrap().unwrap().bytes, vec![7; 3000]);
    }
    let longer = store.swap(&key(0), Some(&[7; 3000]), write(vec![8; 30_000])).await.unwrap_err();
    assert_eq!(longer.kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.load(&key(0)).await.unwrap().unwrap().bytes, vec![7; 3000]);

    store.delete(&key(0)).await.unwrap();
    let again = store.swap(&key(acknowledged), None, write(vec![7; 3000])).await.unwrap();
    assert_eq!(again, Swap::Done, "once there is room, it works again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_future_was_dropped_before_its_turn_is_not_carried_out() {
    let (_folder, store) = file();
    let release = hold(&store.writes);
    let mut dropped = Box::pin(store.swap(&KEY, None, write("dropped")));
    assert!(begin(&mut dropped).is_pending());
    drop(dropped);
    drop(release);
    let awaited = key("awaited");
    assert_eq!(store.swap(&awaited, None, write("awaited")).await.unwrap(), Swap::Done);
    assert_eq!(store.load(&KEY).await.unwrap(), None);
}

static KEY: std::sync::LazyLock<StoreKey> = std::sync::LazyLock::new(|| key("static"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_does_not_wait_for_writes() {
    let (_folder, store) = file();
    assert_eq!(store.swap(&KEY, None, write("there")).await.unwrap(), Swap::Done);
    let release = hold(&store.writes);
    assert_eq!(store.load(&KEY).await.unwrap().unwrap().bytes, "there");
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_share_a_transaction_see_each_other_and_are_not_failed_by_one_that_fails() {
    let (_folder, store) = file();
    let limit = store
        .writes
        .run(|connection| connection.pragma_update_and_check(None, "max_page_count", 40, |row| row.get::<_, i64>(0)));
    limit.await.unwrap();
    let keys = [key("first"), key("too much"), key("last")];
    let release = hold(&store.writes);
    let mut first = Box::pin(store.swap(&keys[0], None, write("1")));
    let mut second = Box::pin(store.swap(&keys[0], None, write("2")));
    let mut too_much = Box::pin(store.swap(&keys[1], None, write(vec![7; 300_000])));
    let mut last = Box::pin(store.swap(&keys[2], None, write("3")));
    for waiting in [&mut first, &mut second, &mut too_much, &mut last] {
        assert!(begin(waiting).is_pending());
    }
    drop(release);
    assert_eq!(first.await.unwrap(), Swap::Done);
    assert_eq!(second.await.unwrap(), Swap::Conflict(Some(Bytes::from_static(b"1"))));
    assert_eq!(too_much.await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(last.await.unwrap(), Swap::Done);
    assert_eq!(store.load(&keys[0]).await.unwrap().unwrap().bytes, "1");
    assert_eq!(store.load(&keys[1]).await.unwrap(), None);
    assert_eq!(store.load(&keys[2]).await.unwrap().unwrap().bytes, "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_refuses_at_once_and_empties_again() {
    let (_folder, store) = file();
    let release = hold(&store.writes);
    let mut waiting = Vec::new();
    let error = loop {
        let mut delete = Box::pin(store.delete(&KEY));
        match begin(&mut delete) {
            Poll::Pending => waiting.push(delete),
            Poll::Ready(refused) => break refused.unwrap_err(),
        }
        assert!(waiting.len() < 100_000, "the queue has no end");
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(waiting.len() >= 1000, "{} requests could wait", waiting.len());
    drop(release);
    for delete in waiting {
        delete.await.unwrap();
    }
    assert_eq!(store.swap(&KEY, None, write("later")).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn s23_an_answer_that_never_comes_is_unknown_and_after_that_the_store_is_unavailable() {
    let (_folder, store) = file();
    let lost = store.writes.run::<(), _>(|_| panic!("this panic is part of the test")).await.unwrap_err();
    assert!(matches!(lost, WorkerError::Lost));
    assert_eq!(lost.of_write().kind(), StoreErrorKind::Unknown);
    // Until the thread has ended, a request may still be accepted, and then its outcome is unknown
    // like that of the first.
    let patience = Instant::now() + Duration::from_mins(1);
    while store.swap(&KEY, None, write("late")).await.unwrap_err().kind() == StoreErrorKind::Unknown {
        assert!(Instant::now() < patience, "the thread takes requests and never answers");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(store.load(&KEY).await.unwrap(), None, "reads continue");
}

#[test]
fn s23_only_a_failure_of_the_system_leaves_a_write_in_doubt() {
    let sqlite = |code| WorkerError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    for (code, kind) in [
        (rusqlite::ffi::SQLITE_BUSY, StoreErrorKind::Unavailable),
        (rusqlite::ffi::SQLITE_FULL, StoreErrorKind::Unavailable),
        (rusqlite::ffi::SQLITE_CORRUPT, StoreErrorKind::Unavailable),
        (rusqlite::ffi::SQLITE_READONLY, StoreErrorKind::Unavailable),
        (rusqlite::ffi::SQLITE_IOERR, StoreErrorKind::Unknown),
        (rusqlite::ffi::SQLITE_IOERR_FSYNC, StoreErrorKind::Unknown),
    ] {
        assert_eq!(sqlite(code).of_write().kind(), kind, "code {code}");
        assert_eq!(sqlite(code).of_read().kind(), StoreErrorKind::Unavailable, "code {code}");
    }
}

#[tokio::test]
async fn dropping_the_store_ends_its_threads_and_closes_the_file() {
    let (folder, store) = file();
    store.swap(&KEY, None, write("kept")).await.unwrap();
    let log = folder.path().join("sessions.db-wal");
    assert!(log.exists());
    drop(store);
    // SQLite removes the log when the last connection closes.
    let patience = Instant::now() + Duration::from_mins(1);
    while log.exists() {
        assert!(Instant::now() < patience, "the database is still open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let store = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    assert_eq!(store.load(&KEY).await.unwrap().unwrap().bytes, "kept");
}

#[tokio::test]
async fn n27_purge_deletes_expired_rows_step_by_step_and_lets_others_in_between() {
    let (_folder, store) = file();
    let store = store.clock(|| Timestamp::from_millis(1000));
    let rows = i64::from(PURGE_STEP) * 3 + 7;
    store
        .writes
        .run(move |connection| {
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO okibi_sessions SELECT 'session:' || i, x'00', 1000 - i % 10, NULL FROM n",
                [rows],
            )
        })
        .await
        .unwrap();
    let live = Write { expires_at: Timestamp::from_millis(1001), ..write("live") };
    store.swap(&key("live"), None, live).await.unwrap();

    let mut purge = Box::pin(store.purge());
    let mut steps = 0;
    let purged = poll_fn(|context| {
        steps += 1;
        purge.as_mut().poll(context)
    });
    assert_eq!(i64::try_from(purged.await.unwrap()).unwrap(), rows);
    assert!(steps >= 4, "{steps} steps");
    assert_eq!(store.purge().await.unwrap(), 0);
    assert!(store.load(&key("live")).await.unwrap().is_some());
}
