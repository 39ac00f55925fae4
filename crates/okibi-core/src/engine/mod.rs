//! The engine (being written).
pub(crate) mod exchange;
