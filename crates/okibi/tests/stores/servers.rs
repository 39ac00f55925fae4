//! The axum face on the stores with a server. Each test starts its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[macro_use]
mod suite;
mod backend;
mod everywhere;
mod semantics;
#[path = "../../../okibi-tower/tests/support/mod.rs"]
mod support;

use ::redis::cluster::ClusterClient;
use backend::Backend;
use okibi::{MysqlStore, PostgresStore, RedisStore};
use okibi_servers::{MariaDbServer, PostgresServer, RedisCluster, RedisKind, RedisServer};
use sqlx::{MySqlPool, PgPool};

/// A Redis server.
struct Redis(RedisServer);

impl Backend for Redis {
    type Store = RedisStore;

    async fn open(&self) -> RedisStore {
        RedisStore::connect(&self.0.url()).await.unwrap()
    }

    async fn records(&self) -> usize {
        records_on(&self.0)
    }
}

/// A Redis Cluster with three masters.
struct Cluster(RedisCluster);

impl Backend for Cluster {
    type Store = RedisStore;

    async fn open(&self) -> RedisStore {
        RedisStore::cluster(&ClusterClient::new(self.0.urls()).unwrap()).await.unwrap()
    }

    async fn records(&self) -> usize {
        self.0.nodes().iter().map(records_on).sum()
    }
}

/// The keys of a server without the lists of owners.
fn records_on(server: &RedisServer) -> usize {
    let keys = server.cli(&["--scan"]);
    keys.lines().filter(|key| !key.is_empty() && !key.starts_with("okibi:owner:")).count()
}

/// A Postgres server.
struct Postgres(PostgresServer);

impl Backend for Postgres {
    type Store = PostgresStore;

    async fn open(&self) -> PostgresStore {
        let store = PostgresStore::new(PgPool::connect(&self.0.url()).await.unwrap());
        store.migrate().await.unwrap();
        store
    }

    async fn records(&self) -> usize {
        self.0.psql("SELECT count(*) FROM okibi_sessions").trim().parse().unwrap()
    }
}

/// A `MariaDB` server.
struct Mysql(MariaDbServer);

impl Backend for Mysql {
    type Store = MysqlStore;

    async fn open(&self) -> MysqlStore {
        let store = MysqlStore::new(MySqlPool::connect(&self.0.url()).await.unwrap());
        store.migrate().await.unwrap();
        store
    }

    async fn records(&self) -> usize {
        self.0.sql("SELECT count(*) FROM okibi_sessions").trim().parse().unwrap()
    }
}

on_store!(one_redis, async { Redis(RedisServer::start(RedisKind::Redis7)) });
on_store!(redis_cluster, async { Cluster(RedisCluster::start(RedisKind::Redis7)) });
on_store!(one_postgres, async { Postgres(PostgresServer::start().unwrap()) });
on_store!(one_mariadb, async { Mysql(MariaDbServer::start().unwrap()) });
