//! The store contract, held to by a real server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use okibi_contract::{Contract, VirtualClock};
use okibi_mysql::MysqlStore;
use okibi_servers::MariaDbServer;
use sqlx::mysql::MySqlPoolOptions;

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let server = MariaDbServer::start().unwrap();
    let pool = MySqlPoolOptions::new().max_connections(20).connect(&server.url()).await.unwrap();
    let clock = VirtualClock::new();
    let store = MysqlStore::new(pool).clock(clock.reader());
    store.migrate().await.unwrap();
    let contract = Contract::new(store).clock(&clock).spawn(|task| {
        tokio::spawn(task);
    });
    contract.run().await.assert_kept();
}
