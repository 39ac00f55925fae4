//! What visitors get while a store is down, stalls, resets or sends half an answer, and afterwards:
//! on every store, through axum, with the clients' defaults or with the options that the store's
//! documentation requires.
//!
//! `cargo test -p okibi --test outage`; it needs the servers of the stores.

#![allow(unreachable_pub, reason = "the modules are those of a test")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../okibi-tower/tests/support/mod.rs"]
mod support;

mod scenarios;
mod sqlite;
mod stores;
mod world;

use stores::{mariadb, postgres, redis};

#[tokio::test(flavor = "multi_thread")]
async fn n6_n39_n42_s22_s23_outages_of_postgres() {
    let server = postgres::start().await;
    scenarios::all("Postgres", async |name| postgres::world(name, &server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_n39_n42_s22_s23_outages_of_mariadb() {
    let server = mariadb::start().await;
    scenarios::all("MariaDB", async |name| mariadb::world(name, &server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_n39_n42_s22_s23_outages_of_redis_on_a_connection_of_the_stores_own() {
    let server = redis::start();
    scenarios::all("Redis", async |name| redis::own(name, &server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_n39_n42_s22_s23_outages_of_redis_on_the_apps_connection() {
    let server = redis::start();
    scenarios::all_but_silence("the app's Redis", async |name| redis::with_connection_of_the_app(name, &server).await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_n39_n42_s22_s23_outages_of_a_redis_cluster() {
    let servers = redis::start_cluster();
    scenarios::all("Redis cluster", async |name| redis::cluster(name, &servers).await).await;
}
