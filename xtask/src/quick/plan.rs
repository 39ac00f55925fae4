//! Decides what to check for the changed files.

use std::collections::BTreeSet;

use super::workspace::{Workspace, is_vitest, other_vitest};
use crate::test::{BACKENDS, wants_server};

/// Files that configure the compilation of the whole workspace.
const OF_ALL: &[&str] = &[".cargo/config.toml", "Cargo.lock", "Cargo.toml", "clippy.toml", "rust-toolchain.toml"];

/// Folders with a biome configuration, the innermost first.
const BIOME: &[&str] = &["packages/okibi", "examples", "benches", "docs", "faults"];

/// Extensions of the files that biome checks.
const BIOME_KNOWS: &[&str] = &["cjs", "css", "js", "json", "jsonc", "mjs", "mts", "ts"];

/// The Vitest tests that need the most processor time, together more than all others. They run here
/// only if they changed themselves.
pub(super) const SLOW: &[&str] = &[
    "aborted",
    "contract",
    "contract-defects",
    "engine",
    "hono-kv-session/config",
    "hono-sessions/parallel",
    "hono-sessions/random",
    "joined",
    "races",
    "reuse/reuse",
];

/// The tests in Rust that enumerate all orders of events, with their crate. They run here only if a
/// test of the crate changed.
pub(super) const ENUMERATING: &[(&str, &[&str])] = &[(
    "okibi-core",
    &[
        "h3_no_late_write_restores_an_ended_session",
        "n1_s18_in_every_order_an_ended_session_stays_ended_and_one_rotation_wins",
    ],
)];

/// What to check. Each crate and each file occurs once.
#[expect(clippy::struct_excessive_bools, reason = "each is a kind of change that asks for one thing")]
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Crates with a changed source.
    pub(super) format: BTreeSet<String>,
    /// Folders of separate workspaces with a changed source.
    pub(super) format_apart: BTreeSet<String>,
    /// The formatter's settings changed.
    pub(super) format_all: bool,
    /// Crates with a changed file, for linter and tests.
    pub(super) crates: BTreeSet<String>,
    /// Those of them with a changed test.
    pub(super) changed_tests: BTreeSet<String>,
    /// The compilation settings of all crates changed.
    pub(super) check_all: bool,
    /// Crates that depend on those.
    pub(super) dependents: BTreeSet<String>,
    /// Tests in Rust that read a changed file, as crate and test.
    pub(super) rust_tests: BTreeSet<(String, String)>,
    /// The fuzz targets changed.
    pub(super) fuzz: bool,
    /// Files for biome, each with the folder of its configuration.
    pub(super) biome: BTreeSet<(&'static str, String)>,
    /// An input of the TypeScript compiler changed.
    pub(super) types: bool,
    /// Sources and helpers. The tests that import them run.
    pub(super) related: BTreeSet<String>,
    /// Tests in TypeScript that changed, or that read a changed file.
    pub(super) vitests: BTreeSet<String>,
    /// Parts of `cargo xtask test` that a change affects and that are too slow for this task.
    pub(super) elsewhere: BTreeSet<&'static str>,
}

impl Plan {
    /// The plan for these changes. `exists` says whether a path is a file now.
    pub(super) fn of(changed: &BTreeSet<String>, workspace: &Workspace, exists: &dyn Fn(&str) -> bool) -> Self {
        let mut plan = Self::default();
        for path in changed {
            plan.add(path, workspace, exists(path));
        }
        plan.dependents = workspace.dependents_of(&plan.crates);
        // All of them are checked in any case.
        if plan.check_all {
            plan.dependents.clear();
        }
        plan.rust_tests.retain(|(package, _)| !plan.crates.contains(package));
        plan
    }

    /// One changed file.
    fn add(&mut self, path: &str, workspace: &Workspace, exists: bool) {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        if let Some(folder) =
            BIOME.iter().copied().find(|folder| is_in(path, folder)).filter(|_| BIOME_KNOWS.contains(&ending))
        {
            if exists {
                self.biome.insert((folder, path.to_owned()));
            }
            self.add_javascript(path, exists);
        } else if is_in(path, "fuzz") {
            self.fuzz = true;
            self.format_apart.extend((ending == "rs").then(|| "fuzz".to_owned()));
            self.elsewhere.insert("fuzz");
        } else if is_in(path, "benches") {
            self.format_apart.extend((ending == "rs").then(|| "benches".to_owned()));
        } else if let Some(package) = workspace.package_of(path) {
            self.crates.insert(package.to_owned());
            self.changed_tests.extend(path.contains("/tests/").then(|| package.to_owned()));
            self.format.extend((ending == "rs").then(|| package.to_owned()));
            self.elsewhere.extend(elsewhere(package));
        } else if OF_ALL.contains(&path) {
            self.check_all = true;
        } else if path == "rustfmt.toml" {
            self.format_all = true;
        } else {
            self.add_document(path, workspace);
        }
    }

    /// A file of TypeScript or JavaScript, or a file that configures its compilation.
    fn add_javascript(&mut self, path: &str, exists: bool) {
        let Some(inside) = path.strip_prefix("packages/okibi/") else {
            // The fault rig and the benches have no quick tests.
            self.elsewhere.extend(is_in(path, "examples").then_some("examples"));
            self.elsewhere.extend(is_in(path, "docs").then_some("site"));
            self.elsewhere.extend(is_in(path, "faults").then_some("faults"));
            return;
        };
        self.types = true;
        match other_vitest(path) {
            Some(part) => {
                self.elsewhere.insert(part);
            }
            None if inside.starts_with("scripts/") => {
                self.elsewhere.insert("consumers");
            }
            None if !exists || !inside.contains('/') => {
                self.elsewhere.insert("vitest");
            }
            None if is_vitest(path) => {
                self.vitests.insert(path.to_owned());
            }
            None => {
                self.related.insert(path.to_owned());
                self.elsewhere.insert("vitest");
            }
        }
    }

    /// A file that is not source code. The tests that name it check it.
    fn add_document(&mut self, path: &str, workspace: &Workspace) {
        let name = path.rsplit('/').next().unwrap_or(path);
        for test in workspace.rust_tests_that_read(name) {
            if wants_server(&test.0, &test.1) {
                self.elsewhere.insert("databases");
            } else {
                self.rust_tests.insert(test);
            }
        }
        self.vitests.extend(workspace.vitests_that_read(name));
        self.elsewhere.extend((name == "README.md").then_some("readme"));
        for part in ["guides", "site"] {
            self.elsewhere.extend(is_in(path, "docs").then_some(part));
        }
        self.elsewhere.extend(is_in(path, "examples").then_some("examples"));
    }
}

/// The parts of `cargo xtask test` that cover what the quick tests of a crate leave out.
fn elsewhere(package: &str) -> &'static [&'static str] {
    match package {
        "okibi" => &["databases"],
        "okibi-core" => &["unit", "ts"],
        "okibi-crypto" | "okibi-wasm" => &["ts"],
        "okibi-faults" => &["faults"],
        package if BACKENDS.contains(&package) => &["databases"],
        _ => &[],
    }
}

/// Whether a file is in a folder.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
