//! The app with okibi, on each server.

use anyhow::Result;
use okibi::{PostgresStore, RedisStore, Sessions};
use okibi_bench_kit::{app::app, site::Site};
use sqlx::postgres::PgPoolOptions;

use super::rig::Pool;

/// Sessions in Redis. okibi has one connection, which all requests share.
pub(super) async fn redis(url: &str, visitors: usize) -> Result<Site> {
    site(Sessions::new(RedisStore::connect(url).await?), visitors).await
}

/// Sessions in Postgres.
pub(super) async fn postgres(url: &str, pool: Pool, visitors: usize) -> Result<Site> {
    let options = match pool {
        Pool::Lean(size) => PgPoolOptions::new().max_connections(size).test_before_acquire(false),
        Pool::Default => PgPoolOptions::new(),
    };
    let store = PostgresStore::new(options.connect(url).await?);
    store.migrate().await?;
    site(Sessions::new(store), visitors).await
}

async fn site(sessions: Sessions, visitors: usize) -> Result<Site> {
    Site::new("okibi", app(sessions.layer()?), visitors).await
}
