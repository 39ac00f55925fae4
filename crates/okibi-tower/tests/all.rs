//! The tests of this crate as one program: as programs of their own each would compile axum and the
//! shared parts again. `allocations` counts all allocations of a program, and `apps` is long.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod after_headers;
mod cached;
mod cookies;
mod dialects;
mod failed;
mod failures;
mod flood;
mod garbage;
mod guard;
mod half_done;
mod kinds;
mod lifetime;
mod namespaces;
mod options;
mod order;
mod owners;
mod parallel;
mod plain_tower;
mod revocation;
mod same_cookie;
mod secrecy;
mod shapes;
mod support;
mod take;
mod untouched;
mod values;

/// A file without a line above would be compiled by nothing.
#[test]
fn every_file_of_tests_is_compiled() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        let is_here = include_str!("all.rs").contains(&format!("\nmod {stem};\n"));
        let is_alone = ["all", "allocations", "apps"].contains(&stem);
        assert!(is_here || is_alone, "{name}: add `mod {stem};` to tests/all.rs");
    }
}
