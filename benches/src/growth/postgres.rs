//! Growth in Postgres.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use okibi::{PostgresStore, store::Loaded};
use okibi_bench_kit::{
    crowd::crowds,
    growth::{Extent, Filled, app_on, apps_by_size, key, much_later, purge, record, times, times_by_size},
};
use okibi_servers::PostgresServer;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// Rows of one statement.
const BATCH: usize = 10_000;

/// The report on Postgres. Each number of sessions has a database of its own on one server.
///
/// # Errors
/// A request fails.
pub async fn postgres(server: &PostgresServer, extent: Extent) -> Result<Value> {
    let (mut apps, mut sizes, mut pools) = (Vec::new(), Vec::new(), Vec::new());
    for &sessions in extent.sessions() {
        let pool = database(server, &format!("growth_{sessions}")).await?;
        let store = Arc::new(PostgresStore::new(pool.clone()));
        store.migrate().await?;
        let app = app_on(Arc::clone(&store))?;
        fill(&pool, sessions, &record(&app, &store).await?).await?;
        let size: i64 = sqlx::query_scalar("SELECT pg_total_relation_size('okibi_sessions')").fetch_one(&pool).await?;
        sizes.push(size / i64::try_from(sessions)?);
        apps.push(Filled { app, sessions });
        pools.push((pool, sessions));
    }
    let mut report = times(&apps).await?;
    report.iter_mut().zip(sizes).for_each(|(row, size)| row["bytesPerSession"] = json!(size));
    let mut whole = json!({ "sizes": report });
    if extent == Extent::All {
        let store = Arc::new(PostgresStore::new(database(server, "growth_other").await?));
        store.migrate().await?;
        whole["data"] = times_by_size(&apps_by_size(&store)?).await?.into();
        whole["crowds"] = crowds(&app_on(store)?).await?;
        let mut purges = Vec::new();
        for (pool, sessions) in pools {
            purges.push(purge(&PostgresStore::new(pool).clock(much_later), sessions).await?);
        }
        whole["purges"] = purges.into();
    }
    Ok(whole)
}

async fn database(server: &PostgresServer, name: &str) -> Result<PgPool> {
    server.psql(&format!("CREATE DATABASE {name}"));
    let url = server.url();
    let (address, _) = url.rsplit_once('/').context("an address ends with a database")?;
    let options = PgPoolOptions::new().max_connections(8).test_before_acquire(false);
    Ok(options.connect(&format!("{address}/{name}")).await?)
}

/// Writes the sessions as the store does, but many with one statement.
async fn fill(pool: &PgPool, sessions: usize, loaded: &Loaded) -> Result<()> {
    let expires_at = i64::try_from(loaded.expires_at.context("a session has an end")?.as_millis())?;
    for first in (0..sessions).step_by(BATCH) {
        let keys: Vec<String> = (first..sessions.min(first + BATCH)).map(key).collect();
        sqlx::query("INSERT INTO okibi_sessions (key, value, expires_at) SELECT key, $2, $3 FROM unnest($1) AS key")
            .bind(keys)
            .bind(loaded.bytes.as_ref())
            .bind(expires_at)
            .execute(pool)
            .await?;
    }
    sqlx::query("VACUUM ANALYZE okibi_sessions").execute(pool).await?;
    Ok(())
}
