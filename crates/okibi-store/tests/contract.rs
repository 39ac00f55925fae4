//! The memory store keeps the contract.

use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_store::MemoryStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_the_contract_on_many_threads() {
    let contract = Contract::new(MemoryStore::new()).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let clock = VirtualClock::new();
    let store = MemoryStore::new().clock(clock.reader());
    let report = Contract::new(store).clock(&clock).run().await;
    report.assert_kept();
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}
