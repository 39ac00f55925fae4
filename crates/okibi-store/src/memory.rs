//! The bounded in-memory store (being written).

/// Sessions in memory.
#[derive(Debug, Default)]
pub struct MemoryStore;
