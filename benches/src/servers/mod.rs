//! okibi and tower-sessions on a real Redis and a real Postgres: throughput, latency, and the
//! commands that they send.

pub mod counts;
pub(crate) mod okibi;
pub mod race;
mod relay;
pub mod rig;
pub(crate) mod tower_sessions;
