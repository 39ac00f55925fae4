//! `MariaDB`, on a pool with the defaults of sqlx.

use okibi::MysqlStore;
use okibi_servers::{MariaDbServer, Proxy};
use sqlx::MySqlPool;

use crate::world::World;

/// The most connections of the pool.
pub const MAX_CONNECTIONS: usize = 10;

pub async fn start() -> MariaDbServer {
    let server = MariaDbServer::start().unwrap();
    let pool = MySqlPool::connect(&server.url()).await.unwrap();
    MysqlStore::new(pool).migrate().await.unwrap();
    server
}

pub async fn world(name: String, server: &MariaDbServer) -> World {
    let proxy = Proxy::start(server.port()).unwrap();
    let url = server.url().replace(&server.port().to_string(), &proxy.port().to_string());
    World::new(name, MysqlStore::new(MySqlPool::connect(&url).await.unwrap()), vec![proxy])
}
