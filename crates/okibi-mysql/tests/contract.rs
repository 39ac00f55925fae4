//! The `MySQL` store keeps the contract on a real server, with all connection settings of apps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use okibi_contract::{Contract, Verdict, VirtualClock};
use okibi_mysql::MysqlStore;
use sqlx::{Executor as _, mysql::MySqlPoolOptions};
use support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_on_many_threads_and_in_two_instances() {
    let database = Database::new("threads").await;
    let another =
        MysqlStore::new(MySqlPoolOptions::new().connect_lazy_with((*database.pool.connect_options()).clone()));
    let contract = Contract::new(database.store().await).another(another).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}

#[tokio::test]
async fn f_it_keeps_the_contract_on_virtual_time_and_leaves_no_rule_out() {
    let database = Database::new("time").await;
    let clock = VirtualClock::new();
    let report = Contract::new(database.store().await.clock(clock.reader())).clock(&clock).run().await;
    report.assert_kept();
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_where_transactions_are_serializable() {
    keeps_it_with("serializable", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_where_only_committed_rows_are_read() {
    keeps_it_with("committed", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_it_keeps_the_contract_where_text_is_latin_and_nothing_is_strict() {
    keeps_it_with("lenient", "SET NAMES latin1; SET SESSION sql_mode = ''").await;
}

async fn keeps_it_with(name: &str, setting: &'static str) {
    let database = Database::new(name).await;
    let options = MySqlPoolOptions::new().max_connections(10).after_connect(move |connection, _| {
        Box::pin(async move { connection.execute(sqlx::raw_sql(setting)).await.map(drop) })
    });
    let pool = options.connect_with((*database.pool.connect_options()).clone()).await.unwrap();
    let clock = VirtualClock::new();
    let store = MysqlStore::new(pool).clock(clock.reader());
    store.migrate().await.unwrap();
    let contract = Contract::new(store).clock(&clock).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}
