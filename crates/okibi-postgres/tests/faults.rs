//! A server that is killed, refuses, stalls or cuts its answers: errors are correct, and the pool
//! recovers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use okibi_postgres::PostgresStore;
use okibi_servers::{Mode, PostgresServer, Proxy};
use okibi_store::{Store, StoreErrorKind, Swap};
use sqlx::{PgPool, postgres::PgPoolOptions};
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
async fn small(port: u16) -> PgPool {
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(500));
    options.connect(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn f_s23_a_server_killed_during_commits_loses_nothing_acknowledged_and_no_error_lies() {
    let mut server = PostgresServer::start().unwrap();
    let options = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(2));
    // Without a ping, requests get the broken connections.
    let pool = options.test_before_acquire(false).connect(&server.url()).await.unwrap();
    let store = Arc::new(PostgresStore::new(pool));
    store.migrate().await.unwrap();
    let writers = Writers::begin(&store, false);

    let backends = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query LIKE '%okibi_sessions%' \
        AND pid <> pg_backend_pid()";
    for round in 0..6 {
        writers.onward().await;
        let before = writers.failures();
        if round % 3 == 2 {
            server.kill();
            writers.fail(before).await;
            server.restart().unwrap();
        } else {
            // The connection may have ended, and a writer's error may have closed it.
            let backend = server.psql(backends).parse().unwrap();
            if server.kill_backend(backend).is_ok() {
                writers.fail(before).await;
                server.wait_until_ready().unwrap();
            }
        }
    }
    writers.end().await;
}

