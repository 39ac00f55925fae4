//! `cargo xtask tidy`: the house rules, as code.

mod abilities;
mod changelog;
mod circles;
mod decisions;
mod dependabot;
mod facts;
mod heads;
mod leftovers;
mod length;
mod links;
mod locks;
pub(crate) mod manifest;
mod manifests;
mod pages;
mod paths;
mod readme;
mod requirements;
mod rooms;
mod scan;
mod source;
mod subpaths;
mod unsafe_code;
mod wasm_border;
mod words;

use std::{collections::BTreeSet, fs, process::Command};

use crate::run::{During, Outcome, fail, read, root};
use source::{File, Finding, Repository};

/// A rule reads the repository and returns its findings.
type Rule = fn(&Repository) -> Vec<Finding>;

const RULES: &[Rule] = &[
    heads::check,
    length::check,
    links::check,
    rooms::check,
    circles::check,
    abilities::check,
    decisions::check,
    wasm_border::check,
    facts::check,
    subpaths::check,
    unsafe_code::check,
    leftovers::check,
    locks::check,
    manifests::check,
    changelog::check,
    dependabot::check,
    pages::check,
    paths::check,
    readme::check,
    requirements::check,
    words::check,
];

/// Checks every rule and prints each finding on a line of its own.
pub(crate) fn check() -> Outcome {
    let repository = load()?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&repository)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files keep the house rules", repository.files.len());
            Ok(())
        }
        1 => fail("1 finding"),
        count => fail(format!("{count} findings")),
    }
}

/// All UTF-8 files that git tracks or would track.
fn load() -> Outcome<Repository> {
    let tracked: BTreeSet<String> = list(&["ls-files", "-z"])?.into_iter().collect();
    let mut files = Vec::new();
    for path in list(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])? {
        let full = root().join(&path);
        // Skips links, deleted files that are still in the index, and binary files.
        if full.is_symlink() || !full.is_file() {
            continue;
        }
        if let Ok(text) = String::from_utf8(fs::read(&full).during(full.display())?) {
            files.push(File::new(path, text));
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(Repository { files, tracked })
}

fn list(arguments: &[&str]) -> Outcome<Vec<String>> {
    let names = read(Command::new("git").current_dir(root()).args(arguments))?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}
