//! The SQLite store of tower-sessions, which is asked from another program.

use anyhow::Result;
use okibi_bench_kit::{race::take_turns, site::Site};
use tower_sessions_sqlx_store::{
    SqliteStore,
    sqlx::{
        SqlitePool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use crate::servers::tower_sessions::app;

/// Its store in a file, with the journal and the syncs that okibi has: a write is on the disk when
/// it is answered.
pub(crate) async fn store(path: &str) -> Result<SqliteStore> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let store = SqliteStore::new(SqlitePool::connect_with(options).await?);
    store.migrate().await?;
    Ok(store)
}

/// Lets its app be measured in turns with okibi's.
///
/// # Errors
/// The file can't be opened, or a request fails.
pub async fn race(path: &str, visitors: usize) -> Result<()> {
    take_turns(&Site::new("tower-sessions", app(store(path).await?), visitors).await?).await
}
