//! Faults without a server: of a SQLite file, of its small disk, and of the writes of a store.

mod late;
mod sqlite;

use std::path::Path;

use self::sqlite::{Full, SlowReader};
pub use self::{
    late::{LateStore, LateWrites, Lateness},
    sqlite::{Disk, go_apart},
};
use crate::backend::Fault;

/// The faults of a SQLite file, and of its own disk if it has one.
pub fn of_sqlite(path: &Path, disk: Option<&Disk>) -> Vec<Box<dyn Fault>> {
    let mut faults: Vec<Box<dyn Fault>> = vec![Box::new(SlowReader(path.to_owned()))];
    if let Some(folder) = path.parent().filter(|_| disk.is_some()) {
        faults.push(Box::new(Full(folder.to_owned())));
    }
    faults
}
