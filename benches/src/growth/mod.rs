//! How okibi's time and space depend on the number of sessions, on their size, and on requests at the same time.

mod memory;
mod postgres;
mod redis;

pub use self::{memory::memory, postgres::postgres, redis::redis};
