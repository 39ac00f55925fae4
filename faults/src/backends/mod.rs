//! The backends, and their list.

mod cluster;
mod late;
mod memory;
mod mysql;
mod network;
mod postgres;
mod redis;
mod server;
mod sqlite;

use okibi_servers::RedisKind;

use crate::backend::{Backend, Failure, Kind};

/// All kinds of backends.
const KINDS: &[Kind] = &[
    Kind { name: "memory", start: || Box::pin(async { Ok(memory::start()) }) },
    Kind { name: "sqlite", start: || Box::pin(async { sqlite::start() }) },
    Kind { name: "postgres", start: || Box::pin(postgres::start()) },
    Kind { name: "mysql", start: || Box::pin(mysql::start()) },
    Kind { name: "redis", start: || Box::pin(redis::start("redis", RedisKind::Redis7)) },
    Kind { name: "redis-forgetful", start: || Box::pin(redis::start_forgetful()) },
    Kind { name: "redis-failover", start: || Box::pin(redis::start_pair()) },
    Kind { name: "redis-cluster", start: || Box::pin(cluster::start()) },
];

/// All kinds of backends.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter()
}

/// Starts the backend of this name.
///
/// # Errors
/// There is no backend of this name, or it does not start.
pub async fn start(name: &str) -> Result<Box<dyn Backend>, Failure> {
    let Some(kind) = all().find(|kind| kind.name == name) else {
        let known: Vec<&str> = all().map(|kind| kind.name).collect();
        return Err(format!("--backend {name}: unknown; these are known: {}", known.join(", ")).into());
    };
    (kind.start)().await
}
