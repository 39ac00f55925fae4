//! The fault rig: browsers run random session histories while servers fail, and a checker verifies
//! the guarantees.
//!
//! `docs/faults.md` explains what it proves, how to run it and how to read its findings.
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
