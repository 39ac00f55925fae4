//! okibi and tower-sessions on a real Redis and a real Postgres: throughput, latency, and the
//! commands that they send.

pub mod counts;
mod okibi;
pub mod race;
mod relay;
pub mod rig;
pub mod site;
mod tower_sessions;
