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
async fn the_memory_store_keeps_every_rule_of_the_contract_on_virtual_time() {
    let clock = VirtualClock::new();
    let store = MemoryStore::new().clock(clock.reader());
    let report = Contract::new(store).clock(&clock).run().await;
    report.assert_kept();
    let left_out: Vec<_> = report.findings().iter().filter(|finding| finding.verdict != Verdict::Kept).collect();
    // The store has no purger.
    let spared = ["the store has nothing to purge"; 3];
    assert_eq!(
        left_out.iter().map(|finding| &finding.verdict).collect::<Vec<_>>(),
        spared.map(Verdict::Skipped).each_ref()
    );
}
