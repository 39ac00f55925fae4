//! Sessions in `MySQL` or `MariaDB`, on the pool that the app already has.
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
//! let write = Write { bytes: "hello".into(), expires_at, owner: None };
//! assert_eq!(store.swap(&key, None, write).await?, Swap::Done);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod connection;
mod fault;
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
    connection::Held,
    fault::{Failure, Fault},
    sql::Step,
};

/// The table that holds the sessions, with its indexes, as [`MysqlStore::migrate`] creates it: one statement.
///
/// It may be run any number of times, as a migration of the app's own, say. Every store that shares the database, also
/// the TypeScript one, uses this table.
pub const SCHEMA: &str = include_str!("schema.sql");

/// How many rows one step of a purge deletes, so that none holds its locks for long.
const PURGE_STEP: usize = 200;
/// How often a statement is tried that is refused because of what others do at the same time.
const ATTEMPTS: usize = 4;
/// The longest key that the table has room for, in bytes. The longest that okibi makes has fewer than 400.
const KEY_LENGTH: usize = 512;
/// The longest owner that the table has room for, in bytes.
const OWNER_LENGTH: usize = 65_535;

/// Sessions in a `MySQL` or `MariaDB` database.
///
/// Any number of processes may share the table `okibi_sessions`, in Rust and in JavaScript: every write is one statement
/// that compares and writes at once. A load and a write are one round trip each; only a write that lost against another
/// needs more, to read what lies there now, and so does a new session in the place of an expired one. A write that is
/// acknowledged is on the server's disk if the server has `innodb_flush_log_at_trx_commit = 1`, which is the default.
///
/// The pool must reach the primary and leave `autocommit` on, as it is by default. Any isolation level will do. Expiry is
/// judged by the clock of this machine, as everywhere in okibi; expired sessions are never handed out, and
/// [`purge_every`](okibi_store::purge_every) or [`purge`](Self::purge) removes them.
///
/// A request that is given up at its deadline gets five seconds more to end on its own; then its connection is closed and
/// the pool may open another, so a network that swallows everything does not use up the pool.
///
/// # What the pool decides
///
/// - `test_before_acquire`, on by default, asks a connection for a sign of life before each use: one more round trip, and
///   no request fails because the server was restarted in between. Without it a restart costs the first request on each
///   connection a 503.
/// - `acquire_timeout`, by default 30 seconds, is how long sqlx goes on trying to reach a server that is down. If it is
///   shorter than the layer's `store_timeout` (2 seconds), the error says that there is no server; else all that is known
///   at the deadline is that no answer came.
pub struct MysqlStore {
    pool: MySqlPool,
    clock: Clock,
}

impl MysqlStore {
    /// Sessions in the database of this pool. The table must be there: see [`migrate`](Self::migrate).
    pub fn new(pool: MySqlPool) -> Self {
        Self { pool, clock: Arc::new(system_time) }
    }

    /// Judges expiry by this clock instead of the system's.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Creates the table and its indexes if they are not there yet. Any number of instances may call it at once, at every
    /// start: if there is nothing to do it locks nothing, and needs no more than the right to use the table.
    ///
    /// # Errors
    /// The database can't be reached, the user may not create tables, `autocommit` is off, or the table is kept by an engine
    /// other than `InnoDB`, whose writes would be neither durable nor whole.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut held = Held::from(&self.pool).await.map_err(Fault::of_write)?;
        migrate::migrate(&mut held).await.map_err(Fault::of_write)
    }

    /// Deletes the rows of expired sessions and says how many there were. [`purge_every`](okibi_store::purge_every) does it
    /// now and then.
    ///
    /// It deletes little by little, and locks only the rows that it deletes. Several processes may do it at once.
    ///
    /// # Errors
    /// The database can't be reached or refuses. What was deleted until then stays deleted.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = (self.clock)();
        let (mut purged, mut since) = (0, i64::MIN);
        loop {
            let mut held = self.held().await?;
            let found = held.run(async |connection| sql::expired(connection, since, now, PURGE_STEP).await).await;
            let found = found.map_err(|failure| Fault::Request(failure).of_read())?;
            if !found.keys.is_empty() {
                purged += drop_rows(&mut held, &found.keys, now).await?;
            }
            if found.keys.len() < PURGE_STEP {
                return Ok(purged);
            }
            since = found.last;
        }
    }

    async fn held(&self) -> Result<Held, StoreError> {
        Held::from(&self.pool).await.map_err(Fault::of_read)
    }
}

/// Deletes expired rows, again if a write comes in between.
async fn drop_rows(held: &mut Held, keys: &[Vec<u8>], now: Timestamp) -> Result<usize, StoreError> {
    let mut attempt = 1;
    loop {
        match held.run(async |connection| sql::purge(connection, keys, now).await).await {
            Err(failure) if failure.is_collision() && attempt < ATTEMPTS => attempt += 1,
            dropped => return dropped.map_err(|failure| Fault::Request(failure).of_write()),
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
        let loaded = self.held().await?.run(async |connection| sql::load(connection, key, now).await).await;
        loaded.map_err(|failure| Fault::Request(failure).of_read())
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        fits("key", key.as_str(), KEY_LENGTH)?;
        fits("owner", write.owner.as_ref().map_or("", Owner::as_str), OWNER_LENGTH)?;
        let now = (self.clock)();
        let mut held = self.held().await?;
        let mut step = expected.map_or(Step::Create, Step::Replace);
        let mut attempt = 1;
        loop {
            match held.run(async |connection| sql::write(connection, key, step, &write, now).await).await {
                Ok(true) => return Ok(Swap::Done),
                Ok(false) => {}
                Err(failure) if is_beaten(&failure) => {}
                Err(failure) => return Err(Fault::Request(failure).of_write()),
            }
            let held_now = held.run(async |connection| sql::look(connection, key).await).await;
            let held_now = held_now.map_err(|failure| Fault::Request(failure).of_read())?;
            if expected.is_none() {
                step = if held_now.is_some() { Step::Take } else { Step::Create };
            }
            let live = held_now.filter(|held| held.expires_at > Some(now)).map(|held| held.bytes);
            if live.as_deref() != expected || attempt == ATTEMPTS {
                return Ok(Swap::Conflict(live));
            }
            // What is expected lies there after all: an expired row, or what was in the way has gone since.
            attempt += 1;
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let mut held = self.held().await?;
        let mut attempt = 1;
        loop {
            match held.run(async |connection| sql::delete(connection, key).await).await {
                Err(failure) if failure.is_collision() && attempt < ATTEMPTS => attempt += 1,
                deleted => return deleted.map_err(|failure| Fault::Request(failure).of_write()),
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
            let listed = self.held().await?.run(async |connection| sql::list(connection, owner, now).await).await;
            listed.map_err(|failure| Fault::Request(failure).of_read())
        })
    }
}

impl Purge for MysqlStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.purge())
    }
}

/// Whether another was quicker. Nothing was written then.
fn is_beaten(failure: &Failure) -> bool {
    failure.is_duplicate() || failure.is_collision()
}

/// A server that is not strict would cut it off and say nothing.
fn fits(what: &'static str, text: &str, most: usize) -> Result<(), StoreError> {
    let length = text.len();
    if length > most { Err(Fault::TooLong { what, length, most }.of_write()) } else { Ok(()) }
}