#[tokio::test]
async fn f_an_acknowledged_write_is_durable_even_where_the_app_turned_that_off() {
    let mut server = PostgresServer::start_with(&["wal_writer_delay=10s", "synchronous_commit=off"]).unwrap();
    let store = PostgresStore::new(pool(server.port(), 2).await);
    store.migrate().await.unwrap();
    store.swap(&key("ended"), None, write("x")).await.unwrap();
    store.swap(&key("changed"), None, write("1")).await.unwrap();
    assert_eq!(store.swap(&key("changed"), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
    store.delete(&key("ended")).await.unwrap();
    // The app's own write, which that setting cancels.
    let app = pool(server.port(), 1).await;
    sqlx::raw_sql("UPDATE okibi_sessions SET owner = 'ann'").execute(&app).await.unwrap();
    server.kill();
    server.restart().unwrap();
    assert_eq!(held(&store, &key("changed")).await.unwrap(), "2");
    assert_eq!(store.load(&key("ended")).await.unwrap(), None);
    assert_eq!(server.psql("SELECT count(owner) FROM okibi_sessions"), "0", "the test proves nothing");
    assert_eq!(server.psql("SHOW synchronous_commit"), "off");
}

#[tokio::test]
async fn f_a_server_that_is_down_is_unavailable_and_recovers_without_a_restart_of_the_app() {
    let mut server = PostgresServer::start().unwrap();
    let store = PostgresStore::new(small(server.port()).await);
    store.migrate().await.unwrap();
    store.swap(&key(1), None, write("1")).await.unwrap();
    server.kill();
    is_unavailable(&store, "no connection to Postgres").await;
    server.restart().unwrap();
    assert_eq!(held(&store, &key(1)).await.unwrap(), "1");
    assert_eq!(store.swap(&key(1), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn f_n39_a_lost_reply_is_unknown_and_the_witness_tells_what_became_of_it() {
    let server = PostgresServer::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = PostgresStore::new(pool(proxy.port(), 1).await);
    store.migrate().await.unwrap();
    tells_of_lost_replies(&store, &proxy, 7).await;
}

#[tokio::test]
async fn f_s23_what_was_given_up_in_a_stall_leaves_no_broken_connection_in_a_small_pool() {
    let server = PostgresServer::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = PostgresStore::new(small(proxy.port()).await);
    store.migrate().await.unwrap();
    for at in 0..4 {
        store.swap(&key(at), None, write(format!("value {at}"))).await.unwrap();
    }
    proxy.set(Mode::Stall);
    let begun = Instant::now();
    for at in 0..8 {
        let key = key(at % 4);
        let given_up = timeout(SHORT, store.swap(&key, Some(b"x"), write("never"))).await;
        assert!(given_up.is_err() || given_up.unwrap().is_err(), "it stalls");
        assert!(proxy.traffic().open <= 2, "more connections than the pool may have");
    }
    assert!(begun.elapsed() < LONG, "it hangs");
    proxy.set(Mode::Open);
    recover(&store).await;
    // The answer to one request is never used for another.
    for at in 0..4 {
        assert_eq!(held(&store, &key(at)).await.unwrap(), format!("value {at}"));
    }
}

#[tokio::test]
async fn f_s23_a_network_that_swallows_everything_does_not_use_up_the_pool() {
    let server = PostgresServer::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = PostgresStore::new(small(proxy.port()).await);
    store.migrate().await.unwrap();
    outlives_a_silent_network(&store, &proxy).await;
}

#[tokio::test]
async fn f_requests_that_wait_for_a_lock_and_are_given_up_do_not_heap_up_in_the_server() {
    let server = PostgresServer::start().unwrap();
    let store = PostgresStore::new(small(server.port()).await);
    store.migrate().await.unwrap();
    store.swap(&key(0), None, write("0")).await.unwrap();
    let app = pool(server.port(), 1).await;
    let mut lock = app.begin().await.unwrap();
    sqlx::raw_sql("SELECT FROM okibi_sessions FOR UPDATE").execute(&mut *lock).await.unwrap();
    give_up_writes(&store).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let mut count = 0;
    // The first may still be in progress.
    while count == 0 {
        // A transaction sees the activity of its first query.
        sqlx::raw_sql("SELECT pg_stat_clear_snapshot()").execute(&mut *lock).await.unwrap();
        count = sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *lock).await.unwrap();
    }
    assert!(count <= 2, "{count} wait");
    lock.rollback().await.unwrap();
    one_of_them_was_made(&store).await;
}

#[tokio::test]
async fn f_a_connection_that_was_ended_while_it_was_idle_fails_no_request() {
    let server = PostgresServer::start().unwrap();
    let revoke_all = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let store = PostgresStore::new(pool(server.port(), 1).await);
    store.migrate().await.unwrap();
    assert_eq!(server.psql(revoke_all), "1");
    assert_eq!(store.swap(&key(1), None, write("1")).await.unwrap(), Swap::Done);

    // If the app's pool does not ping first, the error claims only what is known, and the next
    // request succeeds.
    let options = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = options.connect(&server.url()).await.unwrap();
    let store = PostgresStore::new(pool.clone());
    held(&store, &key(1)).await.unwrap();
    // Until the connection is back in the pool.
    while pool.num_idle() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    server.psql(revoke_all);
    let error = store.swap(&key(1), Some(b"1"), write("2")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert!(texts(&error).contains("57P01"), "{}", texts(&error));
    assert_eq!(store.swap(&key(1), Some(b"1"), write("2")).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn f_s23_what_postgres_refuses_is_unavailable_and_a_cancelled_statement_is_unknown() {
    let database = Database::new("refused").await;
    let store = database.store().await;
    store.swap(&key(1), None, write("1")).await.unwrap();
    for (setting, code, kind) in [
        ("default_transaction_read_only = on", "25006", StoreErrorKind::Unavailable),
        ("lock_timeout = 100", "55P03", StoreErrorKind::Unavailable),
        ("statement_timeout = 100", "57014", StoreErrorKind::Unknown),
    ] {
        let options = (*database.pool.connect_options()).clone();
        let (name, value) = setting.split_once(" = ").unwrap();
        let store = PostgresStore::new(PgPool::connect_with(options.options([(name, value)])).await.unwrap());
        let mut lock = database.pool.begin().await.unwrap();
        sqlx::raw_sql("SELECT FROM okibi_sessions FOR UPDATE").execute(&mut *lock).await.unwrap();
        let error = store.swap(&key(1), Some(b"1"), write("2")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{setting}: {}", texts(&error));
        assert!(texts(&error).contains(code), "{setting}: {}", texts(&error));
        lock.rollback().await.unwrap();
        assert_eq!(held(&store, &key(1)).await.unwrap(), "1");
    }
}
