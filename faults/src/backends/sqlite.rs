//! Sessions in one SQLite file that every instance opens for itself.

use std::path::PathBuf;

use okibi::{Sessions, SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    inject,
};

struct Sqlite {
    path: PathBuf,
    faults: Vec<Box<dyn Fault>>,
    /// Removed when this is dropped.
    _folder: TempDir,
}

pub(super) fn start() -> Result<Box<dyn Backend>, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sessions.sqlite");
    // The table, before several processes look for it at once.
    drop(SqliteStore::open(&path)?);
    let faults = inject::of_sqlite(&path);
    Ok(Box::new(Sqlite { path, faults, _folder: folder }))
}

impl Backend for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn sessions(&self, _instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async { Ok(Sessions::new(SqliteStore::open(&self.path)?)) })
    }

    fn hono(&self, _instance: usize) -> Option<Value> {
        Some(json!({ "kind": "sqlite", "path": &self.path }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}
