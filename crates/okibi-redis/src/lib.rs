//! Sessions in Redis or Valkey: one server, a server with replicas, or a cluster.
//!
//! ```no_run
//! use okibi_redis::RedisStore;
//!
//! # async fn shown() -> Result<(), redis::RedisError> {
//! // A connection of the store's own. The store reconnects when it breaks:
//! let store = RedisStore::connect("redis://localhost:6379").await?;
//!
//! // Or a connection that the app has already:
//! let client = redis::Client::open("redis://localhost:6379")?;
//! let store = RedisStore::new(client.get_connection_manager().await?);
//! # Ok(())
//! # }
//! ```
//!
//! # What to set up in Redis
//!
//! - `maxmemory-policy noeviction`. With any other policy Redis deletes sessions when memory is
//!   short. After its first write the store reads the policy once, and warns through `tracing`
//!   (target `okibi::redis`) if it is another one.
//! - `appendonly yes`, if a crash of the server may lose at most the last second. `appendfsync
//!   always`, if it may lose nothing.
//! - Replication is asynchronous. A failover can lose writes that were acknowledged shortly before.
//!
//! Redis 7.0 or newer, or Valkey.
//!
//! # TLS
//!
//! The app enables TLS with a feature of the driver, in its own `Cargo.toml`: `redis = { version =
//! "1.8", features = ["tokio-rustls-comp"] }`. Then `rediss://` URLs work.
//!
//! # What is stored
//!
//! | key | type | holds |
//! |---|---|---|
//! | the store key | string | the record, unchanged; expires (`PXAT`) with the session |
//! | `okibi:owned:{<store key>}` | string | a note, if the session has an owner: the digest of its entry, `:`, the owner. It expires with the session |
//! | `okibi:owner:<owner>` | sorted set | one entry for each session of this owner: a digest, `:`, the store key. The score is the session's expiry in milliseconds. The key expires with the last entry |
//!
//! The digest is the first 32 hexadecimal digits of the SHA-256 of the record with which the session
//! got its owner or its expiry. An entry says where to look. The note says which owner the session has.
//!
//! The TypeScript store (`okibi/redis`) reads and writes the same keys.
#![forbid(unsafe_code)]

mod connection;
mod entry;
mod error;
mod eviction;
mod list;
mod liveness;
mod node;
mod reconnecting;
mod script;
mod swap;

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use okibi_store::{Consistency, Loaded, Owners, Store, StoreError, StoreKey, Swap, Write};
/// The driver, in the version that this crate uses.
pub use redis;
use redis::{RedisResult, Value, cluster::ClusterClient, sentinel::SentinelClient};

pub use crate::connection::RedisConnection;
use crate::{
    connection::Transport,
    entry::note_of,
    error::CommandError,
    script::{CachedScript, DELETE},
    swap::former_in,
};

/// Sessions in Redis or Valkey.
///
/// A load is one round trip, and so is a commit. In a cluster the commit of a session with an owner
/// takes two. All commands go to the primary. All requests share the connection. See the [crate's
/// documentation](crate) for the settings that Redis needs.
///
/// When the answer to a write is lost, neither the store nor the driver sends the write again. The
/// store reports it as unknown, and okibi's engine finds out whether it was made. A command that
/// only reads is sent again if the connection broke.
pub struct RedisStore {
    transport: Transport,
    /// A record and its owner's list may be on different servers, so one script can't reach both.
    is_cross_slot: AtomicBool,
    /// The server is not known to lack `SET … IFEQ`.
    compares_in_set: AtomicBool,
    /// The eviction policy has been read.
    has_checked_eviction: AtomicBool,
}

impl RedisStore {
    /// Connects to one server. The store owns the connection and reconnects when it breaks.
    ///
    /// An answer that takes more than 2 seconds counts as lost. Connecting may take one second. If
    /// commands were sent and no answer arrived for one second, the connection is replaced, even if
    /// it still looks open. For other limits, make a
    /// [`ConnectionManager`](redis::aio::ConnectionManager) and pass it to [`new`](Self::new).
    ///
    /// # Errors
    /// The URL is not a Redis URL, or the server can't be reached.
    pub async fn connect(url: &str) -> RedisResult<Self> {
        Transport::to(url).await.map(Self::on)
    }

