//! The fault rig: browsers run random session histories while servers fail, and a checker proves what must hold.
//!
//! `docs/faults.md` says what it proves, how to run it and how to read what it finds.
#![forbid(unsafe_code)]

pub mod backend;
pub mod backends;
mod browser;
pub mod check;
mod client;
mod faces;
pub mod history;
pub mod inject;
mod plan;
pub mod random;
pub mod run;
