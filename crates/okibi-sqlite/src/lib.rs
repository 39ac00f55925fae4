//! Sessions in SQLite, okibi's durable embedded store.
//!
//! SQLite is compiled in. A file on a local disk holds the sessions of all processes of the
//! machine, in Rust and in JavaScript.
//!
//! ```
//! use std::time::Duration;
//! use okibi_sqlite::SqliteStore;
//! use okibi_store::{Store, StoreKey, Swap, Write, system_time};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sessions.db");
//! let store = SqliteStore::open(path)?;
//!
//! let key = StoreKey::new("session:example");
//! let expires_at = system_time().plus(Duration::from_mins(15));
//! let write = Write { bytes: "hello".into(), expires_at, owner: None, keeps: false };
//! assert_eq!(store.swap(&key, None, write).await?, Swap::Done); // now it is on disk
//!
//! store.purge().await?; // periodically: frees the space of expired sessions
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod open;
mod sql;
#[cfg(test)]
mod tests;
mod worker;

use std::{fmt, path::Path, sync::Arc};

use okibi_store::{
    BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write, system_time,
};

use crate::worker::{Worker, WorkerError};

/// The SQL of the table for the sessions and of its indexes, as the store runs it when it opens a
/// database.
///
/// It may be run any number of times. All stores on the same file use this table, in Rust and in
/// TypeScript.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Rows that one step of [`SqliteStore::purge`] deletes. Requests run between two steps.
const PURGE_STEP: u32 = 500;

/// Sessions in an SQLite database.
///
/// Several processes may open one file at the same time, in Rust and in JavaScript. Every operation
/// is atomic for all of them. A write is acknowledged only when it is on disk (write-ahead log,
/// `synchronous = FULL`), so it survives a crash of the process and of the machine. The file must
/// be on a local disk, not on a network share.
///
/// The store has two threads, each with its own connection: one for reads and one for writes. So a
/// load never waits for a write. The threads work with every async runtime and end when the store
/// is dropped. Writes that wait at the same time share one transaction and one disk sync. If
/// another process locks the file for more than about a second, a write fails as unavailable and
/// nothing is written.
///
/// Expired sessions are never returned; [`purge`](Self::purge) deletes them from the file.
pub struct SqliteStore {
    reads: Arc<Worker>,
    writes: Arc<Worker>,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the database at `path`. Creates the database and the table if they do not exist.
    ///
    /// The database may contain other tables; the store uses only `okibi_sessions`.
    ///
    /// # Errors
    /// The database can't be opened (for example, its folder is missing, or the file is not a
    /// database), or stays locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (to_write, to_read) = open::file(path.as_ref())?;
        let writes = Worker::writer("okibi-write", to_write).map_err(StoreError::unavailable)?;
        let reads = Worker::reader("okibi-read", to_read).map_err(StoreError::unavailable)?;
        Ok(Self::on(Arc::new(writes), Arc::new(reads)))
    }

    /// Opens a new database in memory. It ends with the store.
    ///
    /// # Errors
    /// SQLite or the thread can't be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        let worker = Worker::writer("okibi-sqlite", open::in_memory()?).map_err(StoreError::unavailable)?;
        let worker = Arc::new(worker);
        Ok(Self::on(Arc::clone(&worker), worker))
    }

    fn on(writes: Arc<Worker>, reads: Arc<Worker>) -> Self {
        Self { reads, writes, clock: Arc::new(system_time) }
    }

    /// Uses this clock to decide expiry, instead of the system's.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Deletes the rows of expired sessions and returns their number. Call it periodically, for
    /// example every hour, or use `okibi_store::purge_every`.
    ///
    /// It deletes in steps, so that requests are served between them. Several processes may purge
    /// at the same time.
    ///
    /// # Errors
    /// The database stays locked or can't be written. What was deleted until then stays deleted.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = (self.clock)();
        let mut purged = 0;
        loop {
            let step = self.writes.run(move |connection| sql::purge(connection, now, PURGE_STEP));
            match step.await.map_err(WorkerError::of_write)? {
                0 => return Ok(purged),
                step => purged += step,
            }
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let (key, now) = (key.clone(), (self.clock)());
        let load = self.reads.run(move |connection| sql::load(connection, key.as_str(), now));
        load.await.map_err(WorkerError::of_read)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let (key, expected, now) = (key.clone(), expected.map(<[u8]>::to_vec), (self.clock)());
        let swap =
            self.writes.run(move |connection| sql::swap(connection, key.as_str(), expected.as_deref(), &write, now));
        swap.await.map_err(WorkerError::of_write)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = key.clone();
        let delete = self.writes.run(move |connection| sql::delete(connection, key.as_str()));
        delete.await.map_err(WorkerError::of_write)
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

impl Purge for SqliteStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.purge())
    }
}

impl OwnerIndex for SqliteStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        let (owner, now) = (owner.as_str().to_owned(), (self.clock)());
        Box::pin(async move {
            let list = self.reads.run(move |connection| sql::list(connection, &owner, now));
            list.await.map_err(WorkerError::of_read)
        })
    }
}
