//! Sessions in Redis or Valkey: one server, a server with replicas, or a cluster.
//!
//! ```no_run
//! use okibi_redis::RedisStore;
//!
//! # async fn shown() -> Result<(), redis::RedisError> {
//! // A connection of its own, which is made again when it breaks:
//! let store = RedisStore::connect("redis://localhost:6379").await?;
//!
//! // Or one that the app has anyway:
//! let client = redis::Client::open("redis://localhost:6379")?;
//! let store = RedisStore::new(client.get_connection_manager().await?);
//! # Ok(())
//! # }
//! ```
//!
//! # What to set up in Redis
//!
//! - `maxmemory-policy noeviction`, or Redis throws sessions away when memory runs short. The store looks once, after its
//!   first write, and warns through `tracing` (target `okibi::redis`) if the policy is another one.
//! - `appendonly yes`, if a crash of the server must not lose the last second; `appendfsync always`, if nothing at all.
//! - Replication is asynchronous: a failover can lose writes that were acknowledged just before.
//!
//! Redis 7.0 or newer, or Valkey.
//!
//! # TLS
//!
//! The app chooses it by a feature of the driver, in its own `Cargo.toml`: `redis = { version = "1.8", features =
//! ["tokio-rustls-comp"] }`. Then `rediss://` works.
//!
//! # What lies there
//!
//! | key | type | holds |
//! |---|---|---|
//! | the store key | string | the record as it is; expires (`PXAT`) with the session |
//! | `okibi:owned:{<store key>}` | string | the session's owner, if it has one; expires with the session. From it the store knows which list to take a session off that ends |
//! | `okibi:owner:<owner>` | sorted set | an entry for each session of this owner: 32 hexadecimal digits of the record's SHA-256, `:`, the store key; its score is the session's expiry in milliseconds. The key expires with the last entry |
//!
//! The TypeScript store (`okibi/redis`) reads and writes the same.
#![forbid(unsafe_code)]

mod connection;
mod entry;
mod eviction;
mod fault;
mod followed;
mod node;
mod pulse;
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
/// The driver, in the version that the store takes connections of.
pub use redis;
use redis::{Cmd, RedisResult, Value, cluster::ClusterClient, sentinel::SentinelClient};

pub use crate::connection::RedisConnection;
use crate::{
    connection::Way,
    entry::{entry, key_in, list_of, owner_of},
    fault::Fault,
    script::{DELETE, LIST, Named, SWAP, SWAP_LISTED},
};

/// How often a list is read that names what is being written meanwhile.
const MOST_LOOKS: u32 = 8;
/// After which no more of the sessions on a list are looked at: half of the time that okibi's layer waits by default.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// How many of the sessions on a list are looked at in one go.
const PAGE: usize = 500;

/// Sessions in Redis or Valkey.
///
/// A load is one round trip, a commit is one; in a cluster the commit of a session with an owner is two. All go to the
/// primary. Commands of all requests share the connection. See the [crate's documentation](crate) for what to set up.
///
/// A write whose answer was lost is never sent again, neither by the store nor by the driver: it is reported as unknown, and
/// okibi's engine finds out what became of it. What only reads is sent once more if the connection was broken.
pub struct RedisStore {
    way: Way,
    /// A record and its owner's list may lie on different servers, so one script can't reach both.
    is_apart: AtomicBool,
    /// The eviction policy was looked up.
    has_looked: AtomicBool,
}

impl RedisStore {
    /// Connects to one server. The connection is the store's own and is made again when it breaks.
    ///
    /// An answer that takes more than 2 seconds counts as lost, and making a connection may take one second. A connection on
    /// which nothing was answered for a second is given up for a new one, also if it seems to be there still. For other
    /// limits, make a [`ConnectionManager`](redis::aio::ConnectionManager) and give it to [`new`](Self::new).
    ///
    /// # Errors
    /// The URL is not one of Redis, or the server can't be reached now.
    pub async fn connect(url: &str) -> RedisResult<Self> {
        Way::to(url).await.map(Self::on)
    }

    /// Uses a connection that the app has: a [`ConnectionManager`](redis::aio::ConnectionManager), which is made again when it
    /// breaks, or a [`MultiplexedConnection`](redis::aio::MultiplexedConnection), which is not: once that is broken, so is the store.
    ///
    /// Give the connection a response timeout that is not below okibi's own deadline (2 seconds by default): the driver's, half
    /// a second, makes a commit that takes longer an unknown one.
    ///
    /// The driver never gives up a connection that is there and on which nobody answers: where the other side has gone without
    /// a word, the store is down until the operating system notices, after about a quarter of an hour. Set a user timeout
    /// and keepalive in the client's [`TcpSettings`](redis::io::tcp::TcpSettings), or let the store [`connect`](Self::connect).
    pub fn new(connection: impl Into<RedisConnection>) -> Self {
        Self::on(connection.into().0)
    }

