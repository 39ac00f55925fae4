//! The SQLite store keeps the contract, in a file and in memory.

use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_keeps_the_contract_on_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    let contract = Contract::new(open()).another(open()).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn a_file_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let folder = tempfile::tempdir().unwrap();
    let clock = VirtualClock::new();
    let open = || SqliteStore::open(folder.path().join("sessions.db")).unwrap().clock(clock.reader());
    let report = Contract::new(open()).another(open()).clock(&clock).run().await;
    report.assert_kept();
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_in_memory_keeps_the_contract() {
    let clock = VirtualClock::new();
    let store = SqliteStore::in_memory().unwrap().clock(clock.reader());
    let contract = Contract::new(store).clock(&clock).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[test]
fn a_file_keeps_the_contract_without_any_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let clock = VirtualClock::new();
    let store = SqliteStore::open(folder.path().join("sessions.db")).unwrap().clock(clock.reader());
    pollster::block_on(Contract::new(store).clock(&clock).run()).assert_kept();
}
