//! Several processes on one file, and one that is killed during writes.
//!
//! The other processes are this test program, started again to run one of the `child_` tests. Those
//! do nothing without their environment variable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env,
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use okibi_sqlite::SqliteStore;
use okibi_store::{Store, StoreKey, Swap, Timestamp, Write};

const FILE: &str = "OKIBI_TEST_DATABASE";
const ROUND: &str = "OKIBI_TEST_ROUND";
const TASKS: u32 = 4;

fn key(at: impl std::fmt::Display) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

fn write(bytes: String) -> Write {
    Write { bytes: bytes.into(), expires_at: Timestamp::MAX, owner: None, keeps: false }
}

/// Starts this program again to run one of its tests.
fn child(test: &str, database: &Path, round: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FILE, database)
        .env(ROUND, round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The database and the number that the parent gave, if this is a child.
fn orders() -> Option<(PathBuf, u32)> {
    let database = env::var_os(FILE)?.into();
    let round = env::var(ROUND).unwrap().parse().unwrap();
    Some((database, round))
}

/// A number that is different in every run.
fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % below
}

/// Writes without end, to several keys concurrently, and prints each write as soon as it is
/// acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes() {
    let Some((database, round)) = orders() else { return };
    let store = Arc::new(SqliteStore::open(database).unwrap());
    let tasks = (0..TASKS).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let chain = key(format_args!("chain-{round}-{task}"));
            let mut held: Option<String> = None;
            for at in 0_u64.. {
                let created = key(format_args!("created-{round}-{task}-{at}"));
                let done = store.swap(&created, None, write(format!("{at}").repeat(200))).await.unwrap();
                assert_eq!(done, Swap::Done);
                acknowledge(&format!("created {} {at}", created.as_str()));
                let next = at.to_string();
                let done = store.swap(&chain, held.as_ref().map(String::as_bytes), write(next.clone())).await.unwrap();
                assert_eq!(done, Swap::Done);
                acknowledge(&format!("chained {} {at}", chain.as_str()));
                held = Some(next);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// One line, in one piece.
fn acknowledge(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[tokio::test]
async fn f_kill_9_of_a_process_that_writes_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("sessions.db");
    let (mut created, mut chained) = (Vec::new(), std::collections::BTreeMap::new());
    for round in 0..12 {
        let mut writer = child("child_that_writes", &database, round);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // After its twentieth acknowledged write it may be killed at any moment.
        let acknowledged = lines.by_ref().map(Result::unwrap).filter(|line| line.starts_with("ack "));
        let first: Vec<String> = acknowledged.take(20 + usize::try_from(random(30)).unwrap()).collect();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(random(20_000)));
            writer.kill().unwrap();
            writer.wait().unwrap()
        });
        // Output from before the kill is still in the pipe, except for a truncated last line.
        let mut rest: Vec<u8> = Vec::new();
        for line in first.into_iter().chain(lines.map(Result::unwrap)) {
            rest.extend(line.as_bytes());
            rest.push(b'\n');
        }
        assert!(!killer.join().unwrap().success());
        for line in String::from_utf8(rest).unwrap().lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["ack", "created", key, at] => created.push((key.to_owned(), at.to_owned())),
                ["ack", "chained", key, at] => {
                    chained.insert(key.to_owned(), at.parse::<u64>().unwrap());
                }
                _ => {}
            }
        }

        let store = SqliteStore::open(&database).unwrap();
        for (key, at) in &created {
            let loaded = store.load(&StoreKey::new(key)).await.unwrap();
            let loaded = loaded.unwrap_or_else(|| panic!("round {round}: {key} was acknowledged and is gone"));
            assert_eq!(loaded.bytes, at.repeat(200), "round {round}: {key}");
        }
        for (key, at) in &chained {
            let loaded = store.load(&StoreKey::new(key)).await.unwrap().unwrap();
            let found: u64 = std::str::from_utf8(&loaded.bytes).unwrap().parse().unwrap();
            // One more write may have been made: its acknowledgement was cut off.
            assert!((*at..=at + 1).contains(&found), "round {round}: {key} holds {found}, acknowledged was {at}");
        }
    }
    assert!(created.len() > 100, "only {} writes were acknowledged in all rounds", created.len());
}

const INCREMENTS: u32 = 25;

/// Adds to one counter from several concurrent tasks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_increments() {
    let Some((database, _)) = orders() else { return };
    let store = Arc::new(SqliteStore::open(database).unwrap());
    let tasks = (0..TASKS).map(|_| tokio::spawn(increment(Arc::clone(&store))));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn increment(store: Arc<SqliteStore>) {
    let counter = key("counter");
    for _ in 0..INCREMENTS {
        let mut held = store.load(&counter).await.unwrap().map(|loaded| loaded.bytes);
        loop {
            let count: u32 = held.as_ref().map_or(0, |held| std::str::from_utf8(held).unwrap().parse().unwrap());
            match store.swap(&counter, held.as_deref(), write((count + 1).to_string())).await.unwrap() {
                Swap::Done => break,
                Swap::Conflict(current) => held = current,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n2_three_processes_on_one_file_lose_no_increment() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("sessions.db");
    let children = [0, 1].map(|round| child("child_that_increments", &database, round));
    let store = Arc::new(SqliteStore::open(&database).unwrap());
    let tasks = (0..TASKS).map(|_| tokio::spawn(increment(Arc::clone(&store))));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let counted = store.load(&key("counter")).await.unwrap().unwrap().bytes;
    assert_eq!(counted, (3 * TASKS * INCREMENTS).to_string());
}

/// Opens the database and leaves a session in it.
#[tokio::test]
async fn child_that_opens() {
    let Some((database, round)) = orders() else { return };
    let store = SqliteStore::open(database).unwrap();
    assert_eq!(store.swap(&key(round), None, write(round.to_string())).await.unwrap(), Swap::Done);
}

#[tokio::test]
async fn processes_that_create_one_file_at_once_all_succeed() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("sessions.db");
        let children: Vec<_> = (0..6).map(|round| child("child_that_opens", &database, round)).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        let store = SqliteStore::open(&database).unwrap();
        for round in 0..6 {
            assert_eq!(store.load(&key(round)).await.unwrap().unwrap().bytes, round.to_string());
        }
    }
}

#[test]
fn threads_that_create_one_file_at_once_all_succeed() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("sessions.db");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| SqliteStore::open(&database).unwrap());
            }
        });
    }
}
