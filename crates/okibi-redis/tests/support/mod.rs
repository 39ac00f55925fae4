//! Helpers of the tests.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "test plumbing, of which each test uses its part")]

use std::{thread::sleep, time::Duration};

use okibi_redis::{
    RedisStore,
    redis::{
        cluster::ClusterClient,
        sentinel::{SentinelClient, SentinelServerType},
    },
};
use okibi_servers::{RedisCluster, RedisKind, RedisServer, free_port};
use okibi_store::{Bytes, Owner, Store, StoreKey, Timestamp, Write, system_time};

/// An hour from now.
pub(crate) fn later() -> Timestamp {
    system_time().plus(Duration::from_hours(1))
}

/// A write that expires in an hour.
pub(crate) fn write(text: &str, owner: Option<&str>) -> Write {
    Write {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        expires_at: later(),
        owner: owner.map(Owner::new),
        keeps: false,
    }
}

pub(crate) fn key(name: &str) -> StoreKey {
    StoreKey::new(name)
}

/// The value of a key as a string.
pub(crate) async fn held(store: &RedisStore, name: &str) -> Option<String> {
    let loaded = store.load(&key(name)).await.unwrap()?;
    Some(String::from_utf8(loaded.bytes.to_vec()).unwrap())
}

/// A store connected to this server.
pub(crate) async fn connected(server: &RedisServer) -> RedisStore {
    RedisStore::connect(&server.url()).await.unwrap()
}

pub(crate) fn cluster_client(cluster: &RedisCluster) -> ClusterClient {
    ClusterClient::new(cluster.urls()).unwrap()
}

pub(crate) fn sentinel_client(sentinel: &RedisServer) -> SentinelClient {
    SentinelClient::build(vec![sentinel.url()], "sessions".to_owned(), None, SentinelServerType::Master).unwrap()
}

/// A cluster of one master, which has all keys.
pub(crate) fn single_master() -> RedisServer {
    single_master_with(RedisKind::Redis7, &[])
}

/// The same. It redirects clients to another port.
pub(crate) fn single_master_behind(kind: RedisKind, port: u16) -> RedisServer {
    single_master_with(kind, &["--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", &port.to_string()])
}

fn single_master_with(kind: RedisKind, settings: &[&str]) -> RedisServer {
    let own = ["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()];
    let server = RedisServer::start_with(kind, &[&own, settings].concat());
    server.cli(&["cluster", "addslotsrange", "0", "16383"]);
    while !server.cli(&["cluster", "info"]).contains("cluster_state:ok") {
        sleep(Duration::from_millis(10));
    }
    server
}

/// Checks repeatedly for up to a minute until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    for _ in 0..6000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not so after a minute");
}
