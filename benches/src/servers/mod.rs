//! okibi and tower-sessions on a real Redis and a real Postgres: how much each serves, how soon, and what it asks for.

pub mod counts;
mod okibi;
pub mod race;
mod relay;
pub mod rig;
pub mod site;
mod tower_sessions;
