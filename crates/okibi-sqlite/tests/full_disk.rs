//! A disk that is really full: acknowledged writes stay, refused writes report an error, and writes
//! work again when there is space.
//!
//! The disk is a file system in memory of one megabyte that only a child process sees (`unshare`).
//! If the system does not allow that, a limit on file sizes is used instead (`ulimit -f`). The test
//! prints which one it used.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use okibi_sqlite::SqliteStore;
use okibi_store::{Owner, Store, StoreErrorKind, StoreKey, Swap, Timestamp, Write};

/// The variable with the path of the child's disk.
const DISK: &str = "OKIBI_TEST_DISK";
/// Mounts the child's disk and runs the child.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=1m okibi "$0" && exec "$@""#;
/// The same with a limit for files: 1024 blocks of 512 bytes, and an error instead of a signal.
const SMALL_FILES: &str = r#"trap '' XFSZ && ulimit -f 1024 && exec "$@""#;

fn key(at: usize) -> StoreKey {
    StoreKey::new(format!("session:{at}"))
}

fn write(at: usize, expires_at: Timestamp) -> Write {
    Write { bytes: format!("{at:>8}").repeat(1000).into(), expires_at, owner: Some(Owner::new("ann")), keeps: false }
}

#[test]
fn f_a_disk_that_is_full_loses_nothing_acknowledged_and_the_store_recovers() {
    let disk = tempfile::tempdir().unwrap();
    let test = env::current_exe().unwrap();
    let namespace = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
    let mut child = if namespace.is_ok_and(|status| status.success()) {
        println!("a file system of one megabyte");
        let mut child = Command::new("unshare");
        child.args(["-rm", "sh", "-c", SMALL_DISK]);
        child
    } else {
        println!("no file systems of one's own here: files of half a megabyte");
        let mut child = Command::new("sh");
        child.args(["-c", SMALL_FILES]);
        child
    };
    child.arg(disk.path()).arg(test).args(["--exact", "child_on_a_full_disk", "--nocapture"]).env(DISK, disk.path());
    let output = child.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("acknowledged and kept"), "the child did nothing: {said}");
}

/// Writes until the disk is full, frees space, and writes again, all with one store.
#[tokio::test]
async fn child_on_a_full_disk() {
    let Some(disk) = env::var_os(DISK).map(PathBuf::from) else { return };
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 400_000]).unwrap();
    let path = disk.join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match store.swap(&key(acknowledged), None, write(acknowledged, Timestamp::MAX)).await {
            Ok(swap) => assert_eq!(swap, Swap::Done),
            Err(error) => break error,
        }
        acknowledged += 1;
        assert!(acknowledged < 1000, "the disk is not full");
    };
    assert!(acknowledged > 10, "only {acknowledged} writes");
    // A full disk has an error of its own. A file over the limit does not.
    let is_full = format!("{:?}", std::error::Error::source(&error)).contains("DiskFull");
    assert_eq!(error.kind(), if is_full { StoreErrorKind::Unavailable } else { StoreErrorKind::Unknown });
    for _ in 0..5 {
        assert!(
            store.swap(&key(0), Some(b"x"), write(0, Timestamp::MAX)).await.is_ok(),
            "a refused swap writes nothing"
        );
        assert!(store.swap(&key(acknowledged), None, write(acknowledged, Timestamp::MAX)).await.is_err());
    }
    // It still returns its sessions, and none that it refused.
    held(&store, acknowledged).await;
    assert_eq!(store.load(&key(acknowledged)).await.unwrap(), None);

    fs::remove_file(&ballast).unwrap();
    if is_full {
        let more = acknowledged + 5;
        for at in acknowledged..more {
            assert_eq!(store.swap(&key(at), None, write(at, Timestamp::MAX)).await.unwrap(), Swap::Done);
        }
        store.delete(&key(more - 1)).await.unwrap();
        acknowledged = more - 1;
    }
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    held(&store, acknowledged).await;
    assert_eq!(store.owners().unwrap().list(&Owner::new("ann")).await.unwrap().len(), acknowledged);
    println!("{acknowledged} acknowledged and kept");
}

/// All of these sessions exist and are complete.
async fn held(store: &SqliteStore, count: usize) {
    for at in 0..count {
        let loaded = store.load(&key(at)).await.unwrap().expect("it was acknowledged");
        assert_eq!(loaded.bytes, write(at, Timestamp::MAX).bytes);
    }
}
