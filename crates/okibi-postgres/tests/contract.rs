//! The Postgres store keeps the contract on a real server, at every isolation level.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_postgres::PostgresStore;
use sqlx::{PgPool, postgres::PgPoolOptions};
use support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_on_many_threads() {
    let database = Database::new("threads").await;
    // As in another process of the app.
    let another = PgPool::connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let contract = Contract::new(database.store().await).another(PostgresStore::new(another)).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn f_it_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let database = Database::new("time").await;
    let clock = VirtualClock::new();
    let another = PgPool::connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let another = PostgresStore::new(another).clock(clock.reader());
    let store = database.store().await.clock(clock.reader());
    let report = Contract::new(store).another(another).clock(&clock).run().await;
    report.assert_kept();
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_where_transactions_are_serializable() {
    keeps_it_under("serializable").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_where_reads_are_repeatable() {
    keeps_it_under("repeatable read").await;
}

async fn keeps_it_under(isolation: &'static str) {
    let database = Database::new(&isolation.replace(' ', "_")).await;
    let options = (*database.pool.connect_options()).clone();
    let options = options.options([("default_transaction_isolation", isolation)]);
    let pool = PgPoolOptions::new().max_connections(10).connect_with(options).await.unwrap();
    let shown: String = sqlx::query_scalar("SHOW transaction_isolation").fetch_one(&pool).await.unwrap();
    assert_eq!(shown, isolation);
    let clock = VirtualClock::new();
    let store = PostgresStore::new(pool).clock(clock.reader());
    store.migrate().await.unwrap();
    let contract = Contract::new(store).clock(&clock).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}
