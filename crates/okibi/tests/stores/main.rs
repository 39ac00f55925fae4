//! The axum face on the stores that need no server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[macro_use]
mod suite;
mod backend;
mod everywhere;
mod semantics;
#[path = "../../../okibi-tower/tests/support/mod.rs"]
mod support;

use std::sync::Arc;

use backend::Backend;
use okibi::{MemoryStore, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// One memory store, shared within the process.
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    type Store = Arc<MemoryStore>;

    async fn open(&self) -> Self::Store {
        Arc::clone(&self.0)
    }

    async fn records(&self) -> usize {
        self.0.len()
    }
}

/// One file in a folder of its own.
struct File(TempDir);

impl Backend for File {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("sessions.db")).unwrap()
    }

    async fn records(&self) -> usize {
        let database = Connection::open(self.0.path().join("sessions.db")).unwrap();
        let count: i64 = database.query_row("SELECT count(*) FROM okibi_sessions", [], |row| row.get(0)).unwrap();
        usize::try_from(count).unwrap()
    }
}

on_store!(memory, async { Memory(Arc::new(MemoryStore::new())) });
on_store!(sqlite, async { File(tempfile::tempdir().unwrap()) });
