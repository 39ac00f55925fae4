//! Sessions in one SQLite file. Every instance opens it.

use std::{path::PathBuf, sync::Arc, thread::sleep, time::Duration};

use okibi::{Sessions, SqliteStore};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    inject::{self, Disk, LateStore, LateWrites, Lateness},
    random::Random,
};

struct Sqlite {
    path: PathBuf,
    lateness: Arc<Lateness>,
    /// The file in which the Hono app reads which writes to delay.
    told: PathBuf,
    faults: Vec<Box<dyn Fault>>,
    /// Its disk, if that is not the machine's.
    _disk: Option<Disk>,
    /// Removed when this is dropped.
    _folder: TempDir,
}

pub(super) fn start() -> Result<Box<dyn Backend>, Failure> {
    let folder = tempfile::tempdir()?;
    let disk = Disk::over(folder.path())?;
    let path = folder.path().join("sessions.sqlite");
    // Creates the table before several processes open it concurrently.
    drop(SqliteStore::open(&path)?);
    let mut faults: Vec<Box<dyn Fault>> = vec![Box::new(Busy(path.clone()))];
    let told = folder.path().join("late");
    let lateness = Lateness::new(Some(told.clone()));
    faults.push(Box::new(LateWrites(Arc::clone(&lateness))));
    faults.extend(inject::of_sqlite(&path, disk.as_ref()));
    Ok(Box::new(Sqlite { path, lateness, told, faults, _disk: disk, _folder: folder }))
}

impl Backend for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn sessions(&self, _instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async { Ok(Sessions::new(LateStore::new(Arc::new(SqliteStore::open(&self.path)?), &self.lateness))) })
    }

    fn hono(&self, _instance: usize) -> Option<Value> {
        Some(json!({ "kind": "sqlite", "path": &self.path, "late": &self.told }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

/// Another process holds the write lock, for less or for longer than the stores wait for it.
struct Busy(PathBuf);

impl Fault for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let (path, span) = (self.0.clone(), random.millis(200..2000));
            let hold = spawn_blocking(move || -> Result<(), Failure> {
                let connection = Connection::open(path)?;
                connection.busy_timeout(Duration::from_secs(10))?;
                connection.execute_batch("BEGIN IMMEDIATE")?;
                sleep(span);
                Ok(connection.execute_batch("ROLLBACK")?)
            });
            hold.await?
        })
    }
}
