//! The backends that are servers, and what is done to backends.

use std::path::Path;

use crate::backend::{Fault, Kind};

/// Every server that the rig can start.
pub const KINDS: &[Kind] = &[];

/// What can be done to a SQLite file.
pub fn of_sqlite(_path: &Path) -> Vec<Box<dyn Fault>> {
    Vec::new()
}
