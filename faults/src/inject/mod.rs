//! What is done to a SQLite file from outside, and the small disk that this wants.

mod sqlite;

use std::path::Path;

pub use self::sqlite::{Disk, go_apart};
use self::sqlite::{Full, SlowReader};
use crate::backend::Fault;

/// What can be done to a SQLite file, and to the disk that it has for itself, if it has one.
pub fn of_sqlite(path: &Path, disk: Option<&Disk>) -> Vec<Box<dyn Fault>> {
    let mut faults: Vec<Box<dyn Fault>> = vec![Box::new(SlowReader(path.to_owned()))];
    if let Some(folder) = path.parent().filter(|_| disk.is_some()) {
        faults.push(Box::new(Full(folder.to_owned())));
    }
    faults
}
