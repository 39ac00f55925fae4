//! Turns a plan into commands, those that fail most often and soonest first.

use std::{fmt, thread};

use super::plan::{ENUMERATING, Plan, SLOW};
use crate::{
    npm::{install, package},
    run::{Outcome, cargo, node, npm, root, run},
    test::{BACKENDS, install_tools},
    tidy,
    wasm::{self, Effort},
};

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Tidy,
    Cargo(Vec<String>),
    /// A folder with a biome configuration, and its files.
    Biome(&'static str, Vec<String>),
    Types,
    /// Vitest with these arguments, in the package's folder.
    Vitest(Vec<String>),
}

/// The steps of a plan, in their order.
pub(super) fn of(plan: &Plan) -> Vec<Step> {
    let mut steps = vec![Step::Tidy];
    steps.extend(format(plan));
    steps.extend(biome(plan));
    steps.extend(rust(plan));
    steps.extend(plan.types.then_some(Step::Types));
    steps.extend(vitest(plan));
    steps
}

fn format(plan: &Plan) -> Vec<Step> {
    let mut steps = Vec::new();
    if plan.format_all {
        steps.push(cargo_step(&["fmt", "--all", "--check"], []));
    } else if !plan.format.is_empty() {
        steps.push(cargo_step(&["fmt", "--check"], packages(&plan.format)));
    }
    for folder in &plan.format_apart {
        steps.push(cargo_step(&["fmt", "--check", "--manifest-path"], [format!("{folder}/Cargo.toml")]));
    }
    steps
}

fn biome(plan: &Plan) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (folder, path) in &plan.biome {
        let inside = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/').to_owned();
        match steps.last_mut() {
            Some(Step::Biome(last, files)) if *last == *folder => files.push(inside),
            _ => steps.push(Step::Biome(folder, vec![inside])),
        }
    }
    steps
}

fn rust(plan: &Plan) -> Vec<Step> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    let mut steps = Vec::new();
    if plan.check_all {
        steps.push(cargo_step(&["check", "--quiet", "--workspace", "--all-targets", "--all-features"], []));
    }
    if !plan.crates.is_empty() {
        let mut clippy = packages(&plan.crates);
        clippy.extend(DENY.map(str::to_owned));
        steps.push(cargo_step(&["clippy", "--quiet", "--all-targets", "--all-features"], clippy));
        let (servers, others): (Vec<String>, Vec<String>) =
            plan.crates.iter().cloned().partition(|name| BACKENDS.contains(&name.as_str()));
        let test = ["test", "--quiet", "--all-features", "--no-fail-fast"];
        let skipped = ENUMERATING
            .iter()
            .filter(|(package, _)| plan.crates.contains(*package) && !plan.changed_tests.contains(*package))
            .flat_map(|(_, names)| names.iter().flat_map(|name| ["--skip", name]));
        let mut skipped: Vec<String> = skipped.map(str::to_owned).collect();
        if !skipped.is_empty() {
            skipped.insert(0, "--".to_owned());
        }
        steps.extend(some(packages(&others)).map(|packages| cargo_step(&test, [packages, skipped].concat())));
        // The tests without a server are in the sources of these crates.
        let in_sources = [&test[..], &["--lib"]].concat();
        steps.extend(some(packages(&servers)).map(|packages| cargo_step(&in_sources, packages)));
    }
    for (package, target) in &plan.rust_tests {
        let arguments = ["--package", package, "--test", target].map(str::to_owned);
        steps.push(cargo_step(&["test", "--quiet", "--all-features"], arguments));
    }
    if !plan.dependents.is_empty() {
        steps.push(cargo_step(&["check", "--quiet", "--all-features"], packages(&plan.dependents)));
    }
    if plan.fuzz {
        steps.push(cargo_step(
            &["clippy", "--quiet", "--all-targets", "--manifest-path", "fuzz/Cargo.toml"],
            DENY.map(str::to_owned),
        ));
    }
    steps
}

fn vitest(plan: &Plan) -> Vec<Step> {
    let mut steps = Vec::new();
    // One worker per core: the slow tests, which need a core of their own, are not among these.
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let in_package = |path: &String| path.strip_prefix("packages/okibi/").unwrap_or(path).to_owned();
    let start = |word: &str| vec![word.to_owned(), format!("--maxWorkers={workers}")];
    if !plan.related.is_empty() {
        let mut arguments = start("related");
        arguments.push("--run".to_owned());
        arguments.extend(SLOW.iter().map(|name| format!("--exclude=test/{name}.test.ts")));
        arguments.extend(plan.related.iter().map(in_package));
        steps.push(Step::Vitest(arguments));
    }
    if !plan.vitests.is_empty() {
        let mut arguments = start("run");
        arguments.extend(plan.vitests.iter().map(in_package));
        steps.push(Step::Vitest(arguments));
    }
    steps
}

