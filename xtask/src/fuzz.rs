//! `cargo xtask fuzz`: random input for the parsers and the engine.
//!
//! With cargo-fuzz and a nightly compiler, the targets run under libFuzzer, which is guided by code
//! coverage. Without them, the runner in `fuzz/` runs the same targets with mutated seeds on the
//! stable compiler.

use std::{fs, process::Command};

use crate::{
    args::Args,
    run::{During, Outcome, cargo, fail, read, root, run as run_command},
};

const MANIFEST: &str = "fuzz/Cargo.toml";

/// The options of the task.
#[derive(Debug)]
pub(crate) struct FuzzOptions {
    target: Option<String>,
    seconds: u64,
    seed: Option<u64>,
}

impl FuzzOptions {
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let seconds = args.number("--seconds")?.unwrap_or(60);
        Ok(Self { seconds, seed: args.number("--seed")?, target: args.word() })
    }
}

/// Runs the selected targets, each for the selected time.
pub(crate) fn run(options: &FuzzOptions) -> Outcome {
    let known = targets()?;
    let wanted: Vec<&String> =
        known.iter().filter(|name| options.target.as_ref().is_none_or(|one| one == *name)).collect();
    if wanted.is_empty() {
        let target = options.target.as_deref().unwrap_or_default();
        return fail(format!("{target}: no such target; these are known: {}", known.join(", ")));
    }
    // Only our own runner can repeat a seed.
    if options.seed.is_none() && has_libfuzzer() {
        return wanted.into_iter().try_for_each(|target| libfuzzer(target, options.seconds));
    }
    println!("fuzz: own runner (install cargo-fuzz and a nightly compiler for one that sees coverage)");
    let mut command = runner(options.seconds);
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    run_command(command.args(wanted))
}

/// Runs the runner's own tests, then every target for a bounded time, on the stable compiler.
pub(crate) fn in_tests(seconds: u64) -> Outcome {
    run_command(cargo().args(["test", "--quiet", "--release", "--manifest-path", MANIFEST]))?;
    run_command(runner(seconds).args(targets()?))
}

/// The targets, from their file names.
fn targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    if names.is_empty() { fail(format!("{}: no fuzz target there", folder.display())) } else { Ok(names) }
}

fn runner(seconds: u64) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--manifest-path", MANIFEST, "--", "--seconds", &seconds.to_string()]);
    command
}

/// rustup's cargo, with another toolchain than that of this task.
fn nightly() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).arg("+nightly");
    command
}

fn has_libfuzzer() -> bool {
    nightly().args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn libfuzzer(target: &str, seconds: u64) -> Outcome {
    // The sanitizer needs an explicit target: the default target may lack it.
    let host = read(nightly_rustc().args(["--print", "host-tuple"]))?;
    let corpus = root().join("fuzz/corpus").join(target);
    let seeds = root().join("fuzz/seeds").join(target);
    fs::create_dir_all(&corpus).during(corpus.display())?;
    let mut command = nightly();
    command.args(["fuzz", "run", "--features", "libfuzzer", "--target", host.trim(), target]).arg(corpus);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    run_command(command.args(["--", &format!("-max_total_time={seconds}")]))
}

fn nightly_rustc() -> Command {
    let mut command = Command::new("rustc");
    command.arg("+nightly");
    command
}
