//! The Postgres store keeps the contract on a real server.

use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_postgres::PostgresStore;
use okibi_servers::PostgresServer;
use sqlx::PgPool;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_on_many_threads() {
    let server = PostgresServer::start().unwrap();
    let store = PostgresStore::new(PgPool::connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    let contract = Contract::new(store).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn f_it_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let server = PostgresServer::start().unwrap();
    let clock = VirtualClock::new();
    let store = PostgresStore::new(PgPool::connect(&server.url()).await.unwrap()).clock(clock.reader());
    store.migrate().await.unwrap();
    let report = Contract::new(store).clock(&clock).run().await;
    report.assert_kept();
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}
