//! `cargo xtask msrv`: compiles each crate with the oldest Rust that its manifest names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use crate::run::{During, Outcome, fail, quietly, read, root, run as run_command};

/// The crate for users. Some of its features depend on crates that need a newer Rust.
const FACADE: &str = "okibi";

/// A crate, from its manifest.
struct Crate {
    name: String,
    rust: String,
    /// The features, each with the crates of this repository that it enables.
    features: BTreeMap<String, BTreeSet<String>>,
}

/// Compiles them, with what is published of the lock file.
pub(crate) fn run() -> Outcome {
    let crates = crates()?;
    let installed = read(Command::new("rustup").args(["toolchain", "list"]))?;
    let versions: BTreeSet<&str> = crates.iter().map(|found| found.rust.as_str()).collect();
    for rust in versions {
        if !installed.lines().any(|line| line.starts_with(&format!("{rust}-")) || line.starts_with(&format!("{rust}.")))
        {
            println!("installing Rust {rust}");
            quietly(Command::new("rustup").args(["toolchain", "install", rust, "--profile", "minimal"]))?;
        }
        for arguments in checks(&crates, rust) {
            println!("== Rust {rust}: cargo {}", arguments.join(" "));
            let mut cargo = Command::new("cargo");
            run_command(cargo.current_dir(root()).arg(format!("+{rust}")).args(arguments))?;
        }
    }
    Ok(())
}

/// The crates to compile with this Rust: those that name it, and the crate for users with the
/// features that it supports.
fn checks(crates: &[Crate], rust: &str) -> Vec<Vec<String>> {
    let start = || ["check", "--quiet", "--locked"].map(str::to_owned).to_vec();
    let mut checks = Vec::new();
    let own = crates.iter().filter(|found| found.rust == rust && found.name != FACADE);
    let packages: Vec<String> = own.flat_map(|found| ["--package".to_owned(), found.name.clone()]).collect();
    if !packages.is_empty() {
        checks.push([start(), vec!["--all-features".to_owned()], packages].concat());
    }
    if let Some(facade) = crates.iter().find(|found| found.name == FACADE) {
        let wants_newer =
            |needed: &String| crates.iter().any(|found| found.name == *needed && number(&found.rust) > number(rust));
        let features = facade.features.iter().filter(|(_, brought)| !brought.iter().any(wants_newer));
        let features: Vec<&str> = features.map(|(name, _)| name.as_str()).collect();
        let arguments = ["--package", FACADE, "--features", &features.join(",")].map(str::to_owned);
        checks.push([start(), arguments.to_vec()].concat());
    }
    checks
}

/// `1.91` and `1.91.0` as comparable numbers.
fn number(version: &str) -> Vec<u32> {
    version.split('.').take(2).filter_map(|part| part.parse().ok()).collect()
}

/// The published crates.
fn crates() -> Outcome<Vec<Crate>> {
    let text = |path: &std::path::Path| fs::read_to_string(path).during(path.display());
    let of_workspace = text(&root().join("Cargo.toml"))?;
    let Some(of_workspace) = rust_version(&of_workspace) else {
        return fail(
            "Cargo.toml: no `rust-version` in `[workspace.package]`; write the oldest Rust that compiles okibi",
        );
    };
    let mut crates = Vec::new();
    for entry in fs::read_dir(root().join("crates")).during("crates")? {
        let manifest = text(&entry.during("crates")?.path().join("Cargo.toml"))?;
        if !manifest.lines().any(|line| line == "publish = false") {
            crates.push(of_manifest(&manifest, of_workspace));
        }
    }
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(crates)
}

fn of_manifest(manifest: &str, of_workspace: &str) -> Crate {
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap_or_default();
    let section = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    let section = section.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let feature = |line: &str| {
        let (name, list) = line.split_once(" = ")?;
        let brought = list.split('"').skip(1).step_by(2).filter_map(|item| item.strip_prefix("dep:"));
        Some((name.to_owned(), brought.map(str::to_owned).collect()))
    };
    Crate {
        name: name.to_owned(),
        rust: rust_version(manifest).unwrap_or(of_workspace).to_owned(),
        features: section.filter_map(feature).collect(),
    }
}

/// The `rust-version` of a manifest.
fn rust_version(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::{checks, of_manifest};

    #[test]
    fn each_crate_is_compiled_with_the_rust_that_it_names() {
        let crates = [
            of_manifest(
                "[package]\nname = \"okibi\"\nrust-version.workspace = true\n[features]\ndefault = [\"axum\"]\n## More.\naxum = []\n\
                 sqlite = [\"dep:okibi-sqlite\"]\nmysql = [\"dep:okibi-mysql\"]\n\n[dependencies]\na = \"1\"\n",
                "1.91",
            ),
            of_manifest("name = \"okibi-sqlite\"\n", "1.91"),
            of_manifest("name = \"okibi-mysql\"\nrust-version = \"1.100.0\"\n", "1.91"),
        ];
        let shown = |rust| checks(&crates, rust).iter().map(|words| words[3..].join(" ")).collect::<Vec<_>>();
        assert_eq!(
            shown("1.91"),
            ["--all-features --package okibi-sqlite", "--package okibi --features axum,default,sqlite"]
        );
        assert_eq!(
            shown("1.100.0"),
            ["--all-features --package okibi-mysql", "--package okibi --features axum,default,mysql,sqlite"]
        );
    }
}
