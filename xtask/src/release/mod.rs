//! `cargo xtask release --dry-run`: all steps and checks of a release except the publishing.
//!
//! RELEASING.md lists the manual steps before and after it.

mod changelog;
mod checks;
mod manifest;
mod order;
mod versions;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use self::{checks::Package, manifest::Manifest};
use crate::{
    args::Args,
    pack,
    run::{During, Outcome, cargo, fail, quietly, read, root, run as run_command, target},
};

pub(crate) use self::changelog::{SECTIONS, UNRELEASED, versions_in};

/// The options of the task.
#[derive(Debug)]
pub(crate) struct ReleaseOptions;

impl ReleaseOptions {
    /// Reads `--dry-run`, which is required: this task publishes nothing.
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        if args.flag("--dry-run") {
            return Ok(Self);
        }
        fail("--dry-run: missing; this task only looks, and RELEASING.md says how a release is published")
    }
}

/// A problem to fix before a release, and its fix.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    what: String,
    fix: String,
}

impl Problem {
    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// Checks, packs and compiles everything that a release publishes.
pub(crate) fn run(_: &ReleaseOptions) -> Outcome {
    let (crates, version) = look(&[])?;

    println!("\n== cargo publish --dry-run: each crate is compiled from what is packed");
    run_command(cargo().args(["publish", "--quiet", "--workspace", "--locked", "--dry-run"]))?;

    println!("\n== npm");
    pack::run()?;
    println!("\n{crates} crates and 1 npm package of version {version} can be published; nothing was");
    Ok(())
}

/// The part of the tests: the checks without compilation, which also work with uncommitted changes.
pub(crate) fn in_tests() -> Outcome {
    look(&["--allow-dirty"]).map(|_| ())
}

/// Checks versions, changelog and the packages of all crates. Returns the number of crates and
/// their version.
fn look(how_to_pack: &[&str]) -> Outcome<(usize, String)> {
    println!("== versions and changelog");
    let texts = |path: &str| fs::read_to_string(root().join(path)).during(path);
    let version = versions::of_workspace(&texts("Cargo.toml")?)?;
    let examples = examples()?;
    let mut problems = versions::check(&version, &texts("packages/okibi/package.json")?, &examples);
    match changelog::for_release(&texts("CHANGELOG.md")?, &version) {
        Ok(said) => println!("version {version}; {said}"),
        Err(problem) => problems.push(problem),
    }

    println!("\n== crates, in the order in which they are published");
    let packages = packages(&version, how_to_pack)?;
    for package in &packages {
        problems.extend(checks::check(package, &version));
    }
    match order::of(&packages) {
        Ok(order) => {
            for Package { manifest, files, bytes } in order {
                let kilobytes = bytes.div_ceil(1000);
                println!("{} {version}: {} files, {kilobytes} KB packed", manifest.name(), files.len());
            }
        }
        Err(problem) => problems.push(problem),
    }
    if !problems.is_empty() {
        println!();
        for Problem { what, fix } in &problems {
            println!("{what}; {fix}");
        }
        return fail(match problems.len() {
            1 => "1 thing to do before a release".to_owned(),
            count => format!("{count} things to do before a release"),
        });
    }
    Ok((packages.len(), version))
}

/// Packs the crates and reads the packages.
fn packages(version: &str, how: &[&str]) -> Outcome<Vec<Package>> {
    let mut command = cargo();
    command.args(["package", "--quiet", "--locked", "--no-verify"]).args(how);
    let published = published(version)?;
    for (name, _) in &published {
        command.args(["--package", name]);
    }
    quietly(&mut command)?;
    let folder = target()?.join("package");
    published.iter().map(|(name, version)| package(&folder, &format!("{name}-{version}"))).collect()
}

/// The published crates with their versions: those in `crates/` without `publish = false`.
fn published(of_workspace: &str) -> Outcome<Vec<(String, String)>> {
    let folder = root().join("crates");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).during(folder.display())? {
        let file = entry.during(folder.display())?.path().join("Cargo.toml");
        let manifest = Manifest::of(&fs::read_to_string(&file).during(file.display())?);
        if manifest.text("package", "publish") != Some("false") {
            let version = manifest.text("package", "version").unwrap_or(of_workspace);
            found.push((manifest.name().to_owned(), version.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// The contents of a crate's package.
fn package(folder: &Path, stem: &str) -> Outcome<Package> {
    let file = folder.join(format!("{stem}.crate"));
    let tar = |action: &str, rest: &[&str]| {
        read(Command::new("tar").current_dir(folder).arg(action).arg(format!("{stem}.crate")).args(rest))
    };
    let inside = format!("{stem}/");
    let list = tar("-tzf", &[])?;
    let mut files: Vec<String> =
        list.lines().map(|line| line.strip_prefix(&inside).unwrap_or(line).to_owned()).collect();
    files.sort();
    let manifest = Manifest::of(&tar("-xOzf", &[&format!("{inside}Cargo.toml")])?);
    let bytes = fs::metadata(&file).during(file.display())?.len();
    Ok(Package { manifest, files, bytes })
}

/// The manifests of the examples for copying, each a path with its contents.
fn examples() -> Outcome<Vec<(String, String)>> {
    let folder = root().join("examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).during(folder.display())? {
        let file: PathBuf = entry.during(folder.display())?.path().join("package.json");
        if file.is_file() {
            let path = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            found.push((path, fs::read_to_string(&file).during(file.display())?));
        }
    }
    found.sort();
    Ok(found)
}
