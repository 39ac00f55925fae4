//! Sessions in Postgres, on the pool that the app already has.
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
//! let write = Write { bytes: "hello".into(), expires_at, owner: None };
//! assert_eq!(store.swap(&key, None, write).await?, Swap::Done);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod connection;
mod fault;
mod line;
mod migrate;
mod sql;

use std::{fmt, sync::Arc};

use okibi_store::{
    BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write, system_time,
};
use sqlx::PgPool;

use crate::{
    connection::Held,
    fault::{Failure, Fault},
    line::Line,
};

/// The table that holds the sessions, and its indexes, as [`PostgresStore::migrate`] creates them.
///
/// It may be run any number of times, as a migration of the app's own, say. Every store that shares the database, also
/// the TypeScript one, uses this table.
pub const SCHEMA: &str = include_str!("schema.sql");

/// How many rows one step of a purge deletes, so that none holds its locks for long.
const PURGE_STEP: i64 = 500;
/// How often a swap is tried that is refused although what it expects lies there.
const ATTEMPTS: usize = 4;

/// Sessions in a Postgres database.
///
/// Any number of processes may share the table `okibi_sessions`, in Rust and in JavaScript: every write is one statement
/// that compares and writes at once. A load and a write are one round trip each; only a write that lost against another
/// needs a second one, to read what lies there now. A write that is acknowledged is on the server's disk, also on
/// connections with `synchronous_commit = off`. (A server with `fsync = off` keeps no promise at all.)
///
/// The table is the one that `search_path` finds under its plain name. Expiry is judged by the clock of this machine, as
/// everywhere in okibi; expired sessions are never handed out, and [`purge_every`](okibi_store::purge_every) or
/// [`purge`](Self::purge) removes them.
///
/// Postgres has no NUL character in a text. There is no session under such a key nor of such an owner: a load finds
/// nothing, a list is empty, and a write is refused as unavailable before anything is sent.
///
/// A request that is given up at its deadline gets five seconds more to end on its own; then its connection is closed and
/// the pool may open another, so a network that swallows everything does not use up the pool.
///
/// # What the pool decides
///
/// - How many connections there are, and how they are made. The store hands one from request to request, sixteen times at most
///   before it goes back to the pool and anybody else may have it: sqlx asks every connection that comes back for a sign of
///   life, which is a round trip. A connection that nobody needs goes back at once.
/// - `acquire_timeout`, 30 seconds by default: while the server is down a request waits that long, or until the session layer
///   gives up on it (2 seconds). With 1 second it is known that nothing was written.
/// - `test_before_acquire`, on by default, asks a connection for a sign of life before it leaves the pool: one more round trip, and
///   no request fails because the server was restarted in between. Without it a restart costs the first request on each
///   connection a 503.
/// - Statements are prepared once for each connection. Behind `PgBouncer` in transaction mode that takes version 1.21 or
///   later with `max_prepared_statements` (on by default from 1.24). Before that, only its session mode works:
///   `statement_cache_capacity(0)` does not help, because sqlx prepares and executes in two steps all the same.
pub struct PostgresStore {
    line: Arc<Line>,
    clock: Clock,
}

impl PostgresStore {
    /// Sessions in the database of this pool. The table must be there: see [`migrate`](Self::migrate).
    pub fn new(pool: PgPool) -> Self {
        Self { line: Line::new(pool), clock: Arc::new(system_time) }
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
    /// The database can't be reached, the role may not create tables, or the table is `UNLOGGED`, which would lose every
    /// session in a crash of the server.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut held = self.line.held().await.map_err(Fault::of_write)?;
        migrate::migrate(&mut held).await.map_err(Fault::of_write)
    }

    /// Deletes the rows of expired sessions and says how many there were. [`purge_every`](okibi_store::purge_every) does it
    /// now and then.
    ///
    /// It deletes little by little, each part in a transaction of its own, and passes over rows that somebody is busy with.
    /// Several processes may do it at once.
    ///
    /// # Errors
    /// The database can't be reached or refuses. What was deleted until then stays deleted.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = (self.clock)();
        let mut purged = 0;
        loop {
            let mut held = self.line.held().await.map_err(Fault::of_write)?;
            let rows = held.insist(|| sql::purge(now, PURGE_STEP)).await.map_err(of_write)?;
            let step = sql::purged(&rows).map_err(of_write)?;
            purged += usize::try_from(step).unwrap_or(0);
            if step < PURGE_STEP {
                return Ok(purged);
            }
        }
    }

    async fn held(&self) -> Result<Held, StoreError> {
        self.line.held().await.map_err(Fault::of_read)
    }
}

/// What a failure means for a request that changes nothing.
fn of_read(failure: impl Into<Failure>) -> StoreError {
    Fault::Request(failure.into()).of_read()
}

/// What a failure means for a request that changes something.
fn of_write(failure: impl Into<Failure>) -> StoreError {
    Fault::Request(failure.into()).of_write()
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
        let rows = self.held().await?.insist(|| sql::load(key, now)).await.map_err(of_read)?;
        sql::loaded(&rows).map_err(of_read)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        if has_nul(key.as_str()) {
            return Err(Fault::Nul("the key").of_write());
        }
        if write.owner.as_ref().is_some_and(|owner| has_nul(owner.as_str())) {
            return Err(Fault::Nul("the owner").of_write());
        }
        let now = (self.clock)();
        let mut held = self.held().await?;
        let mut attempt = 1;
        loop {
            match held.ask(sql::swap(key, expected, &write, now)).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(_) => return Ok(Swap::Done),
                // Another was quicker, and the app's transactions see only what was there when they began.
                Err(failure) if failure.is_collision() => {}
                Err(failure) => return Err(of_write(failure)),
            }
            // A statement of its own: the first one's snapshot may be older than what was in its way.
            let rows = held.insist(|| sql::load(key, now)).await.map_err(of_read)?;
            let there = sql::loaded(&rows).map_err(of_read)?.map(|loaded| loaded.bytes);
            if there.as_deref() != expected || attempt == ATTEMPTS {
                return Ok(Swap::Conflict(there));
            }
            // What was in the way has gone since.
            attempt += 1;
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        if has_nul(key.as_str()) {
            return Ok(());
        }
        self.held().await?.insist(|| sql::delete(key)).await.map_err(of_write).map(drop)
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
            let rows = self.held().await?.insist(|| sql::list(owner, now)).await.map_err(of_read)?;
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