fn cargo_step(start: &[&str], rest: impl IntoIterator<Item = String>) -> Step {
    Step::Cargo(start.iter().map(|word| (*word).to_owned()).chain(rest).collect())
}

fn packages<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    names.into_iter().flat_map(|name| ["--package".to_owned(), name.clone()]).collect()
}

fn some(packages: Vec<String>) -> Option<Vec<String>> {
    (!packages.is_empty()).then_some(packages)
}

impl Step {
    /// Runs the step.
    pub(super) fn run(&self) -> Outcome {
        match self {
            Self::Tidy => tidy::check(),
            Self::Cargo(arguments) => run(cargo().args(arguments)),
            Self::Biome(folder, files) => {
                install(&package())?;
                let mut biome = node(&root().join(folder));
                biome
                    .arg(package().join("node_modules/@biomejs/biome/bin/biome"))
                    .args(["check", "--error-on-warnings"]);
                if !root().join(folder).join("biome.json").is_file() {
                    biome.arg("--config-path").arg(package());
                }
                run(biome.arg("--no-errors-on-unmatched").args(files))
            }
            Self::Types => {
                wasm::build(Effort::Quick)?;
                install(&package())?;
                run(npm(&package()).args(["run", "--silent", "types"]))
            }
            Self::Vitest(arguments) => {
                wasm::build(Effort::Quick)?;
                install(&package())?;
                install_tools()?;
                run(node(&package()).arg("node_modules/vitest/vitest.mjs").args(arguments))
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tidy => f.write_str("cargo xtask tidy"),
            Self::Cargo(arguments) => write!(f, "cargo {}", arguments.join(" ")),
            Self::Biome(folder, files) => write!(f, "biome check {} (in {folder})", files.join(" ")),
            Self::Types => f.write_str("npm run types"),
            Self::Vitest(arguments) => write!(f, "vitest {}", arguments.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{super::workspace::Workspace, Plan, of};

    const FILES: &[(&str, &str)] = &[
        ("crates/okibi-core/Cargo.toml", "[package]\nname = \"okibi-core\"\n[dependencies]\nbytes = \"1\"\n"),
        ("crates/okibi-store/Cargo.toml", "[package]\nname = \"okibi-store\"\n[dependencies]\nokibi-core = \"1\"\n"),
        ("crates/okibi-redis/Cargo.toml", "[package]\nname = \"okibi-redis\"\n[dependencies]\nokibi-store = \"1\"\n"),
        ("crates/okibi/Cargo.toml", "[package]\nname = \"okibi\"\n[dev-dependencies]\nokibi-redis = \"1\"\n"),
        ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n"),
        ("crates/okibi/tests/cookies.rs", "include_str!(\"../../../docs/cookies.md\")"),
        ("crates/okibi/tests/redis.rs", "include_str!(\"../../../docs/stores.md\")"),
        ("crates/okibi/tests/stores/servers.rs", ""),
        ("crates/okibi-core/tests/options.rs", "join(\"../../vectors/options.json\")"),
        ("crates/okibi-core/tests/shared/mod.rs", "options.json"),
        ("packages/okibi/test/cookies-docs.test.ts", "new URL('../../../docs/cookies.md', import.meta.url)"),
        ("packages/okibi/test/config.test.ts", "readVectors<Case[]>('options')"),
        ("packages/okibi/test/stores/docs.test.ts", "'../../../../docs/stores.md'"),
    ];

    /// The commands for changed files, and the parts that are not run. A path that begins with `-`
    /// is deleted.
    fn steps(changed: &[&str]) -> Vec<String> {
        let files: BTreeMap<_, _> = FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let paths: BTreeSet<_> = changed.iter().map(|path| path.trim_start_matches('-').to_owned()).collect();
        let exists = |path: &str| !changed.contains(&format!("-{path}").as_str());
        let plan = Plan::of(&paths, &Workspace::of(&files), &exists);
        let mut shown: Vec<String> = of(&plan).iter().map(ToString::to_string).collect();
        assert_eq!(shown.remove(0), "cargo xtask tidy");
        shown.extend(plan.elsewhere.iter().map(|part| format!("not: {part}")));
        // The number of cores is irrelevant here.
        shown
            .iter()
            .map(|step| step.split(' ').filter(|word| !word.starts_with("--maxWorkers")).collect::<Vec<_>>().join(" "))
            .collect()
    }

    #[test]
    fn a_source_of_a_crate_asks_for_its_tests_and_checks_what_depends_on_it() {
        assert_eq!(
            steps(&["crates/okibi-store/src/memory.rs"]),
            [
                "cargo fmt --check --package okibi-store",
                "cargo clippy --quiet --all-targets --all-features --package okibi-store -- -D warnings",
                "cargo test --quiet --all-features --no-fail-fast --package okibi-store",
                "cargo check --quiet --all-features --package okibi --package okibi-redis",
            ]
        );
    }

    #[test]
    fn the_longest_tests_of_a_crate_run_only_if_one_of_its_tests_changed() {
        let test = |steps: Vec<String>| steps.into_iter().find(|step| step.starts_with("cargo test")).unwrap();
        let source = test(steps(&["crates/okibi-core/src/time.rs"]));
        assert!(source.contains("--package okibi-core -- --skip h3_no_late_write"), "{source}");
        let tests = test(steps(&["crates/okibi-core/src/time.rs", "crates/okibi-core/tests/late.rs"]));
        assert!(tests.ends_with("--package okibi-core"), "{tests}");
    }

    #[test]
    fn what_needs_a_server_is_tested_elsewhere() {
        assert_eq!(
            steps(&["crates/okibi-redis/src/script/swap.lua"]),
            [
                "cargo clippy --quiet --all-targets --all-features --package okibi-redis -- -D warnings",
                "cargo test --quiet --all-features --no-fail-fast --lib --package okibi-redis",
                "cargo check --quiet --all-features --package okibi",
                "not: databases",
            ]
        );
    }

    #[test]
    fn a_source_in_typescript_asks_for_the_tests_that_import_it() {
        let steps = steps(&["packages/okibi/src/view.ts"]);
        assert_eq!(steps[..2], ["biome check src/view.ts (in packages/okibi)", "npm run types"]);
        assert!(steps[2].starts_with("vitest related --run --exclude=test/aborted.test.ts"), "{}", steps[2]);
        assert!(steps[2].ends_with(" src/view.ts"), "{}", steps[2]);
        assert_eq!(steps[3..], ["not: vitest"]);
    }

    #[test]
    fn a_test_in_typescript_is_run() {
        assert_eq!(
            steps(&["packages/okibi/test/races.test.ts", "packages/okibi/test/stores/redis.test.ts"]),
            [
                "biome check test/races.test.ts test/stores/redis.test.ts (in packages/okibi)",
                "npm run types",
                "vitest run test/races.test.ts",
                "not: stores",
            ]
        );
    }

    #[test]
    fn a_page_or_a_vector_asks_for_the_tests_that_read_it() {
        assert_eq!(
            steps(&["docs/cookies.md"]),
            [
                "cargo test --quiet --all-features --package okibi --test cookies",
                "vitest run test/cookies-docs.test.ts",
                "not: guides",
                "not: site",
            ]
        );
        assert_eq!(steps(&["docs/stores.md"]), ["not: databases", "not: guides", "not: site"]);
        assert_eq!(
            steps(&["vectors/options.json"]),
            ["cargo test --quiet --all-features --package okibi-core --test options", "vitest run test/config.test.ts",]
        );
        assert_eq!(steps(&["SECURITY.md", ".github/dependabot.yml"]), [] as [&str; 0]);
    }

    #[test]
    fn what_was_deleted_is_given_to_no_formatter() {
        assert_eq!(steps(&["-packages/okibi/src/old.ts"]), ["npm run types", "not: vitest"]);
    }

    #[test]
    fn what_all_crates_are_compiled_with_asks_for_all_of_them() {
        let check = "cargo check --quiet --workspace --all-targets --all-features";
        assert_eq!(steps(&["Cargo.lock"]), [check]);
        assert_eq!(steps(&["rustfmt.toml"]), ["cargo fmt --all --check"]);
        let steps = steps(&["Cargo.toml", "xtask/src/main.rs"]);
        assert_eq!(steps[..2], ["cargo fmt --check --package xtask", check]);
        assert_eq!(steps.len(), 4);
    }

    #[test]
    fn other_workspaces_and_other_javascript_have_steps_of_their_own() {
        assert_eq!(
            steps(&["fuzz/src/lib.rs", "benches/src/main.rs", "examples/hono/app.ts", "faults/hono/app.ts"]),
            [
                "cargo fmt --check --manifest-path benches/Cargo.toml",
                "cargo fmt --check --manifest-path fuzz/Cargo.toml",
                "biome check hono/app.ts (in examples)",
                "biome check hono/app.ts (in faults)",
                "cargo clippy --quiet --all-targets --manifest-path fuzz/Cargo.toml -- -D warnings",
                "not: examples",
                "not: faults",
                "not: fuzz",
            ]
        );
    }

    #[test]
    fn the_longest_tests_of_a_crate_are_among_its_tests() {
        for (package, names) in super::ENUMERATING {
            let folder = crate::run::root().join("crates").join(package).join("tests");
            let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let texts = files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap());
            let texts: Vec<String> = texts.collect();
            for name in *names {
                let is_there = texts.iter().any(|text| text.contains(&format!("fn {name}()")));
                assert!(is_there, "{name}: no test of {package}; ENUMERATING in quick/plan.rs names it");
            }
        }
    }

    #[test]
    fn the_slow_tests_are_files_of_the_package() {
        for name in super::SLOW {
            let file = crate::npm::package().join(format!("test/{name}.test.ts"));
            assert!(file.is_file(), "{}: not there; SLOW in quick/plan.rs names it", file.display());
        }
    }
}
