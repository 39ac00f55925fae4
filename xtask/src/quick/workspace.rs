//! The repository as `quick` sees it: its crates, their dependencies, and the tests that read other
//! files.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::manifest::of_cargo;

/// Folders that are separate workspaces: their crates are not in this one.
const APART: [&str; 2] = ["benches/", "fuzz/"];

/// The test that has other files of `tests` as its modules.
const ALL: &str = "all";

/// A crate of the workspace.
#[derive(Debug)]
struct Package {
    /// With a slash at its end.
    folder: String,
    name: String,
    /// The crates that it depends on, also for tests.
    needs: BTreeSet<String>,
}

/// The crates, and the test files with their contents.
#[derive(Debug)]
pub(super) struct Workspace {
    packages: Vec<Package>,
    tests: BTreeMap<String, String>,
}

/// Whether a file describes crates or tests.
pub(super) fn is_of_interest(path: &str) -> bool {
    is_manifest(path) || is_rust_test(path) || is_vitest(path)
}

fn is_manifest(path: &str) -> bool {
    path.ends_with("/Cargo.toml") && !APART.iter().any(|folder| path.starts_with(folder))
}

fn is_rust_test(path: &str) -> bool {
    path.contains("/tests/") && path.rsplit_once('.').is_some_and(|(_, ending)| ending == "rs")
}

/// Whether Vitest runs a test with the package's configuration. Others have their own.
pub(super) fn is_vitest(path: &str) -> bool {
    path.starts_with("packages/okibi/test/") && path.ends_with(".test.ts") && other_vitest(path).is_none()
}

/// The part of `cargo xtask test` for a test with its own configuration.
pub(super) fn other_vitest(path: &str) -> Option<&'static str> {
    let inside = path.strip_prefix("packages/okibi/test/")?;
    match inside.split('/').next()? {
        "consumers" => Some("consumers"),
        "guides" => Some("guides"),
        "runtimes" => Some("runtimes"),
        "stores" => Some("stores"),
        _ => inside.contains("/real/").then_some("stores"),
    }
}

impl Workspace {
    /// Reads these files, each a path with its contents.
    pub(super) fn of(files: &BTreeMap<String, String>) -> Self {
        let packages = files.iter().filter(|(path, _)| is_manifest(path)).filter_map(|(path, text)| {
            let dependencies = of_cargo(text);
            let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))?;
            Some(Package {
                folder: path.strip_suffix("Cargo.toml")?.to_owned(),
                name: name.to_owned(),
                needs: dependencies.into_iter().map(|found| found.name).filter(|needed| needed != name).collect(),
            })
        });
        let packages = packages.collect();
        let tests =
            files.iter().filter(|(path, _)| !is_manifest(path)).map(|(path, text)| (path.clone(), text.clone()));
        Self { packages, tests: tests.collect() }
    }

    /// The crate of a file.
    pub(super) fn package_of(&self, path: &str) -> Option<&str> {
        let holds = self.packages.iter().filter(|package| path.starts_with(&package.folder));
        holds.max_by_key(|package| package.folder.len()).map(|package| package.name.as_str())
    }

    /// The crates that depend on one of these, directly or indirectly.
    pub(super) fn dependents_of(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let mut reached = names.clone();
        loop {
            let more = self.packages.iter().filter(|package| !package.needs.is_disjoint(&reached));
            let more: BTreeSet<String> = more.map(|package| package.name.clone()).collect();
            if more.is_subset(&reached) {
                return reached.difference(names).cloned().collect();
            }
            reached.extend(more);
        }
    }

    /// The Rust tests with sources that name a file, as crate and test.
    pub(super) fn rust_tests_that_read(&self, name: &str) -> BTreeSet<(String, String)> {
        let readers = self.readers(name).filter(|path| is_rust_test(path));
        readers.filter_map(|path| Some((self.package_of(path)?.to_owned(), self.target(path)?))).collect()
    }

    /// The TypeScript tests that name a file. Vectors are named without the extension.
    pub(super) fn vitests_that_read(&self, name: &str) -> BTreeSet<String> {
        let vectors = name.strip_suffix(".json").map(|stem| format!("('{stem}')"));
        let readers = self.readers(name).chain(vectors.iter().flat_map(|vectors| self.readers(vectors)));
        readers.filter(|path| is_vitest(path)).map(str::to_owned).collect()
    }

    fn readers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.tests.iter().filter(move |(_, text)| text.contains(name)).map(|(path, _)| path.as_str())
    }

    /// The test of a file under `tests`, or of a module of a test.
    fn target(&self, path: &str) -> Option<String> {
        let (folder, inside) = path.split_once("/tests/")?;
        let name = inside.split_once('/').map_or_else(|| inside.strip_suffix(".rs"), |(name, _)| Some(name))?;
        let is_module = |text: &String| text.contains(&format!("\nmod {name};\n"));
        if self.tests.get(&format!("{folder}/tests/{ALL}.rs")).is_some_and(is_module) {
            return Some(ALL.to_owned());
        }
        let own = [format!("{folder}/tests/{name}.rs"), format!("{folder}/tests/{name}/main.rs")];
        own.iter().any(|file| self.tests.contains_key(file)).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Workspace, other_vitest};

    #[test]
    fn a_file_of_tests_belongs_to_the_test_that_compiles_it() {
        let files = [
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/tests/all.rs", "//! All.\n\nmod cookies;\nmod support;\n"),
            ("crates/a/tests/cookies.rs", "page.md"),
            ("crates/a/tests/support/mod.rs", "support.md"),
            ("crates/a/tests/apps/main.rs", ""),
            ("crates/a/tests/apps/plan.rs", "page.md"),
            ("crates/a/tests/alone.rs", "page.md"),
        ];
        let workspace = Workspace::of(&files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
        let tests = |name| workspace.rust_tests_that_read(name).into_iter().map(|(_, test)| test).collect::<Vec<_>>();
        assert_eq!(tests("page.md"), ["all", "alone", "apps"]);
        assert_eq!(tests("support.md"), ["all"]);
    }

    #[test]
    fn what_the_configuration_leaves_out_has_a_part_of_its_own() {
        let file = crate::npm::package().join("vitest.config.ts");
        let text = std::fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.trim_start().starts_with("exclude: ['test/")).unwrap();
        let folders: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        assert!(folders.contains(&"test/stores/**"), "{line}");
        for folder in folders {
            let path = folder.replace("/*/", "/any/").replace("/**", "/a.test.ts");
            assert!(other_vitest(&format!("packages/okibi/{path}")).is_some(), "{folder}: not in other_vitest");
        }
    }
}