    /// Uses a connection that the app has: a [`ConnectionManager`](redis::aio::ConnectionManager),
    /// which reconnects when it breaks, or a
    /// [`MultiplexedConnection`](redis::aio::MultiplexedConnection), which does not. After a
    /// `MultiplexedConnection` breaks, the store fails.
    ///
    /// Set a response timeout that is not below okibi's store timeout (2 seconds by default). The
    /// driver's default is half a second: a commit that takes longer is reported as unknown.
    ///
    /// The driver keeps an open connection on which no answer arrives. If the peer disappears
    /// without closing the connection, the store fails until the operating system notices, after
    /// about 15 minutes. Set a user timeout and keepalive in the client's
    /// [`TcpSettings`](redis::io::tcp::TcpSettings), or let the store [`connect`](Self::connect).
    pub fn new(connection: impl Into<RedisConnection>) -> Self {
        Self::on(connection.into().0)
    }

    /// Connects to a cluster with the settings of the app's client.
    ///
    /// The store makes its own connections, because a
    /// [`ClusterConnection`](redis::cluster_async::ClusterConnection) sends a command again when
    /// its answer was lost. That could apply a change twice.
    ///
    /// # Errors
    /// No node of the cluster can be reached.
    pub async fn cluster(client: &ClusterClient) -> RedisResult<Self> {
        Transport::to_cluster(client).await.map(Self::on)
    }

    /// Connects to the master that the sentinels name, and to the next master after a failover.
    ///
    /// The client must be one for the master
    /// ([`SentinelServerType::Master`](redis::sentinel::SentinelServerType::Master)).
    ///
    /// # Errors
    /// No sentinel can be reached, the sentinels know no such master, or the master can't be
    /// reached.
    pub async fn sentinel(client: SentinelClient) -> RedisResult<Self> {
        Transport::to_master(client).await.map(Self::on)
    }

    fn on(transport: Transport) -> Self {
        Self {
            is_cross_slot: transport.is_cluster().into(),
            transport,
            compares_in_set: true.into(),
            has_checked_eviction: false.into(),
        }
    }

    async fn delete_one(&self, key: &str) -> Result<Value, CommandError> {
        self.transport.send_idempotent(key, redis::cmd("DEL").arg(key)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, CommandError> {
        bytes_in(self.transport.send_idempotent(key, redis::cmd("GET").arg(key)).await?)
    }

    /// Runs a script by its SHA-1, or by its source if Redis does not know the script.
    async fn run(&self, script: &CachedScript, keys: &[&str], values: &[&[u8]]) -> Result<Value, CommandError> {
        let first = keys.first().copied().unwrap_or_default();
        match self.transport.send_once(first, &script.by_name(keys, values)).await {
            Err(error) if error.is_unknown_script() => {
                self.transport.send_once(first, &script.by_text(keys, values)).await
            }
            answered => answered,
        }
    }
}

/// The bytes under a key.
fn bytes_in(answer: Value) -> Result<Option<Bytes>, CommandError> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        _ => Err(CommandError::Unexpected),
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let held = self.get(key.as_str()).await?;
        Ok(held.map(|bytes| Loaded { bytes, expires_at: None }))
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let swapped = self.swap_any(key.as_str(), expected, &write).await?;
        if !self.has_checked_eviction.swap(true, Ordering::Relaxed) {
            eviction::warn_if_evicting(self.transport.clone());
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = key.as_str();
        let note = note_of(key);
        let deleted = match &note {
            Some(note) => self.run(&DELETE, &[key, note], &[]).await,
            None => self.delete_one(key).await,
        };
        let deleted = match (deleted, &note) {
            (Err(error), Some(note)) if error.is_slot_moving() => {
                self.delete_one(key).await?;
                self.delete_one(note).await?
            }
            (deleted, _) => deleted?,
        };
        if let Value::Array(former) = deleted {
            self.remove_former(key, Some(former_in(former)?), None);
        }
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Some(self)
    }
}
