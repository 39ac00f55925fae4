//! A server that is killed, refuses, stalls or cuts its answers: errors are correct, and the pool
//! recovers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use okibi_mysql::MysqlStore;
use okibi_servers::{MariaDbServer, Mode, Proxy};
use okibi_store::{Store, StoreErrorKind, Swap};
use sqlx::{Executor as _, MySqlPool, mysql::MySqlPoolOptions};
use support::{
    Database, held, key, pool,
    sql_store::{
        LONG, SHORT, Writers, give_up_writes, is_unavailable, one_of_them_was_made, outlives_a_silent_network, recover,
        tells_of_lost_replies,
    },
    texts, write,
};
use tokio::time::{sleep, timeout};

/// A pool of two connections with short timeouts.
async fn small(port: u16, database: &str) -> MySqlPool {
    let options = MySqlPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(500));
    options.connect(&format!("mysql://okibi@127.0.0.1:{port}/{database}")).await.unwrap()
}

/// Ends connections to a database as an administrator does. They may end by themselves before.
fn end_connections(server: &MariaDbServer, database: &str, most: usize) -> usize {
    let others = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = ";
    let others = server.sql(&format!("{others}'{database}'"));
    others.lines().take(most).filter(|id| server.try_sql(&format!("KILL {id}")).is_ok()).count()
}

