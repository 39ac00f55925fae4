//! The fault rig: workers run random session histories while servers fail, and a checker proves what must hold.
#![forbid(unsafe_code)]

fn main() {}
