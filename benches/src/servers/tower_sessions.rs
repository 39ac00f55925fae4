//! The app with tower-sessions, on each server.

use anyhow::Result;
use axum::{Router, http::StatusCode, routing::get};
use okibi_bench_kit::site::Site;
use tower_sessions_0_14::{Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::{
    RedisStore,
    fred::prelude::{ClientLike as _, Config, Pool as RedisPool},
};
use tower_sessions_sqlx_store::{PostgresStore, sqlx::postgres::PgPoolOptions};

use super::rig::Pool;
use crate::page::{Page, TEXT, USER};

type Answer = Result<&'static str, StatusCode>;

const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// Sessions in Redis, over so many connections.
pub(super) async fn redis(url: &str, connections: usize, visitors: usize) -> Result<Site> {
    let pool = RedisPool::new(Config::from_url(url)?, None, None, None, connections)?;
    pool.init().await?;
    site(RedisStore::new(pool), visitors).await
}

/// Sessions in Postgres.
pub(super) async fn postgres(url: &str, pool: Pool, visitors: usize) -> Result<Site> {
    let options = match pool {
        Pool::Lean(size) => PgPoolOptions::new().max_connections(size).test_before_acquire(false),
        Pool::Default => PgPoolOptions::new(),
    };
    let store = PostgresStore::new(options.connect(url).await?);
    store.migrate().await?;
    site(store, visitors).await
}

async fn site(store: impl SessionStore + Clone, visitors: usize) -> Result<Site> {
    Site::new("tower-sessions", app(store), visitors).await
}

/// The pages of the bench.
pub(crate) fn app(store: impl SessionStore + Clone) -> Router {
    Router::new()
        .route(Page::Login.path(), get(login))
        .route(Page::Read.path(), get(read))
        .route(Page::Write.path(), get(write))
        .route(Page::Visits.path(), get(visits))
        .layer(SessionManagerLayer::new(store))
}

async fn login(session: Session) -> Answer {
    session.insert("user", USER).await.map_err(|_| FAILED)?;
    session.insert("visits", 1).await.map_err(|_| FAILED)?;
    Ok(TEXT)
}

async fn read(session: Session) -> Answer {
    std::hint::black_box(session.get::<u32>("visits").await.map_err(|_| FAILED)?.ok_or(FAILED)?);
    Ok(TEXT)
}

async fn write(session: Session) -> Answer {
    let visits = session.get::<u32>("visits").await.map_err(|_| FAILED)?.ok_or(FAILED)?;
    session.insert("visits", visits + 1).await.map_err(|_| FAILED)?;
    Ok(TEXT)
}

async fn visits(session: Session) -> Result<String, StatusCode> {
    Ok(session.get::<u32>("visits").await.map_err(|_| FAILED)?.unwrap_or(0).to_string())
}