/// The server updates its list of waiting transactions only after a tenth of a second without a
/// query of it.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// The connections to a database that wait for a lock.
fn waiting(server: &MariaDbServer, database: &str) -> Vec<String> {
    let waiting = "SELECT id FROM information_schema.innodb_trx \
        JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE trx_state = 'LOCK WAIT' AND db = ";
    server.sql(&format!("{waiting}'{database}'")).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn f_s23_a_server_killed_during_commits_loses_nothing_acknowledged_and_no_error_lies() {
    let mut server = MariaDbServer::start_with(&["innodb_flush_log_at_trx_commit=1"]).unwrap();
    let options = MySqlPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(2));
    // Without a ping, requests get the broken connections.
    let pool = options.test_before_acquire(false).connect(&server.url()).await.unwrap();
    let store = Arc::new(MysqlStore::new(pool));
    store.migrate().await.unwrap();
    let writers = Writers::begin(&store, true);
    for round in 0..6 {
        writers.onward().await;
        let before = writers.failures();
        if round % 3 == 2 {
            server.kill();
            writers.fail(before).await;
            server.restart().unwrap();
        } else {
            // The ended connection may be an idle one.
            while writers.go_on_since(before) {
                end_connections(&server, "okibi", 2);
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    writers.end().await;
}

#[tokio::test]
async fn f_a_server_that_is_down_is_unavailable_and_recovers_without_a_restart_of_the_app() {
    let mut server = MariaDbServer::start().unwrap();
    let store = MysqlStore::new(small(server.port(), "okibi").await);
    store.migrate().await.unwrap();
    store.swap(&key(1), None, write("1")).await.unwrap();
    server.kill();
    is_unavailable(&store, "no connection to the database server").await;
    server.restart().unwrap();
    assert_eq!(held(&store, &key(1)).await.unwrap(), "1");
    assert_eq!(store.swap(&key(1), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn f_n39_a_lost_reply_is_unknown_and_the_witness_tells_what_became_of_it() {
    let database = Database::new("lost").await;
    let proxy = Proxy::start(database.server.port()).unwrap();
    let store = MysqlStore::new(pool(proxy.port(), "lost", 1).await);
    store.migrate().await.unwrap();
    tells_of_lost_replies(&store, &proxy, 4).await;
}

#[tokio::test]
async fn f_s20_s23_what_was_given_up_in_a_stall_leaves_no_broken_connection_in_a_small_pool() {
    let server = MariaDbServer::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = MysqlStore::new(small(proxy.port(), "okibi").await);
    store.migrate().await.unwrap();
    for at in 0..4 {
        store.swap(&key(at), None, write(format!("value {at}"))).await.unwrap();
    }
    // First the network to the server is blocked, then the server.
    for way in [true, false] {
        if way {
            proxy.set(Mode::Stall);
        } else {
            server.stall().unwrap();
        }
        let begun = Instant::now();
        for at in 0..8 {
            let key = key(at % 4);
            let given_up = match at % 2 {
                0 => timeout(SHORT, store.load(&key)).await.map(drop),
                _ => timeout(SHORT, store.swap(&key, Some(b"x"), write("never"))).await.map(drop),
            };
            assert!(given_up.is_err() || proxy.traffic().open == 2, "it stalls");
            assert!(proxy.traffic().open <= 2, "more connections than the pool may have");
        }
        assert!(begun.elapsed() < LONG, "it hangs");
        if way {
            proxy.set(Mode::Open);
        } else {
            server.go_on().unwrap();
        }
        recover(&store).await;
        // The answer to one request is never used for another.
        for at in 0..8 {
            assert_eq!(held(&store, &key(at % 4)).await.unwrap(), format!("value {}", at % 4));
        }
    }
}

#[tokio::test]
async fn f_s23_a_network_that_swallows_everything_does_not_use_up_the_pool() {
    let database = Database::new("silent").await;
    let proxy = Proxy::start(database.server.port()).unwrap();
    let store = MysqlStore::new(small(proxy.port(), "silent").await);
    store.migrate().await.unwrap();
    outlives_a_silent_network(&store, &proxy).await;
}

#[tokio::test]
async fn f_requests_that_wait_for_a_lock_and_are_given_up_do_not_heap_up_in_the_server() {
    let database = Database::new("waiting").await;
    let store = MysqlStore::new(small(database.server.port(), "waiting").await);
    store.migrate().await.unwrap();
    store.swap(&key(0), None, write("0")).await.unwrap();
    let app = pool(database.server.port(), "waiting", 1).await;
    let mut lock = app.begin().await.unwrap();
    lock.execute("SELECT 1 FROM okibi_sessions FOR UPDATE").await.unwrap();
    give_up_writes(&store).await;
    // The first may still be in progress.
    while waiting(&database.server, "waiting").is_empty() {
        sleep(ASK_AGAIN).await;
    }
    assert!(waiting(&database.server, "waiting").len() <= 2);
    lock.rollback().await.unwrap();
    one_of_them_was_made(&store).await;
}

#[tokio::test]
async fn f_a_connection_that_was_ended_while_it_was_idle_fails_no_request() {
    let database = Database::new("ended").await;
    let store = MysqlStore::new(pool(database.server.port(), "ended", 1).await);
    store.migrate().await.unwrap();
    assert!(end_connections(&database.server, "ended", 9) > 0);
    assert_eq!(store.swap(&key(1), None, write("1")).await.unwrap(), Swap::Done);

    // If the app's pool does not ping first, the error claims only what is known, and the next
    // request succeeds.
    let options = MySqlPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = options.connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let store = MysqlStore::new(pool.clone());
    held(&store, &key(1)).await.unwrap();
    // Until the connection is back in the pool.
    while pool.num_idle() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    assert!(end_connections(&database.server, "ended", 9) > 0);
    let error = store.swap(&key(1), Some(b"1"), write("2")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(store.swap(&key(1), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn f_s23_what_the_server_refuses_is_unavailable_and_a_statement_that_was_ended_is_unknown() {
    let database = Database::new("refused").await;
    let store = database.store().await;
    store.swap(&key(1), None, write("1")).await.unwrap();
    for (setting, number, kind) in [
        ("SET SESSION TRANSACTION READ ONLY", "1792", StoreErrorKind::Unavailable),
        ("SET SESSION innodb_lock_wait_timeout = 1", "1205", StoreErrorKind::Unavailable),
        ("SET SESSION innodb_lock_wait_timeout = 50", "1317", StoreErrorKind::Unknown),
    ] {
        let options = MySqlPoolOptions::new()
            .max_connections(1)
            .after_connect(move |connection, _| Box::pin(async move { connection.execute(setting).await.map(drop) }));
        let store = MysqlStore::new(options.connect_with((*database.pool.connect_options()).clone()).await.unwrap());
        let mut lock = database.pool.begin().await.unwrap();
        lock.execute("SELECT 1 FROM okibi_sessions FOR UPDATE").await.unwrap();
        let server = Arc::clone(&database.server);
        let ended = tokio::spawn(async move {
            if kind == StoreErrorKind::Unknown {
                loop {
                    for id in waiting(&server, "refused") {
                        drop(server.sql(&format!("KILL QUERY {id}")));
                    }
                    sleep(ASK_AGAIN).await;
                }
            }
        });
        let error = store.swap(&key(1), Some(b"1"), write("2")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{setting}: {}", texts(&error));
        assert!(texts(&error).contains(number), "{setting}: {}", texts(&error));
        ended.abort();
        assert!(!ended.await.is_err_and(|error| error.is_panic()), "what ends the statement failed");
        lock.rollback().await.unwrap();
        assert_eq!(held(&store, &key(1)).await.unwrap(), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_a_deadlock_with_the_app_is_tried_again() {
    let database = Database::new("deadlock").await;
    database.run("CREATE TABLE work (n INT)").await;
    let store = Arc::new(database.store().await);
    for at in [1, 2] {
        store.swap(&key(at), None, write("1")).await.unwrap();
    }
    // The app has locked the second session and wants the first; a step of the purge has the first
    // and wants the second.
    let mut app = database.pool.begin().await.unwrap();
    app.execute("SELECT 1 FROM okibi_sessions WHERE `key` = 'session:2' FOR UPDATE").await.unwrap();
    // The server aborts the transaction with fewer changes.
    app.execute("INSERT INTO work VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)").await.unwrap();
    let late = MysqlStore::new(database.pool.clone()).clock(|| okibi_store::Timestamp::MAX);
    let purge = tokio::spawn(async move { late.purge().await });
    while waiting(&database.server, "deadlock").is_empty() {
        sleep(ASK_AGAIN).await;
    }
    app.execute("UPDATE okibi_sessions SET owner = 'ann' WHERE `key` = 'session:1'").await.unwrap();
    app.rollback().await.unwrap();
    assert_eq!(purge.await.unwrap().unwrap(), 2);
}
