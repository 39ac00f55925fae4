//! Sessions in `MySQL` or `MariaDB`, on the app's own pool.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use okibi_mysql::MysqlStore;
//! use okibi_store::{Store, StoreKey, Swap, Write, system_time};
//! use sqlx::MySqlPool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = MySqlPool::connect("mysql://localhost/app").await?;
//! let store = MysqlStore::new(pool);
//! store.migrate().await?; // at every start of the app, or put SCHEMA among your own migrations
//!
//! let key = StoreKey::new("session:example");
//! let expires_at = system_time().plus(Duration::from_mins(15));
//! let write = Write { bytes: "hello".into(), expires_at, owner: None, keeps: false };
//! assert_eq!(store.swap(&key, None, write).await?, Swap::Done);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod connection;
mod error;
mod migrate;
mod sql;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use okibi_store::{
    BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write, system_time,
};
use sqlx::MySqlPool;

use crate::{
    connection::Borrowed,
    error::{DriverError, RequestError},
    sql::Step,
};

/// The SQL of the table for the sessions and of its indexes, as `migrate` runs it.
///
/// It may be run any number of times, for example as a migration of the app. All stores on the same
/// database use this table, in Rust and in TypeScript.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Rows that one step of a purge deletes. Small, so that locks are short.
const PURGE_STEP: usize = 200;
/// Attempts of a statement that collides with other transactions.
const ATTEMPTS: usize = 4;
/// The longest key in bytes that the table can store. okibi makes keys of fewer than 400.
const KEY_LENGTH: usize = 512;
/// The longest owner in bytes that the table can store.
const OWNER_LENGTH: usize = 65_535;

/// Sessions in a `MySQL` or `MariaDB` database.
///
/// Any number of processes may share the table `okibi_sessions`, in Rust and in JavaScript. Every
/// write is one atomic statement that compares and writes. A load is one round trip, and so is a
/// write. A write that lost against another needs more, to read the stored record; so does a new
/// session in the place of an expired one. An acknowledged write is on the server's disk if the
/// server has `innodb_flush_log_at_trx_commit = 1`, which is the default.
///
/// The pool must connect to the primary and leave `autocommit` on, its default. Every isolation
/// level works. The clock of this machine decides expiry, as everywhere in okibi. Expired sessions
/// are never returned; [`purge_every`](okibi_store::purge_every) or [`purge`](Self::purge) deletes
/// them.
///
/// A request that is cancelled at its deadline has five more seconds to finish. Then its connection
/// is closed and the pool may open another. So a network that drops all packets does not exhaust
/// the pool.
///
/// # What the pool decides
///
/// - `test_before_acquire`, on by default, pings a connection before each use. It costs one round
///   trip, and no request fails after a restart of the server. Without it, a restart costs the
///   first request on each connection a 503.
/// - `acquire_timeout`, 30 seconds by default, is how long sqlx tries to reach a server that is
///   down. If it is shorter than the layer's `store_timeout` (2 seconds), the error says that there
///   is no server. Otherwise the deadline passes first, and the error only says that no answer
///   arrived.
pub struct MysqlStore {
    pool: MySqlPool,
    clock: Clock,
}

impl MysqlStore {
    /// Sessions in the database of this pool. The table must exist: see [`migrate`](Self::migrate).
    pub fn new(pool: MySqlPool) -> Self {
        Self { pool, clock: Arc::new(system_time) }
    }

    /// Uses this clock to decide expiry, instead of the system's.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Creates the table and its indexes if they do not exist. Several instances may call it at the
    /// same time, at every start. If everything exists, it locks nothing and needs no right to
    /// create.
    ///
    /// # Errors
    /// The database can't be reached, the user may not create tables, `autocommit` is off, or the
    /// table's engine is not `InnoDB`: its writes would be neither durable nor atomic.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut borrowed = Borrowed::from(&self.pool).await.map_err(RequestError::of_write)?;
        migrate::migrate(&mut borrowed).await.map_err(RequestError::of_write)
    }

    /// Deletes the rows of expired sessions and returns their number.
    /// [`purge_every`](okibi_store::purge_every) calls it periodically.
    ///
    /// It deletes in steps and locks only the rows that it deletes. Several processes may purge at
    /// the same time.
    ///
    /// # Errors
    /// The database can't be reached or refuses. Rows that were deleted before stay deleted.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = (self.clock)();
        let (mut purged, mut since) = (0, i64::MIN);
        loop {
            let mut borrowed = self.borrow().await?;
            let found = borrowed.run(async |connection| sql::expired(connection, since, now, PURGE_STEP).await).await;
            let found = found.map_err(|failure| RequestError::Request(failure).of_read())?;
            if !found.keys.is_empty() {
                purged += drop_rows(&mut borrowed, &found.keys, now).await?;
            }
            if found.keys.len() < PURGE_STEP {
                return Ok(purged);
            }
            since = found.last;
        }
    }

    async fn borrow(&self) -> Result<Borrowed, StoreError> {
        Borrowed::from(&self.pool).await.map_err(RequestError::of_read)
    }
}

