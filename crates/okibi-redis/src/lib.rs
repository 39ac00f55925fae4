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
//! | `okibi:owned:{<store key>}` | string | the session's owner, if it has one; expires with the session. The store reads it to remove a deleted session from the owner's list |
//! | `okibi:owner:<owner>` | sorted set | one entry for each session of this owner: 32 hexadecimal digits of the record's SHA-256, `:`, the store key. The score is the session's expiry in milliseconds. The key expires with the last entry |
//!
//! The TypeScript store (`okibi/redis`) reads and writes the same keys.
#![forbid(unsafe_code)]

mod connection;
mod entry;
mod error;
mod eviction;
mod liveness;
mod node;
mod reconnecting;
mod script;

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::try_join_all;
use okibi_store::{
    BoxFuture, Consistency, Loaded, Owner, OwnerIndex, Owners, Store, StoreError, StoreKey, Swap, Write, system_time,
};
/// The driver, in the version that this crate uses.
pub use redis;
use redis::{Cmd, RedisResult, Value, cluster::ClusterClient, sentinel::SentinelClient};

pub use crate::connection::RedisConnection;
use crate::{
    connection::Transport,
    entry::{entry, key_in, list_of, owner_of},
    error::CommandError,
    script::{CachedScript, DELETE, LIST, SWAP, SWAP_LISTED},
};

