//! The Rust parts of the tests: formatter, linter, tests, features, documentation, `no_std`.

use std::fs;

use crate::{
    run::{During, Failure, Outcome, cargo, read, root, run},
    wasm,
};

pub(super) fn need_rustfmt() -> Outcome {
    need_component("fmt", "rustfmt")
}

pub(super) fn need_clippy() -> Outcome {
    need_component("clippy", "clippy")
}

fn need_component(subcommand: &str, component: &str) -> Outcome {
    match read(cargo().args([subcommand, "--version"])) {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure(format!("{component}: not installed; `rustup component add {component}`"))),
    }
}

/// The workspace and the separate workspaces.
pub(super) fn format() -> Outcome {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in ["fuzz/Cargo.toml", "benches/Cargo.toml", "benches/kit/Cargo.toml", "benches/sqlite/Cargo.toml"] {
        if root().join(manifest).is_file() {
            run(cargo().args(["fmt", "--manifest-path", manifest, "--check"]))?;
        }
    }
    Ok(())
}

/// The workspace with all features, and the fuzz targets (without libFuzzer, which needs a C++
/// compiler).
pub(super) fn clippy() -> Outcome {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    run(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--all-features"]).args(DENY))?;
    run(cargo().args(["clippy", "--quiet", "--all-features"]).args(OUTAGES).args(DENY))?;
    run(cargo().args(["clippy", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--all-targets"]).args(DENY))
}

/// Crates with tests that need a server.
pub(crate) const BACKENDS: [&str; 4] = ["okibi-servers", "okibi-redis", "okibi-postgres", "okibi-mysql"];

/// Tests of the crate for users that need a server. They run only if they are named.
const OUTAGES: &[&str] = &[
    "--package",
    "okibi",
    "--test",
    "mysql",
    "--test",
    "nginx",
    "--test",
    "postgres",
    "--test",
    "redis",
    "--test",
    "outage",
    "--test",
    "outage-leaks",
    "--test",
    "stores-on-servers",
];

/// Whether a test of a crate needs a server.
pub(crate) fn wants_server(package: &str, test: &str) -> bool {
    BACKENDS.contains(&package) || (package == "okibi" && OUTAGES.contains(&test))
}

/// All tests except those that need a server or have their own part.
pub(super) fn tests() -> Outcome {
    let mut command = cargo();
    command.args(["test", "--quiet", "--workspace", "--all-features", "--no-fail-fast"]);
    for package in BACKENDS.into_iter().chain(["okibi-faults"]) {
        command.args(["--exclude", package]);
    }
    run(&mut command)
}

/// The stores with servers as backends. The tests start the servers.
pub(super) fn databases() -> Outcome {
    let mut command = cargo();
    command.args(["test", "--quiet", "--all-features", "--no-fail-fast"]);
    for package in BACKENDS {
        command.args(["--package", package]);
    }
    run(&mut command)?;
    // Responses during a failure of such a store. Most of the time is waiting.
    run(cargo().args(["test", "--quiet", "--all-features"]).args(OUTAGES).args(["--", "--test-threads", "8"]))
}

/// The crate for users, without features and with each feature alone; and the engine with the
/// features of `okibi.wasm`.
pub(super) fn features() -> Outcome {
    let engine = ["clippy", "--quiet", "--package", "okibi-core", "--package", "okibi-wasm", "--no-default-features"];
    run(cargo().args(engine).args(["--", "-D", "warnings"]))?;
    let manifest = root().join("crates/okibi/Cargo.toml");
    let text = fs::read_to_string(&manifest).during(manifest.display())?;
    let check = ["check", "--quiet", "--package", "okibi", "--no-default-features"];
    run(cargo().args(check))?;
    for feature in features_in(&text) {
        run(cargo().args(check).args(["--features", feature]))?;
    }
    Ok(())
}

/// The feature names of a manifest, except `default`.
fn features_in(manifest: &str) -> Vec<&str> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(['#', ' ', ']']))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim().trim_matches('"')))
        .filter(|name| *name != "default")
        .collect()
}

pub(super) fn docs() -> Outcome {
    let mut command = cargo();
    command.env("RUSTDOCFLAGS", "-D warnings");
    run(command.args(["doc", "--quiet", "--workspace", "--no-deps", "--all-features"]))
}

/// Compiles the engine for a target without a standard library.
pub(super) fn no_std() -> Outcome {
    wasm::need_target()?;
    run(cargo().args(["check", "--quiet", "--package", "okibi-core", "--target", wasm::TARGET]))
}

#[cfg(test)]
mod tests {
    use super::features_in;

    #[test]
    fn features_are_read_from_a_manifest() {
        let text = "[package]\nname = \"a\"\n[features]\n# The face for axum.\ndefault = [\"axum\"]\naxum = [\n    \"b=1\",\n]\n\"redis\" = []\n\n[lints]\nworkspace = true\n";
        assert_eq!(features_in(text), ["axum", "redis"]);
        assert_eq!(features_in("[package]\n"), [] as [&str; 0]);
    }
}
