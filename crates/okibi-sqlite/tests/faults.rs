//! Files that are locked, missing or damaged: the error says so, no panic, and no session is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    error::Error as _,
    fs,
    io::{Seek, SeekFrom, Write as _},
    path::Path,
    time::Instant,
};

use okibi_sqlite::{SCHEMA, SqliteStore};
use okibi_store::{Bytes, Store, StoreError, StoreErrorKind, StoreKey, Swap, Timestamp, Write};
use rusqlite::Connection;

fn key(at: impl std::fmt::Display) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

fn write(bytes: impl Into<Bytes>) -> Write {
    Write { bytes: bytes.into(), expires_at: Timestamp::MAX, owner: None, keeps: false }
}

/// The error's message and that of its cause.
fn texts(error: &StoreError) -> String {
    format!("{error}: {}", error.source().unwrap())
}

#[tokio::test]
async fn f_a_file_that_another_process_keeps_locked_is_unavailable_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    store.swap(&key(1), None, write("before")).await.unwrap();

    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = store.swap(&key(1), Some(b"before"), write("during")).await.unwrap_err();
    let waited = begun.elapsed().as_secs_f32();
    assert!((0.5..60.0).contains(&waited), "it waited {waited} s");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&error).contains("database is locked"), "{}", texts(&error));
    let error = store.swap(&key(2), None, write("during")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.delete(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().bytes, "before", "reads continue under the lock");
    assert!(SqliteStore::open(&path).is_ok(), "a database with its table in place opens under the lock");

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.swap(&key(1), Some(b"before"), write("after")).await.unwrap(), Swap::Done);
    assert_eq!(store.load(&key(2)).await.unwrap(), None);
}

#[tokio::test]
async fn f_a_short_lock_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (locked, key) = (key(1), key(2));
    let unlock = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        other.execute_batch("COMMIT").unwrap();
    };
    let (first, second, ()) =
        tokio::join!(store.swap(&locked, None, write("1")), store.swap(&key, None, write("2")), unlock);
    assert_eq!((first.unwrap(), second.unwrap()), (Swap::Done, Swap::Done));
}

/// Changing its journal mode needs exclusive access.
#[test]
fn f_a_database_of_another_app_that_is_in_use_when_it_is_opened_is_waited_for_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("CREATE TABLE users (name TEXT); BEGIN IMMEDIATE").unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&error).contains("database is locked"), "{}", texts(&error));
    let unlock = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        app.execute_batch("COMMIT").unwrap();
    });
    SqliteStore::open(&path).unwrap();
    unlock.join().unwrap();
}

#[test]
fn f_a_missing_folder_is_an_error_that_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("sessions.db");
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&error).contains(path.to_str().unwrap()), "{}", texts(&error));
    assert!(texts(&error).contains("unable to open database file"), "{}", texts(&error));
    assert!(SqliteStore::open(folder.path()).is_err(), "a folder is no database");
}

#[test]
fn f_a_path_that_means_memory_to_sqlite_is_refused_with_the_way_out() {
    for path in [":memory:", ""] {
        let error = SqliteStore::open(path).unwrap_err();
        assert!(texts(&error).contains("SqliteStore::in_memory"), "{}", texts(&error));
    }
}

#[test]
fn f_a_file_of_another_kind_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    fs::write(&path, "this is no database, and long enough to have a header ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(texts(&error).contains("file is not a database"), "{}", texts(&error));
}

#[test]
fn f_a_table_of_another_shape_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE okibi_sessions (id INTEGER)").unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(texts(&error).contains("no such column"), "{}", texts(&error));
}

/// Overwrites everything after the first page, which contains the schema.
fn damage(path: &Path) {
    let length = fs::metadata(path).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 4096]).unwrap();
}

#[tokio::test]
async fn f_s24_a_damaged_file_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    for at in 0..200 {
        store.swap(&key(at), None, write(format!("canary-{at}").repeat(30))).await.unwrap();
    }
    drop(store);
    // After the log is removed, all data is in the file.
    while folder.path().join("sessions.db-wal").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    damage(&path);

    let store = SqliteStore::open(&path).unwrap();
    for at in 0..200 {
        let error = store.load(&key(at)).await.unwrap_err();
        assert!(texts(&error).contains("malformed"), "{}", texts(&error));
        assert!(!format!("{error:?} {}", texts(&error)).contains("canary"), "a value got into an error");
    }
    let error = store.swap(&key(1), None, write("new")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.delete(&key(1)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert!(store.owners().unwrap().list(&okibi_store::Owner::new("ann")).await.is_err());
    assert!(store.purge().await.is_err());
}

#[tokio::test]
async fn a_database_with_other_tables_is_shared_and_the_schema_may_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ann')").unwrap();
    let store = SqliteStore::open(&path).unwrap();
    store.swap(&key(1), None, write(vec![0, 255, 7])).await.unwrap();
    app.execute_batch(SCHEMA).unwrap();
    let seen = app.query_row("SELECT key, hex(value), expires_at, owner FROM okibi_sessions", [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, Option<String>>(3)?,
        ))
    });
    assert_eq!(seen.unwrap(), ("session:1".into(), "00FF07".into(), 8_640_000_000_000_000, None));
    let users: i64 = app.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 1);
}
