//! The servers, and how the apps connect to them.

use anyhow::Result;
use okibi_bench_kit::site::Site;
use okibi_servers::{PostgresServer, RedisKind, RedisServer};

use super::{okibi, tower_sessions};

/// The connection pool of an app to Postgres.
#[derive(Clone, Copy, Debug)]
pub enum Pool {
    /// This many connections, used without a ping.
    Lean(u32),
    /// With sqlx's defaults: ten connections, and a ping before each use.
    Default,
}

/// A setup in which two apps are compared.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Its name in the report.
    pub name: &'static str,
    /// The server of the sessions.
    pub backend: Backend,
    /// Concurrent visitors, each with a session.
    pub visitors: usize,
}

/// The server of the sessions.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    /// Redis. okibi uses one connection, tower-sessions this many.
    Redis(usize),
    /// In Valkey, over one connection each.
    Valkey,
    /// Postgres.
    Postgres(Pool),
}

/// Each with the same settings for many and for few visitors, and once with the settings of each
/// library's documentation.
pub const SETUPS: [Setup; 8] = [
    Setup { name: "Redis, 1 connection", backend: Backend::Redis(1), visitors: 64 },
    Setup { name: "Redis, 1 connection", backend: Backend::Redis(1), visitors: 8 },
    Setup { name: "Valkey, 1 connection", backend: Backend::Valkey, visitors: 64 },
    Setup { name: "Valkey, 1 connection", backend: Backend::Valkey, visitors: 8 },
    Setup { name: "Redis, as documented", backend: Backend::Redis(6), visitors: 64 },
    Setup { name: "Postgres, 8 connections", backend: Backend::Postgres(Pool::Lean(8)), visitors: 64 },
    Setup { name: "Postgres, 8 connections", backend: Backend::Postgres(Pool::Lean(8)), visitors: 8 },
    Setup { name: "Postgres, as documented", backend: Backend::Postgres(Pool::Default), visitors: 64 },
];

/// A Redis and a Postgres for the bench. They end when this is dropped.
pub struct Rig {
    pub(super) redis: RedisServer,
    pub(super) valkey: RedisServer,
    pub(super) postgres: PostgresServer,
}

impl Rig {
    /// Starts all with default settings, with one exception: Redis has no persistence.
    ///
    /// So Postgres confirms a change when it is on disk: `fsync` and `synchronous_commit` are on.
    pub fn start() -> Result<Self> {
        let settings = ["fsync=on", "synchronous_commit=on", "shared_preload_libraries=pg_stat_statements"];
        let postgres = PostgresServer::start_with(&settings)?;
        postgres.psql("CREATE EXTENSION pg_stat_statements");
        let [redis, valkey] = [RedisKind::Redis7, RedisKind::Valkey].map(RedisServer::start);
        Ok(Self { redis, valkey, postgres })
    }

    /// The versions, as the servers report them.
    pub fn described(&self) -> String {
        let redis = version(&self.redis, "redis_version:");
        let valkey = version(&self.valkey, "valkey_version:");
        let setting = |name: &str| self.postgres.psql(&format!("SHOW {name}"));
        let postgres = setting("server_version");
        let postgres = postgres.split(' ').next().unwrap_or_default();
        let (fsync, commit) = (setting("fsync"), setting("synchronous_commit"));
        format!(
            "Redis {redis}, Valkey {valkey}, Postgres {postgres} with fsync {fsync} and synchronous_commit {commit}"
        )
    }

    /// The addresses of Redis and of Postgres.
    pub fn addresses(&self) -> [String; 2] {
        [self.redis.url(), self.postgres.url()]
    }

    /// Both apps, okibi first.
    pub async fn apps(&self, setup: Setup) -> Result<[Site; 2]> {
        match setup.backend {
            Backend::Redis(_) => apps(setup, &self.redis.url()).await,
            Backend::Valkey => apps(setup, &self.valkey.url()).await,
            Backend::Postgres(_) => apps(setup, &self.postgres.url()).await,
        }
    }
}

/// The version in a server's own words.
fn version(server: &RedisServer, field: &str) -> String {
    let info = server.cli(&["info", "server"]);
    info.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("?").trim().to_owned()
}

/// Both apps, with their sessions on the server at this address.
pub(super) async fn apps(Setup { backend, visitors, .. }: Setup, url: &str) -> Result<[Site; 2]> {
    Ok(match backend {
        Backend::Redis(connections) => {
            [okibi::redis(url, visitors).await?, tower_sessions::redis(url, connections, visitors).await?]
        }
        Backend::Valkey => [okibi::redis(url, visitors).await?, tower_sessions::redis(url, 1, visitors).await?],
        Backend::Postgres(pool) => {
            [okibi::postgres(url, pool, visitors).await?, tower_sessions::postgres(url, pool, visitors).await?]
        }
    })
}
