//! The store that docs/your-own-store.md shows.
use std::sync::{Mutex, MutexGuard, PoisonError};

use okibi_store::{
    BoxFuture, Bytes, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write, system_time,
};
use rusqlite::{Connection, Error, OptionalExtension, TransactionBehavior::Immediate, params};

/// Sessions in a table of one database.
pub struct TableStore(Mutex<Connection>);

impl TableStore {
    /// Opens the database and creates the table if it does not exist.
    ///
    /// # Errors
    /// The error of `SQLite`.
    pub fn open(path: &std::path::Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        // Blobs are compared byte by byte: no collation takes `a` for `A` or drops a space.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE IF NOT EXISTS my_sessions
                 (key BLOB PRIMARY KEY, value BLOB NOT NULL, expires_at INTEGER NOT NULL, owner BLOB);
             CREATE INDEX IF NOT EXISTS my_sessions_owner ON my_sessions (owner);
             CREATE INDEX IF NOT EXISTS my_sessions_expiry ON my_sessions (expires_at);",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The current time in the table's unit. Every read checks the expiry against it.
fn now() -> i64 {
    millis(system_time())
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The value under a key that has not expired.
fn live(connection: &Connection, key: &StoreKey) -> Result<Option<Loaded>, Error> {
    let mut select =
        connection.prepare_cached("SELECT value, expires_at FROM my_sessions WHERE key = ? AND expires_at > ?")?;
    let row = select.query_row(params![key.as_str().as_bytes(), now()], |row| {
        let expires_at: i64 = row.get(1)?;
        Ok(Loaded {
            bytes: row.get::<_, Vec<u8>>(0)?.into(),
            expires_at: u64::try_from(expires_at).ok().map(Timestamp::from_millis),
        })
    });
    row.optional()
}

/// An error before any write. If a write may have happened, use `StoreError::unknown` instead.
fn before(error: Error) -> StoreError {
    StoreError::unavailable(error)
}

impl Store for TableStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        live(&self.connection(), key).map_err(before)
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let mut connection = self.connection();
        // The comparison and the write are one step, also for other processes.
        let step = connection.transaction_with_behavior(Immediate).map_err(before)?;
        let current: Option<Bytes> = live(&step, key).map_err(before)?.map(|stored| stored.bytes);
        if current.as_deref() != expected {
            return Ok(Swap::Conflict(current));
        }
        step.execute(
            "INSERT INTO my_sessions (key, value, expires_at, owner) VALUES (?, ?, ?, ?)
             ON CONFLICT (key) DO UPDATE
             SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner",
            params![
                key.as_str().as_bytes(),
                &write.bytes[..],
                millis(write.expires_at),
                write.owner.as_ref().map(|owner| owner.as_str().as_bytes()),
            ],
        )
        .map_err(before)?;
        // When a commit fails, its outcome is unknown.
        step.commit().map_err(StoreError::unknown)?;
        Ok(Swap::Done)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let delete = "DELETE FROM my_sessions WHERE key = ?";
        self.connection().execute(delete, [key.as_str().as_bytes()]).map_err(StoreError::unknown)?;
        Ok(())
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

/// For "log out everywhere". Omit it and `owners` if your backend cannot list.
impl OwnerIndex for TableStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async {
            let connection = self.connection();
            let mut select = connection
                .prepare_cached("SELECT key FROM my_sessions WHERE owner = ? AND expires_at > ?")
                .map_err(before)?;
            let keys = select.query_map(params![owner.as_str().as_bytes(), now()], |row| row.get::<_, Vec<u8>>(0));
            let keys = keys.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(before)?;
            Ok(keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).map(StoreKey::new).collect())
        })
    }
}

/// Drops expired entries. Omit it and `purger` if your backend does that itself.
impl Purge for TableStore {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async {
            // For a large table, delete in steps (`LIMIT`), so that requests are served in between.
            let delete = "DELETE FROM my_sessions WHERE expires_at <= ?";
            self.connection().execute(delete, [now()]).map_err(StoreError::unknown)
        })
    }
}