/// Deletes expired rows, again if a write comes in between.
async fn drop_rows(borrowed: &mut Borrowed, keys: &[Vec<u8>], now: Timestamp) -> Result<usize, StoreError> {
    let mut attempt = 1;
    loop {
        match borrowed.run(async |connection| sql::purge(connection, keys, now).await).await {
            Err(failure) if failure.is_collision() && attempt < ATTEMPTS => attempt += 1,
            dropped => return dropped.map_err(|failure| RequestError::Request(failure).of_write()),
        }
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlStore").finish_non_exhaustive()
    }
}

impl Store for MysqlStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let now = (self.clock)();
        let loaded = self.borrow().await?.run(async |connection| sql::load(connection, key, now).await).await;
        loaded.map_err(|failure| RequestError::Request(failure).of_read())
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        fits("key", key.as_str(), KEY_LENGTH)?;
        fits("owner", write.owner.as_ref().map_or("", Owner::as_str), OWNER_LENGTH)?;
        let now = (self.clock)();
        let mut borrowed = self.borrow().await?;
        let mut step = expected.map_or(Step::Create, Step::Replace);
        let mut attempt = 1;
        loop {
            match borrowed.run(async |connection| sql::write(connection, key, step, &write, now).await).await {
                Ok(true) => return Ok(Swap::Done),
                Ok(false) => {}
                Err(failure) if is_beaten(&failure) => {}
                Err(failure) => return Err(RequestError::Request(failure).of_write()),
            }
            let held_now = borrowed.run(async |connection| sql::look(connection, key).await).await;
            let held_now = held_now.map_err(|failure| RequestError::Request(failure).of_read())?;
            if expected.is_none() {
                step = if held_now.is_some() { Step::Take } else { Step::Create };
            }
            let live = held_now.filter(|borrowed| borrowed.expires_at > Some(now)).map(|borrowed| borrowed.bytes);
            if live.as_deref() != expected || attempt == ATTEMPTS {
                return Ok(Swap::Conflict(live));
            }
            // The stored value is the expected one after all: the row has expired, or the row that
            // refused the swap has been deleted.
            attempt += 1;
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let mut borrowed = self.borrow().await?;
        let mut attempt = 1;
        loop {
            match borrowed.run(async |connection| sql::delete(connection, key).await).await {
                Err(failure) if failure.is_collision() && attempt < ATTEMPTS => attempt += 1,
                deleted => return deleted.map_err(|failure| RequestError::Request(failure).of_write()),
            }
        }
    }

    fn consistency(&self) -> Consistency {
        Consistency::Strong
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Some(self)
    }

    fn purger(&self) -> Option<Purger<'_>> {
        Some(self)
    }
}

impl OwnerIndex for MysqlStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            let now = (self.clock)();
            let listed = self.borrow().await?.run(async |connection| sql::list(connection, owner, now).await).await;
            listed.map_err(|failure| RequestError::Request(failure).of_read())
        })
    }
}

impl Purge for MysqlStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.purge())
    }
}

/// Whether another was quicker. Nothing was written then.
fn is_beaten(failure: &DriverError) -> bool {
    failure.is_duplicate() || failure.is_collision()
}

/// A server that is not strict would cut it off and say nothing.
fn fits(what: &'static str, text: &str, most: usize) -> Result<(), StoreError> {
    let length = text.len();
    if length > most { Err(RequestError::TooLong { what, length, most }.of_write()) } else { Ok(()) }
}
