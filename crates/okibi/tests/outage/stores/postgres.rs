//! Postgres, on a pool with the defaults of sqlx.

use okibi::PostgresStore;
use okibi_servers::{PostgresServer, Proxy};
use sqlx::PgPool;

use crate::world::World;

/// The most connections of the pool.
pub const MAX_CONNECTIONS: usize = 10;

pub async fn start() -> PostgresServer {
    let server = PostgresServer::start().unwrap();
    let pool = PgPool::connect(&server.url()).await.unwrap();
    PostgresStore::new(pool).migrate().await.unwrap();
    server
}

pub async fn world(name: String, server: &PostgresServer) -> World {
    let proxy = Proxy::start(server.port()).unwrap();
    let url = server.url().replace(&server.port().to_string(), &proxy.port().to_string());
    World::new(name, PostgresStore::new(PgPool::connect(&url).await.unwrap()), vec![proxy])
}
