//! Sessions in Postgres, on the app's own pool.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use okibi_postgres::PostgresStore;
//! use okibi_store::{Store, StoreKey, Swap, Write, system_time};
//! use sqlx::PgPool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = PgPool::connect("postgres://localhost/app").await?;
//! let store = PostgresStore::new(pool);
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
mod pool;
mod sql;

use std::{fmt, sync::Arc};

use okibi_store::{
    BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write, system_time,
};
use sqlx::PgPool;

use crate::{
    connection::Borrowed,
    error::{DriverError, RequestError},
    pool::SharedPool,
};

/// The SQL of the table for the sessions and of its indexes, as `migrate` runs it.
///
/// It may be run any number of times, for example as a migration of the app. All stores on the same
/// database use this table, in Rust and in TypeScript.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Rows that one step of a purge deletes. Small, so that locks are short.
const PURGE_STEP: i64 = 500;
/// Attempts of a swap that is refused although the stored value is the expected one.
const ATTEMPTS: usize = 4;

/// Sessions in a Postgres database.
///
/// Any number of processes may share the table `okibi_sessions`, in Rust and in JavaScript. Every
/// write is one atomic statement that compares and writes. A load is one round trip, and so is a
/// write; a write that lost against another needs a second one, to read the stored record. An
/// acknowledged write is on the server's disk, also on connections with `synchronous_commit = off`.
/// (A server with `fsync = off` can lose it.)
///
/// The table is the one that `search_path` finds under its unqualified name. The clock of this
/// machine decides expiry, as everywhere in okibi. Expired sessions are never returned;
/// [`purge_every`](okibi_store::purge_every) or [`purge`](Self::purge) deletes them.
///
/// Postgres stores no NUL character in a column of type text. So for a key or an owner with one, a
/// load finds nothing, a list is empty, and a write is refused as unavailable before anything is
/// sent.
///
/// A request that is cancelled at its deadline has five more seconds to finish. Then its connection
/// is closed and the pool may open another. So a network that drops all packets does not exhaust
/// the pool.
///
/// # What the pool decides
///
/// - The number of connections, and how they are made. The store passes a connection from request
///   to request, at most sixteen times. Then it goes back to the pool, where the rest of the app
///   can get it: sqlx pings every returned connection, which is a round trip. A connection that no
///   request needs is returned immediately.
/// - `acquire_timeout`, 30 seconds by default. While the server is down, a request waits that long,
///   or until the store timeout of the session layer (2 seconds). With 1 second the error is known
///   to mean that nothing was written.
/// - `test_before_acquire`, on by default, pings a connection before the pool gives it out. It
///   costs one round trip, and no request fails after a restart of the server. Without it, a
///   restart costs the first request on each connection a 503.
/// - Statements are prepared once for each connection. Behind `PgBouncer` in transaction mode that
///   needs version 1.21 or later with `max_prepared_statements` (on by default from 1.24). Earlier
///   versions work in session mode only: `statement_cache_capacity(0)` does not help, because sqlx
///   still prepares and executes in two steps.
pub struct PostgresStore {
    pool: Arc<SharedPool>,
    clock: Clock,
}

impl PostgresStore {
    /// Sessions in the database of this pool. The table must exist: see [`migrate`](Self::migrate).
    pub fn new(pool: PgPool) -> Self {
        Self { pool: SharedPool::new(pool), clock: Arc::new(system_time) }
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
    /// The database can't be reached, the role may not create tables, or the table is `UNLOGGED`: a
    /// crash of the server would empty it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut borrowed = self.pool.borrow().await.map_err(RequestError::of_write)?;
        migrate::migrate(&mut borrowed).await.map_err(RequestError::of_write)
    }

    /// Deletes the rows of expired sessions and returns their number.
    /// [`purge_every`](okibi_store::purge_every) calls it periodically.
    ///
    /// It deletes in steps, each in its own transaction, and skips locked rows. Several processes
    /// may purge at the same time.
    ///
    /// # Errors
    /// The database can't be reached or refuses. Rows that were deleted before stay deleted.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = (self.clock)();
        let mut purged = 0;
        loop {
            let mut borrowed = self.pool.borrow().await.map_err(RequestError::of_write)?;
            let rows = borrowed.fetch_retrying(|| sql::purge(now, PURGE_STEP)).await.map_err(of_write)?;
            let step = sql::purged(&rows).map_err(of_write)?;
            purged += usize::try_from(step).unwrap_or(0);
            if step < PURGE_STEP {
                return Ok(purged);
            }
        }
    }

    async fn borrow(&self) -> Result<Borrowed, StoreError> {
        self.pool.borrow().await.map_err(RequestError::of_read)
    }
}

/// The store error for a request that changes nothing.
fn of_read(failure: impl Into<DriverError>) -> StoreError {
    RequestError::Request(failure.into()).of_read()
}

/// The store error for a request that writes.
fn of_write(failure: impl Into<DriverError>) -> StoreError {
    RequestError::Request(failure.into()).of_write()
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl Store for PostgresStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        if has_nul(key.as_str()) {
            return Ok(None);
        }
        let now = (self.clock)();
        let rows = self.borrow().await?.fetch_retrying(|| sql::load(key, now)).await.map_err(of_read)?;
        sql::loaded(&rows).map_err(of_read)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        if has_nul(key.as_str()) {
            return Err(RequestError::Nul("the key").of_write());
        }
        if write.owner.as_ref().is_some_and(|owner| has_nul(owner.as_str())) {
            return Err(RequestError::Nul("the owner").of_write());
        }
        let now = (self.clock)();
        let mut borrowed = self.borrow().await?;
        let mut attempt = 1;
        loop {
            match borrowed.fetch(sql::swap(key, expected, &write, now)).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(_) => return Ok(Swap::Done),
                // Another transaction won, and with the app's isolation level this one sees only
                // older data.
                Err(failure) if failure.is_collision() => {}
                Err(failure) => return Err(of_write(failure)),
            }
            // A separate statement: the snapshot of the first one may be older than the row that
            // refused it.
            let rows = borrowed.fetch_retrying(|| sql::load(key, now)).await.map_err(of_read)?;
            let there = sql::loaded(&rows).map_err(of_read)?.map(|loaded| loaded.bytes);
            if there.as_deref() != expected || attempt == ATTEMPTS {
                return Ok(Swap::Conflict(there));
            }
            // The row that refused the swap has been deleted since.
            attempt += 1;
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        if has_nul(key.as_str()) {
            return Ok(());
        }
        self.borrow().await?.fetch_retrying(|| sql::delete(key)).await.map_err(of_write).map(drop)
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

impl OwnerIndex for PostgresStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            if has_nul(owner.as_str()) {
                return Ok(Vec::new());
            }
            let now = (self.clock)();
            let rows = self.borrow().await?.fetch_retrying(|| sql::list(owner, now)).await.map_err(of_read)?;
            sql::listed(&rows).map_err(of_read)
        })
    }
}

impl Purge for PostgresStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.purge())
    }
}

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}