/// Most reads of one list while its sessions are being written.
const MOST_LOOKS: u32 = 8;
/// Longest time to check the sessions on a list. It is half of the default store timeout.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Sessions on a list that are checked with one command.
const PAGE: usize = 500;

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
        Self { is_cross_slot: transport.is_cluster().into(), transport, has_checked_eviction: false.into() }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, CommandError> {
        bytes_in(self.transport.send_idempotent(key, redis::cmd("GET").arg(key)).await?)
    }

    /// Writes the record of a session that has no owner, or that already has its entry in the list.
    async fn swap_record(&self, key: &str, expected: Option<&[u8]>, write: &Write) -> Result<Swap, CommandError> {
        let expires_at = write.expires_at.as_millis().to_string();
        let owner = write.owner.as_ref().map_or("", Owner::as_str);
        let values = [&write.bytes, expires_at.as_bytes(), owner.as_bytes()];
        let values: Vec<&[u8]> = values.into_iter().chain(expected).collect();
        let beside = owner_of(key);
        let keys: Vec<&str> = std::iter::once(key).chain(beside.as_deref()).collect();
        let answer = match self.run(&SWAP, &keys, &values).await {
            // While a cluster moves a slot, a command may name one key only. The entry of the
            // replaced record stays.
            Err(error) if error.is_slot_moving() => self.run(&SWAP, &[key], &values).await?,
            answer => answer?,
        };
        self.swapped(key, expected, answer)
    }

    /// Writes the record of an owner's session and its entry in one step.
    async fn swap_listed(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        owner: &Owner,
    ) -> Result<Swap, CommandError> {
        let expires_at = write.expires_at.as_millis().to_string();
        let now = system_time().as_millis().to_string();
        let added = entry(key, &write.bytes);
        let replaced = expected.map_or_else(String::new, |bytes| entry(key, bytes));
        let texts = [expires_at.as_str(), &now, &added, &replaced, owner.as_str()].map(str::as_bytes);
        let values: Vec<&[u8]> = [&write.bytes[..]].into_iter().chain(texts).chain(expected).collect();
        let (list, beside) = (list_of(owner), owner_of(key));
        let keys: Vec<&str> = [key, &list].into_iter().chain(beside.as_deref()).collect();
        self.swapped(key, expected, self.run(&SWAP_LISTED, &keys, &values).await?)
    }

    /// Writes the entry before the record, so that no session is missing from the list.
    async fn swap_cross_slot(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        owner: &Owner,
    ) -> Result<Swap, StoreError> {
        let (list, added) = (list_of(owner), entry(key, &write.bytes));
        let expires_at = write.expires_at.as_millis().to_string();
        let now = system_time().as_millis().to_string();
        let values = [&now, &expires_at, &added].map(String::as_bytes);
        self.run(&LIST, &[&list], &values).await.map_err(CommandError::before_write)?;
        let swapped = self.swap_record(key, expected, write).await?;
        let over = match (&swapped, expected) {
            (Swap::Done, Some(replaced)) => Some(entry(key, replaced)).filter(|entry| *entry != added),
            (Swap::Done, None) => None,
            // The stored record may have the same bytes, and then the entry belongs to it.
            (Swap::Conflict(held), _) => (held.as_ref() != Some(&write.bytes)).then_some(added),
        };
        if let Some(over) = over {
            self.remove_entry(list, over);
        }
        Ok(swapped)
    }

    /// The result of a swap. If the owner changed, the entry is removed from the former owner's
    /// list.
    fn swapped(&self, key: &str, expected: Option<&[u8]>, answer: Value) -> Result<Swap, CommandError> {
        match answer {
            Value::Int(1) => Ok(Swap::Done),
            Value::Array(former) => {
                let [former] = strings_in(former)?;
                if let Some(replaced) = expected {
                    self.remove_from_former(former, entry(key, replaced));
                }
                Ok(Swap::Done)
            }
            held => bytes_in(held).map(Swap::Conflict),
        }
    }

    /// Removes an entry from the list of the former owner.
    fn remove_from_former(&self, former: Bytes, entry: String) {
        // okibi writes owners as UTF-8 only.
        if let Ok(former) = String::from_utf8(former.into()) {
            self.remove_entry(list_of(&Owner::new(former)), entry);
        }
    }

    /// Removes an entry from a list, in the background. An entry that stays opens nothing and
    /// expires.
    fn remove_entry(&self, list: String, entry: String) {
        let transport = self.transport.clone();
        tokio::spawn(async move {
            let _ = transport.send_idempotent(&list, redis::cmd("ZREM").arg(&list).arg(entry)).await;
        });
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

    /// The keys on an owner's list that hold the record of their entry.
    ///
    /// Other keys were just written, moved to another key, or belong to another owner now. A write
    /// adds its entry to the list before it writes the record. So the list is read again, and the
    /// keys that are new on it are checked. If that takes long, the remaining keys are returned
    /// unchecked: the caller checks each of them.
    async fn list(&self, owner: &Owner) -> Result<Vec<StoreKey>, CommandError> {
        let began = Instant::now();
        let (mut seen, mut theirs, mut doubtful) = (HashSet::new(), BTreeSet::new(), Vec::new());
        for _ in 0..MOST_LOOKS {
            let entries = self.entries(owner).await?;
            // Keys that hold a record without an entry in the previous read, but with one now.
            theirs.extend(doubtful.drain(..).filter_map(|(key, held)| entries.contains(&held).then_some(key)));
            let named: BTreeSet<StoreKey> = entries.difference(&seen).filter_map(|entry| key_in(entry)).collect();
            let named: Vec<StoreKey> = named.into_iter().collect();
            for (at, page) in named.chunks(PAGE).enumerate() {
                if at > 0 && began.elapsed() > LONGEST_LOOK {
                    theirs.extend(named.iter().skip(at * PAGE).cloned());
                    break;
                }
                for (key, held) in page.iter().zip(self.get_all(page).await?) {
                    theirs.remove(key);
                    let Some(held) = held.map(|bytes| entry(key.as_str(), &bytes)) else { continue };
                    if entries.contains(&held) {
                        theirs.insert(key.clone());
                    } else {
                        doubtful.push((key.clone(), held));
                    }
                }
            }
            if doubtful.is_empty() || began.elapsed() > LONGEST_LOOK {
                break;
            }
            seen.extend(entries);
        }
        // Keys that are still being written are returned too.
        theirs.extend(doubtful.into_iter().map(|(key, _)| key));
        Ok(theirs.into_iter().collect())
    }

    /// The entries of an owner's list.
    async fn entries(&self, owner: &Owner) -> Result<HashSet<String>, CommandError> {
        let list = list_of(owner);
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(&list).arg(system_time().as_millis()).arg("+inf");
        let Value::Array(entries) = self.transport.send_idempotent(&list, &command).await? else {
            return Err(CommandError::Unexpected);
        };
        let text = |value| bytes_in(value).ok().flatten().and_then(|bytes| String::from_utf8(bytes.into()).ok());
        Ok(entries.into_iter().filter_map(text).collect())
    }

    /// The bytes under each of these keys.
    async fn get_all(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, CommandError> {
        if !self.is_cross_slot.load(Ordering::Relaxed) {
            let first = keys.first().map_or("", StoreKey::as_str);
            let mut command = redis::cmd("MGET");
            for key in keys {
                command.arg(key.as_str());
            }
            match self.transport.send_idempotent(first, &command).await {
                Ok(Value::Array(held)) if held.len() == keys.len() => return held.into_iter().map(bytes_in).collect(),
                Ok(_) => return Err(CommandError::Unexpected),
                // A proxy in front of several servers.
                Err(error) if error.is_cross_slot() => self.is_cross_slot.store(true, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        try_join_all(keys.iter().map(|key| self.get(key.as_str()))).await
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

/// The strings of an answer that is a list of this length.
fn strings_in<const N: usize>(values: Vec<Value>) -> Result<[Bytes; N], CommandError> {
    let strings: Option<Vec<Bytes>> = values.into_iter().map(|value| bytes_in(value).ok().flatten()).collect();
    strings.and_then(|strings| strings.try_into().ok()).ok_or(CommandError::Unexpected)
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
        let key = key.as_str();
        let swapped = match &write.owner {
            None => self.swap_record(key, expected, &write).await?,
            Some(owner) if self.is_cross_slot.load(Ordering::Relaxed) => {
                self.swap_cross_slot(key, expected, &write, owner).await?
            }
            Some(owner) => match self.swap_listed(key, expected, &write, owner).await {
                // A proxy in front of several servers.
                Err(error) if error.is_cross_slot() => {
                    self.is_cross_slot.store(true, Ordering::Relaxed);
                    self.swap_cross_slot(key, expected, &write, owner).await?
                }
                swapped => swapped?,
            },
        };
        if !self.has_checked_eviction.swap(true, Ordering::Relaxed) {
            eviction::warn_if_evicting(self.transport.clone());
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = key.as_str();
        let deleted = match owner_of(key) {
            Some(owned) => self.run(&DELETE, &[key, &owned], &[]).await,
            None => self.transport.send_idempotent(key, redis::cmd("DEL").arg(key)).await,
        };
        let deleted = match deleted {
            Err(error) if error.is_slot_moving() => {
                self.transport.send_idempotent(key, redis::cmd("DEL").arg(key)).await?
            }
            deleted => deleted?,
        };
        if let Value::Array(former) = deleted {
            let [former, held] = strings_in(former)?;
            self.remove_from_former(former, entry(key, &held));
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

impl OwnerIndex for RedisStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move { Ok(self.list(owner).await?) })
    }
}
