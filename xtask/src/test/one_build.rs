//! Tests that the parts compile the dependencies with the same features, so that cargo builds them
//! once. `crates/okibi-servers/Cargo.toml` asks for what a part alone would not ask for.

use std::collections::BTreeSet;

use super::rust::BACKENDS;
use crate::{
    run::{cargo, read},
    site::CRATES,
};

/// The crates of a selection of packages, each with version and features.
fn crates(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let mut command = cargo();
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}", "--edges", edges]).args(selection);
    let list = read(&mut command).unwrap();
    list.lines().map(|line| line.replace(" (*)", "").replace(" (proc-macro)", "")).collect()
}

/// The selection of packages with these names.
fn packages<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().flat_map(|name| ["--package", *name]).collect()
}

#[test]
fn every_part_compiles_the_dependencies_with_the_same_features() {
    const ALL_EDGES: &str = "normal,build,dev";
    let all = crates(&["--workspace", "--all-features"], ALL_EDGES);
    let databases = [&["--all-features"], &packages(&BACKENDS)[..]].concat();
    let unit: Vec<&str> = BACKENDS.iter().chain(&["okibi-faults"]).flat_map(|name| ["--exclude", *name]).collect();
    let unit = [&["--workspace", "--all-features"], &unit[..]].concat();
    let site = [&["--all-features"], &packages(&CRATES)[..], &packages(&["okibi-servers"])].concat();
    for (part, selection, edges) in [
        ("unit", &unit[..], ALL_EDGES),
        ("databases", &databases, ALL_EDGES),
        ("outages and programs", &["--all-features", "--package", "okibi"], ALL_EDGES),
        ("faults", &["--package", "okibi-faults"], ALL_EDGES),
        ("the fault rig", &["--package", "okibi-faults"], "normal,build"),
        ("docs", &["--workspace", "--all-features"], "normal,build"),
        ("site", &site, "normal,build"),
    ] {
        let own = crates(selection, edges);
        let apart: Vec<&String> = own.difference(&all).collect();
        assert_eq!(apart, [] as [&String; 0], "{part} compiles these a second time");
    }
}