    /// Connects to a cluster as the app's client says.
    ///
    /// The store makes connections of its own, because a [`ClusterConnection`](redis::cluster_async::ClusterConnection) sends a
    /// command again when its answer was lost. Sent twice, a change could be made twice.
    ///
    /// # Errors
    /// No node of the cluster can be reached now.
    pub async fn cluster(client: &ClusterClient) -> RedisResult<Self> {
        Way::to_cluster(client).await.map(Self::on)
    }

    /// Connects to the master that sentinels name, and to the next one after a failover.
    ///
    /// The client must be one for the master
    /// ([`SentinelServerType::Master`](redis::sentinel::SentinelServerType::Master)).
    ///
    /// # Errors
    /// No sentinel can be reached now, they know of no such master, or it can't be reached.
    pub async fn sentinel(client: SentinelClient) -> RedisResult<Self> {
        Way::to_master(client).await.map(Self::on)
    }

    fn on(way: Way) -> Self {
        Self { is_apart: way.is_cluster().into(), way, has_looked: false.into() }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        bytes_in(self.way.ask(key, redis::cmd("GET").arg(key)).await?)
    }

    /// Writes the record of a session that has no owner, or whose entry is in the list.
    async fn swap_record(&self, key: &str, expected: Option<&[u8]>, write: &Write) -> Result<Swap, Fault> {
        let expires_at = write.expires_at.as_millis().to_string();
        let owner = write.owner.as_ref().map_or("", Owner::as_str);
        let values = [&write.bytes, expires_at.as_bytes(), owner.as_bytes()];
        let values: Vec<&[u8]> = values.into_iter().chain(expected).collect();
        let beside = owner_of(key);
        let keys: Vec<&str> = std::iter::once(key).chain(beside.as_deref()).collect();
        let answer = match self.run(&SWAP, &keys, &values).await {
            // While a cluster moves a slot, it can be asked for one key only. The entry of what is replaced stays then.
            Err(fault) if fault.is_between() => self.run(&SWAP, &[key], &values).await?,
            answer => answer?,
        };
        self.swapped(key, expected, answer)
    }

