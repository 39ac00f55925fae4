//! The apps that are served over HTTP, each with one library and one store.

use std::net::Ipv4Addr;

use actix_session::{
    SessionMiddleware,
    storage::{CookieSessionStore, RedisSessionStore},
};
use actix_web::{HttpServer, cookie::Key, rt::System};
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum_session::SessionNullPool;
use okibi::{MemoryStore, PostgresStore, RedisStore, Secrets, Sessions, store::Store};
use okibi_bench_kit::{
    app::app,
    http::{print_port, serve},
};
use tokio::runtime;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx as peer_sqlx;

use crate::{
    apps::{actix, axum_session as peer, bare, tower_sessions as memory_peer},
    servers::tower_sessions as server_peer,
};

/// A secret for those that sign or encrypt.
const SECRET: &str = "a secret of the bench, and a long one";
/// Connections of tower-sessions to Redis, as its first example has it.
const POOL: usize = 6;

/// Serves the app of this name until the process ends. `address` is that of its server.
///
/// # Errors
/// There is no such app, or its server does not answer.
pub fn run(name: &str, address: Option<&str>) -> Result<()> {
    if name.starts_with("actix") {
        return System::new().block_on(serve_actix(name, address));
    }
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        serve(axum_app(name, address).await?).await?;
        Ok(())
    })
}

async fn axum_app(name: &str, address: Option<&str>) -> Result<Router> {
    let address = || address.context("the address of a server is missing");
    Ok(match name {
        "axum-bare" => bare::axum_app(),
        "okibi-memory" => okibi(MemoryStore::new())?,
        "okibi-cookie" => app(Sessions::sealed(Secrets::new([SECRET])?).layer()?),
        "okibi-redis" => okibi(RedisStore::connect(address()?).await?)?,
        "okibi-postgres" => {
            let store = PostgresStore::new(sqlx::PgPool::connect(address()?).await?);
            store.migrate().await?;
            okibi(store)?
        }
        "tower-sessions-memory" => memory_peer::app(::tower_sessions::MemoryStore::default()),
        "tower-sessions-redis" => {
            let pool = Pool::new(Config::from_url(address()?)?, None, None, None, POOL)?;
            pool.init().await?;
            server_peer::app(tower_sessions_redis_store::RedisStore::new(pool))
        }
        "tower-sessions-postgres" => {
            let pool = peer_sqlx::PgPool::connect(address()?).await?;
            let store = tower_sessions_sqlx_store::PostgresStore::new(pool);
            store.migrate().await?;
            server_peer::app(store)
        }
        "tower-sessions-sqlite" => server_peer::app(crate::sqlite_peer::store(address()?).await?),
        "axum_session-memory" => peer::app::<SessionNullPool>(None).await,
        _ => bail!("{name}: no such app"),
    })
}

fn okibi(store: impl Store) -> Result<Router> {
    Ok(app(Sessions::new(store).layer()?))
}

/// Serves an app on one thread. A macro, because the types of apps of actix have no common name.
macro_rules! serve_actix {
    ($app:expr) => {{
        let server = HttpServer::new($app).workers(1).bind((Ipv4Addr::LOCALHOST, 0))?;
        print_port(server.addrs().first().context("an address")?.port())?;
        server.run().await?;
    }};
}

async fn serve_actix(name: &str, address: Option<&str>) -> Result<()> {
    let key = Key::derive_from(SECRET.repeat(2).as_bytes());
    match name {
        "actix-bare" => serve_actix!(|| actix_web::App::new().configure(bare::actix_pages)),
        "actix-session-cookie" => serve_actix!(move || {
            let sessions = SessionMiddleware::new(CookieSessionStore::default(), key.clone());
            actix_web::App::new().wrap(sessions).configure(actix::pages)
        }),
        "actix-session-redis" => {
            let store = RedisSessionStore::new(address.context("the address of a server is missing")?).await?;
            serve_actix!(move || {
                let sessions = SessionMiddleware::new(store.clone(), key.clone());
                actix_web::App::new().wrap(sessions).configure(actix::pages)
            });
        }
        _ => bail!("{name}: no such app"),
    }
    Ok(())
}
