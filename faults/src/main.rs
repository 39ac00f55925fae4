//! `okibi-faults`: one run of the fault rig from the command line.
#![forbid(unsafe_code)]

fn main() {}
