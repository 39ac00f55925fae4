//! Opens a database and creates the table.

use std::{path::Path, thread::sleep, time::Duration};

use okibi_store::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::SCHEMA;

/// Pause between two attempts at a lock of another process.
const PAUSE: Duration = Duration::from_millis(1);
/// Number of attempts. Together they last about a second.
const ATTEMPTS: i32 = 900;

/// Why a database can't store sessions.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("can't open the session database {path}: {source}")]
    Refused { path: String, source: rusqlite::Error },
    #[error(
        "session database {path} has journal mode {mode}, not wal: \
         it must be a file on a local disk (SqliteStore::in_memory makes one in memory)"
    )]
    NoWal { path: String, mode: String },
}

/// The connection for writes and the read-only one. The table exists afterwards.
pub(crate) fn file(path: &Path) -> Result<(Connection, Connection), StoreError> {
    let shown = || path.display().to_string();
    let refused = |source| StoreError::unavailable(OpenError::Refused { path: shown(), source });
    let writer = connect(path).map_err(refused)?;
    let mode = write_ahead(&writer).map_err(refused)?;
    if mode != "wal" {
        return Err(StoreError::unavailable(OpenError::NoWal { path: shown(), mode }));
    }
    create_table(&writer).map_err(refused)?;
    let reader = connect(path).map_err(refused)?;
    reader.pragma_update(None, "query_only", true).map_err(refused)?;
    Ok((writer, reader))
}

/// The only connection of a database in memory.
pub(crate) fn in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory().map_err(StoreError::unavailable)?;
    create_table(&connection).map_err(StoreError::unavailable)?;
    Ok(connection)
}

/// Turns the write-ahead log on, and returns the journal mode.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    // A change of the journal mode needs an exclusive lock, and SQLite does not always wait for it.
    let mut attempt = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait(attempt) => attempt += 1,
            mode => return mode,
        }
    }
}

fn create_table(connection: &Connection) -> rusqlite::Result<()> {
    // Every acknowledged write is on disk, not only in the operating system's cache.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(SCHEMA)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLite's own busy handler pauses longer each time. Against a process that writes without a
    // pause it would rarely get the lock, so this one tries often.
    connection.busy_handler(Some(wait))?;
    Ok(connection)
}

/// Pauses before the next attempt. Returns whether there is one.
fn wait(attempt: i32) -> bool {
    sleep(PAUSE);
    attempt < ATTEMPTS
}
