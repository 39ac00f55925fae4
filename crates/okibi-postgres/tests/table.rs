//! The table: how it is created, what it refuses, and what it stores.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use okibi_postgres::{PostgresStore, SCHEMA};
use okibi_store::{Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp, Write};
use sqlx::{PgPool, Row, postgres::PgConnectOptions};
use support::{Database, held, key, texts, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_instances_migrate_at_once_and_again_later() {
    let database = Database::new("ten").await;
    for _ in 0..5 {
        let migrations = (0..10).map(|_| {
            let pool = database.pool.clone();
            tokio::spawn(async move { PostgresStore::new(pool).migrate().await })
        });
        for migration in migrations.collect::<Vec<_>>() {
            migration.await.unwrap().unwrap();
        }
        let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'okibi_sessions'";
        assert_eq!(database.value::<i64>(indexes).await, 3);
        database.run("DROP TABLE okibi_sessions").await;
    }
    // The schema alone, as a migration of the app, and twice.
    sqlx::raw_sql(SCHEMA).execute(&database.pool).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&database.pool).await.unwrap();
    PostgresStore::new(database.pool.clone()).migrate().await.unwrap();
}

#[tokio::test]
async fn an_index_that_is_missing_is_made() {
    let database = Database::new("missing").await;
    let store = database.store().await;
    database.run("DROP INDEX okibi_sessions_owner").await;
    store.migrate().await.unwrap();
    let index = "SELECT indexdef LIKE '%(owner) WHERE (owner IS NOT NULL)' FROM pg_indexes \
        WHERE indexname = 'okibi_sessions_owner'";
    assert!(database.value::<bool>(index).await);
}

#[tokio::test]
async fn a_table_that_is_there_needs_no_right_to_create_and_waits_for_nobody() {
    let database = Database::new("restricted").await;
    database.store().await;
    database.run("CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON okibi_sessions TO app").await;
    // Another transaction has changed all rows. A migration that locked the table would wait for
    // it.
    let mut other = database.pool.begin().await.unwrap();
    sqlx::raw_sql("UPDATE okibi_sessions SET owner = NULL").execute(&mut *other).await.unwrap();

    let options = PgConnectOptions::new().host("127.0.0.1").port(database.server.port()).database("restricted");
    let pool = PgPool::connect_with(options.username("app")).await.unwrap();
    let store = PostgresStore::new(pool);
    store.migrate().await.unwrap();
    assert_eq!(store.swap(&key(1), None, write("x")).await.unwrap(), Swap::Done);
    assert_eq!(held(&store, &key(1)).await.unwrap(), "x");
    other.rollback().await.unwrap();

    database.run("DROP TABLE okibi_sessions").await;
    let refused = store.migrate().await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains("permission denied for schema public (SQLSTATE 42501)"), "{}", texts(&refused));
    let refused = store.swap(&key(1), None, write("x")).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "there is no table, so nothing was written");
    assert!(texts(&refused).contains("okibi_sessions"), "{}", texts(&refused));
}

#[tokio::test]
async fn an_unlogged_table_is_refused_with_the_fix() {
    let database = Database::new("unlogged").await;
    let store = database.store().await;
    database.run("ALTER TABLE okibi_sessions SET UNLOGGED").await;
    let refused = store.migrate().await.unwrap_err();
    assert!(texts(&refused).contains("ALTER TABLE okibi_sessions SET LOGGED"), "{}", texts(&refused));
    database.run("ALTER TABLE okibi_sessions SET LOGGED").await;
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn rows_are_as_documented() {
    let database = Database::new("documented").await;
    let store = database.store().await;
    let expires_at = Timestamp::from_millis(4_102_444_800_123);
    let owner = Some(Owner::new("ann"));
    store
        .swap(&key("abc"), None, Write { bytes: vec![0, 255, 7].into(), expires_at, owner, keeps: false })
        .await
        .unwrap();
    let row = sqlx::query("SELECT key, encode(value, 'hex'), expires_at, owner FROM okibi_sessions");
    let row = row.fetch_one(&database.pool).await.unwrap();
    assert_eq!(row.get::<&str, _>(0), "session:abc");
    assert_eq!(row.get::<&str, _>(1), "00ff07");
    assert_eq!(row.get::<i64, _>(2), 4_102_444_800_123);
    assert_eq!(row.get::<Option<&str>, _>(3), Some("ann"));
}

#[tokio::test]
async fn a_nul_in_a_key_or_an_owner_is_nowhere_and_is_refused_when_it_is_to_be_written() {
    let database = Database::new("nul").await;
    let store = database.store().await;
    store.swap(&key("a"), None, Write { owner: Some(Owner::new("ann")), ..write("a") }).await.unwrap();
    let (in_key, in_owner) = (StoreKey::new("session:a\0b"), Owner::new("ann\0"));

    let refused = store.swap(&in_key, None, write("x")).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains("the key holds a NUL character"), "{}", texts(&refused));
    let owned = Write { owner: Some(in_owner.clone()), ..write("x") };
    for (key, expected) in [(key("a"), Some(&b"a"[..])), (key("b"), None)] {
        let refused = store.swap(&key, expected, owned.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        assert!(texts(&refused).contains("the owner holds a NUL character"), "{}", texts(&refused));
    }
    assert_eq!(store.load(&in_key).await.unwrap(), None);
    assert_eq!(store.owners().unwrap().list(&in_owner).await.unwrap(), []);
    store.delete(&in_key).await.unwrap();
    assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap(), [key("a")]);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM okibi_sessions").await, 1);
}

/// The row stays on its page and no index is changed if neither expiry nor owner changes.
#[tokio::test]
async fn a_change_that_is_no_renewal_touches_no_index() {
    let database = Database::new("hot").await;
    let store = database.store().await;
    for at in 0..40 {
        store.swap(&key(at), None, write(vec![0; 300])).await.unwrap();
    }
    // If the page is full, the next version of a row goes to another page, and every index changes.
    for at in (0..40).step_by(8) {
        let swap = store.swap(&key(at), Some(&[0; 300]), write(vec![1; 300])).await.unwrap();
        assert_eq!(swap, Swap::Done);
    }
    let renewal = Write { expires_at: Timestamp::from_millis(4_102_444_800_123), ..write("renewed") };
    assert_eq!(store.swap(&key(1), Some(&[0; 300]), renewal).await.unwrap(), Swap::Done);
    // The server counts a connection's changes when the connection has ended.
    let port = database.server.port();
    database.pool.close().await;
    let database = PgPool::connect(&format!("postgres://postgres@127.0.0.1:{port}/hot")).await.unwrap();
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'okibi_sessions'";
    let (mut all, mut hot) = (0, 0);
    for _ in 0..1000 {
        let row = sqlx::query(counts).fetch_one(&database).await.unwrap();
        (all, hot) = (row.get::<i64, _>(0), row.get::<i64, _>(1));
        if all == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((all, hot), (6, 5));
}

#[tokio::test]
async fn s7_what_postgres_says_of_a_row_stays_out_of_errors() {
    let database = Database::new("secrets").await;
    let store = database.store().await;
    database.run("ALTER TABLE okibi_sessions ADD CONSTRAINT short CHECK (length(value) < 20)").await;
    let refused = store.swap(&key("canary-key"), None, write("canary-value".repeat(3))).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains(r#"violates check constraint "short" (SQLSTATE 23514)"#), "{}", texts(&refused));
    let all = format!("{refused:?} {}", texts(&refused));
    assert!(!all.contains("canary"), "{all}");
    assert!(!all.contains("63616e617279"), "{all}");
}
