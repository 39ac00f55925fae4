//! The table: how it is created, what it refuses, and what it stores.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use okibi_mysql::{MysqlStore, SCHEMA};
use okibi_store::{Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp, Write};
use sqlx::{Executor as _, MySqlPool, Row, mysql::MySqlPoolOptions};
use support::{Database, held, key, texts, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_instances_migrate_at_once_and_again_later() {
    let database = Database::new("ten").await;
    for _ in 0..5 {
        let migrations = (0..10).map(|_| {
            let pool = database.pool.clone();
            tokio::spawn(async move { MysqlStore::new(pool).migrate().await })
        });
        for migration in migrations.collect::<Vec<_>>() {
            migration.await.unwrap().unwrap();
        }
        let indexes = "SELECT COUNT(DISTINCT index_name) FROM information_schema.statistics
            WHERE table_schema = 'ten' AND table_name = 'okibi_sessions'";
        assert_eq!(database.number(indexes).await, 3);
        database.run("DROP TABLE okibi_sessions").await;
    }
    // The schema alone, as a migration of the app, and twice.
    sqlx::raw_sql(SCHEMA).execute(&database.pool).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&database.pool).await.unwrap();
    MysqlStore::new(database.pool.clone()).migrate().await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_there_needs_no_right_to_create_and_waits_for_nobody() {
    let database = Database::new("restricted").await;
    database.store().await;
    database
        .run("CREATE USER app@'%'; GRANT SELECT, INSERT, UPDATE, DELETE ON restricted.okibi_sessions TO app@'%'")
        .await;
    // Another transaction has changed a row. A change of the table's definition would wait for it.
    let mut other = database.pool.begin().await.unwrap();
    sqlx::raw_sql("UPDATE okibi_sessions SET owner = NULL").execute(&mut *other).await.unwrap();

    let url = format!("mysql://app@127.0.0.1:{}/restricted", database.server.port());
    let store = MysqlStore::new(MySqlPool::connect(&url).await.unwrap());
    store.migrate().await.unwrap();
    other.rollback().await.unwrap();
    assert_eq!(store.swap(&key(1), None, write("x")).await.unwrap(), Swap::Done);
    assert_eq!(held(&store, &key(1)).await.unwrap(), "x");

    database.run("DROP TABLE okibi_sessions").await;
    let refused = store.migrate().await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains("CREATE command denied to user 'app'"), "{}", texts(&refused));
    let refused = store.swap(&key(1), None, write("x")).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable, "there is no table, so nothing was written");
    assert!(texts(&refused).contains("okibi_sessions"), "{}", texts(&refused));
}

#[tokio::test]
async fn a_table_without_transactions_is_refused_with_the_fix() {
    let database = Database::new("engines").await;
    let store = database.store().await;
    database.run("ALTER TABLE okibi_sessions ENGINE = MyISAM").await;
    let refused = store.migrate().await.unwrap_err();
    assert!(texts(&refused).contains("kept by MyISAM"), "{}", texts(&refused));
    assert!(texts(&refused).contains("ALTER TABLE okibi_sessions ENGINE = InnoDB"), "{}", texts(&refused));
    database.run("ALTER TABLE okibi_sessions ENGINE = InnoDB").await;
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn connections_that_do_not_commit_are_refused_with_the_fix() {
    let database = Database::new("uncommitted").await;
    let options = MySqlPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move { connection.execute("SET SESSION autocommit = 0").await.map(drop) })
    });
    let pool = options.connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let refused = MysqlStore::new(pool).migrate().await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains("autocommit is off"), "{}", texts(&refused));
}

#[tokio::test]
async fn rows_are_as_documented() {
    let database = Database::new("documented").await;
    let store = database.store().await;
    let expires_at = Timestamp::from_millis(4_102_444_800_123);
    let owner = Some(Owner::new("änn"));
    store
        .swap(&key("abc"), None, Write { bytes: vec![0, 255, 7].into(), expires_at, owner, keeps: false })
        .await
        .unwrap();
    let row = sqlx::query("SELECT `key`, HEX(value), expires_at, HEX(owner) FROM okibi_sessions");
    let row = row.fetch_one(&database.pool).await.unwrap();
    assert_eq!(row.get::<Vec<u8>, _>(0), b"session:abc");
    assert_eq!(row.get::<String, _>(1), "00FF07");
    assert_eq!(row.get::<i64, _>(2), 4_102_444_800_123);
    assert_eq!(row.get::<String, _>(3), "C3A46E6E");
}

#[tokio::test]
async fn what_the_table_has_no_room_for_is_refused_and_never_cut_off() {
    let database = Database::new("room").await;
    let options = MySqlPoolOptions::new().after_connect(|connection, _| {
        // A server that truncates long values without an error.
        Box::pin(async move { connection.execute("SET SESSION sql_mode = ''").await.map(drop) })
    });
    let pool = options.connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let store = MysqlStore::new(pool);
    store.migrate().await.unwrap();
    let long = |length| "x".repeat(length);
    let (fits, fits_not) = (StoreKey::new(long(512)), StoreKey::new(long(513)));
    assert_eq!(store.swap(&fits, None, write("held")).await.unwrap(), Swap::Done);
    for expected in [None, Some(&b"held"[..])] {
        let refused = store.swap(&fits_not, expected, write("x")).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        let text = "the key has 513 bytes, more than the 512 that its column holds";
        assert!(texts(&refused).contains(text), "{}", texts(&refused));
    }
    assert_eq!(store.load(&fits_not).await.unwrap(), None);
    store.delete(&fits_not).await.unwrap();
    assert_eq!(held(&store, &fits).await.unwrap(), "held");

    for (length, is_kept) in [(65_535, true), (65_536, false)] {
        let owner = Owner::new(long(length));
        let swap = store.swap(&key(length), None, Write { owner: Some(owner.clone()), ..write("x") }).await;
        assert_eq!(swap.is_ok(), is_kept);
        let listed = store.owners().unwrap().list(&owner).await.unwrap();
        assert_eq!(listed, if is_kept { vec![key(length)] } else { vec![] });
    }
}

#[tokio::test]
async fn s7_what_the_server_says_of_a_row_stays_out_of_errors() {
    let database = Database::new("secrets").await;
    let store = database.store().await;
    database.run("ALTER TABLE okibi_sessions ADD CONSTRAINT short CHECK (LENGTH(value) < 20)").await;
    let refused = store.swap(&key("canary-key"), None, write("canary-value".repeat(3))).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&refused).contains("short"), "{}", texts(&refused));
    database.run("ALTER TABLE okibi_sessions DROP CONSTRAINT short, ADD UNIQUE (expires_at)").await;
    store.swap(&key("canary-key"), None, write("1")).await.unwrap();
    store.swap(&key("canary-two"), None, Write { expires_at: Timestamp::from_millis(1), ..write("2") }).await.unwrap();
    let twice = store.swap(&key("canary-two"), None, write("canary-value")).await.unwrap();
    assert_eq!(twice, Swap::Conflict(None), "a duplicate of another row");
    let all = format!("{refused:?} {}", texts(&refused));
    assert!(!all.contains("canary"), "{all}");
    assert!(!all.contains("63616e617279"), "{all}");
}
