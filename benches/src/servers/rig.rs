//! The servers, and in which ways the apps are connected to them.

use anyhow::Result;
use okibi_servers::{PostgresServer, RedisKind, RedisServer};

use super::{okibi, site::Site, tower_sessions};

/// How an app's pool of connections to Postgres is made.
#[derive(Clone, Copy, Debug)]
pub enum Pool {
    /// So many connections, which are used without asking each time whether they are still there.
    Lean(u32),
    /// As sqlx makes it: ten connections, each asked for a sign of life before it is used.
    Default,
}

/// What two apps compete in.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// What the report calls it.
    pub name: &'static str,
    /// Where the sessions are.
    pub backend: Backend,
    /// How many visitors ask at the same time, each with a session of their own.
    pub visitors: usize,
}

/// Where the sessions are.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    /// In Redis. okibi has one connection, tower-sessions has so many.
    Redis(usize),
    /// In Postgres.
    Postgres(Pool),
}

/// Each on equal terms with many visitors and with few, and once as the documentation of both shows it.
pub const SETUPS: [Setup; 6] = [
    Setup { name: "Redis, 1 connection", backend: Backend::Redis(1), visitors: 64 },
    Setup { name: "Redis, 1 connection", backend: Backend::Redis(1), visitors: 8 },
    Setup { name: "Redis, as documented", backend: Backend::Redis(6), visitors: 64 },
    Setup { name: "Postgres, 8 connections", backend: Backend::Postgres(Pool::Lean(8)), visitors: 64 },
    Setup { name: "Postgres, 8 connections", backend: Backend::Postgres(Pool::Lean(8)), visitors: 8 },
    Setup { name: "Postgres, as documented", backend: Backend::Postgres(Pool::Default), visitors: 64 },
];

/// A Redis and a Postgres of their own, which end with this value.
pub struct Rig {
    pub(super) redis: RedisServer,
    pub(super) postgres: PostgresServer,
}

impl Rig {
    /// Starts both as they come, with one exception: Redis writes nothing to a disk.
    ///
    /// In particular Postgres says that a change is done when it is on the disk: `fsync` and `synchronous_commit` are on.
    pub fn start() -> Result<Self> {
        let settings = ["fsync=on", "synchronous_commit=on", "shared_preload_libraries=pg_stat_statements"];
        let postgres = PostgresServer::start_with(&settings)?;
        postgres.psql("CREATE EXTENSION pg_stat_statements");
        Ok(Self { redis: RedisServer::start(RedisKind::Redis7), postgres })
    }

    /// What runs, in the servers' own words.
    pub fn described(&self) -> String {
        let redis = self.redis.cli(&["info", "server"]);
        let redis = redis.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("?");
        let setting = |name: &str| self.postgres.psql(&format!("SHOW {name}"));
        let postgres = setting("server_version");
        let postgres = postgres.split(' ').next().unwrap_or_default();
        let (fsync, commit) = (setting("fsync"), setting("synchronous_commit"));
        format!("Redis {}, Postgres {postgres} with fsync {fsync} and synchronous_commit {commit}", redis.trim())
    }

    /// Both apps, okibi first.
    pub async fn apps(&self, setup: Setup) -> Result<[Site; 2]> {
        match setup.backend {
            Backend::Redis(_) => apps(setup, &self.redis.url()).await,
            Backend::Postgres(_) => apps(setup, &self.postgres.url()).await,
        }
    }
}

/// Both apps, with their sessions on the server at this address.
pub(super) async fn apps(Setup { backend, visitors, .. }: Setup, url: &str) -> Result<[Site; 2]> {
    Ok(match backend {
        Backend::Redis(connections) => {
            [okibi::redis(url, visitors).await?, tower_sessions::redis(url, connections, visitors).await?]
        }
        Backend::Postgres(pool) => {
            [okibi::postgres(url, pool, visitors).await?, tower_sessions::postgres(url, pool, visitors).await?]
        }
    })
}