    /// Writes the record of an owner's session and its entry, in one step.
    async fn swap_listed(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        owner: &Owner,
    ) -> Result<Swap, Fault> {
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

    /// Writes the entry first and then the record, so that no session is missing in the list.
    async fn swap_apart(
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
        self.run(&LIST, &[&list], &values).await.map_err(Fault::beforehand)?;
        let swapped = self.swap_record(key, expected, write).await?;
        let over = match (&swapped, expected) {
            (Swap::Done, Some(replaced)) => Some(entry(key, replaced)).filter(|entry| *entry != added),
            (Swap::Done, None) => None,
            // What lies there may have the very bytes, and then the entry is its own.
            (Swap::Conflict(held), _) => (held.as_ref() != Some(&write.bytes)).then_some(added),
        };
        if let Some(over) = over {
            self.strike(list, over);
        }
        Ok(swapped)
    }

    /// What came of a swap. If it took the session from an owner, it goes off that owner's list.
    fn swapped(&self, key: &str, expected: Option<&[u8]>, answer: Value) -> Result<Swap, Fault> {
        match answer {
            Value::Int(1) => Ok(Swap::Done),
            Value::Array(former) => {
                let [former] = strings_in(former)?;
                if let Some(replaced) = expected {
                    self.strike_former(former, entry(key, replaced));
                }
                Ok(Swap::Done)
            }
            held => bytes_in(held).map(Swap::Conflict),
        }
    }

    /// Takes an entry off the list of somebody whose session this is no more.
    fn strike_former(&self, former: Bytes, entry: String) {
        // What is no text was not written by okibi.
        if let Ok(former) = String::from_utf8(former.into()) {
            self.strike(list_of(&Owner::new(former)), entry);
        }
    }

    /// Takes an entry off a list. Nobody waits for it: one that stays leads nowhere, and goes when it expires.
    fn strike(&self, list: String, entry: String) {
        let way = self.way.clone();
        tokio::spawn(async move {
            let _ = way.ask(&list, redis::cmd("ZREM").arg(&list).arg(entry)).await;
        });
    }

    /// Runs a script by its name, or by its text where Redis does not know it (any more).
    async fn run(&self, script: &Named, keys: &[&str], values: &[&[u8]]) -> Result<Value, Fault> {
        let first = keys.first().copied().unwrap_or_default();
        match self.way.tell(first, &script.by_name(keys, values)).await {
            Err(fault) if fault.is_unknown_script() => self.way.tell(first, &script.by_text(keys, values)).await,
            answered => answered,
        }
    }

    /// The keys on an owner's list, as far as they hold what the list says.
    ///
    /// Others were written just now, have moved to another key, or belong to somebody else since. What was written or has
    /// moved was put on the list before; so the list is read again, and what it names then is looked at that it did not
    /// name before. Where that takes long, the rest is named as it is: the caller looks at each once more.
    async fn list(&self, owner: &Owner) -> Result<Vec<StoreKey>, Fault> {
        let began = Instant::now();
        let (mut seen, mut theirs, mut doubtful) = (HashSet::new(), BTreeSet::new(), Vec::new());
        for _ in 0..MOST_LOOKS {
            let entries = self.entries(owner).await?;
            // What a key held that was not on the list then, but is now.
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
        // What goes on being written is named too.
        theirs.extend(doubtful.into_iter().map(|(key, _)| key));
        Ok(theirs.into_iter().collect())
    }

    /// What the list of an owner says.
    async fn entries(&self, owner: &Owner) -> Result<HashSet<String>, Fault> {
        let list = list_of(owner);
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(&list).arg(system_time().as_millis()).arg("+inf");
        let Value::Array(entries) = self.way.ask(&list, &command).await? else { return Err(Fault::Strange) };
        let text = |value| bytes_in(value).ok().flatten().and_then(|bytes| String::from_utf8(bytes.into()).ok());
        Ok(entries.into_iter().filter_map(text).collect())
    }

    /// What each of these keys holds.
    async fn get_all(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Fault> {
        if !self.is_apart.load(Ordering::Relaxed) {
            let first = keys.first().map_or("", StoreKey::as_str);
            let mut command = redis::cmd("MGET");
            for key in keys {
                command.arg(key.as_str());
            }
            match self.way.ask(first, &command).await {
                Ok(Value::Array(held)) if held.len() == keys.len() => return held.into_iter().map(bytes_in).collect(),
                Ok(_) => return Err(Fault::Strange),
                // A proxy in front of several servers.
                Err(fault) if fault.is_apart() => self.is_apart.store(true, Ordering::Relaxed),
                Err(fault) => return Err(fault),
            }
        }
        try_join_all(keys.iter().map(|key| self.get(key.as_str()))).await
    }
}

/// The bytes under a key.
fn bytes_in(answer: Value) -> Result<Option<Bytes>, Fault> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        _ => Err(Fault::Strange),
    }
}

/// The strings of an answer that is a list of so many.
fn strings_in<const N: usize>(values: Vec<Value>) -> Result<[Bytes; N], Fault> {
    let strings: Option<Vec<Bytes>> = values.into_iter().map(|value| bytes_in(value).ok().flatten()).collect();
    strings.and_then(|strings| strings.try_into().ok()).ok_or(Fault::Strange)
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
            Some(owner) if self.is_apart.load(Ordering::Relaxed) => {
                self.swap_apart(key, expected, &write, owner).await?
            }
            Some(owner) => match self.swap_listed(key, expected, &write, owner).await {
                // A proxy in front of several servers.
                Err(fault) if fault.is_apart() => {
                    self.is_apart.store(true, Ordering::Relaxed);
                    self.swap_apart(key, expected, &write, owner).await?
                }
                swapped => swapped?,
            },
        };
        if !self.has_looked.swap(true, Ordering::Relaxed) {
            eviction::look_up(self.way.clone());
        }
        Ok(swapped)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = key.as_str();
        let deleted = match owner_of(key) {
            Some(owned) => self.run(&DELETE, &[key, &owned], &[]).await,
            None => self.way.ask(key, redis::cmd("DEL").arg(key)).await,
        };
        let deleted = match deleted {
            Err(fault) if fault.is_between() => self.way.ask(key, redis::cmd("DEL").arg(key)).await?,
            deleted => deleted?,
        };
        if let Value::Array(former) = deleted {
            let [former, held] = strings_in(former)?;
            self.strike_former(former, entry(key, &held));
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
