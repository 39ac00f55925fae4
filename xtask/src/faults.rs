//! `cargo xtask faults`: random session histories on every backend while faults strike.
//!
//! `docs/faults.md` says what it proves and how to read what it finds.

use std::process::Command;

use crate::{
    args::Args,
    npm::build_package,
    run::{During, Outcome, cargo, fail, read, run as run_command},
    wasm::{self, Effort},
};

/// How long faults are injected at least in each run of `cargo xtask test`.
const SECONDS_IN_TESTS: u64 = 4;
/// The seed that `cargo xtask test` always runs, beside a new one.
const FIXED_SEED: u64 = 7;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    backends: Vec<String>,
    seconds: u64,
    seed: Option<u64>,
}

impl Options {
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let seconds = args.number("--seconds")?.unwrap_or(60);
        let seed = args.number("--seed")?;
        Ok(Self { seconds, seed, backends: std::iter::from_fn(|| args.word()).collect() })
    }
}

/// Runs the wanted backends, each for the wanted time.
pub(crate) fn run(options: &Options) -> Outcome {
    let known = prepare()?;
    if let Some(unknown) = options.backends.iter().find(|name| !known.contains(name)) {
        return fail(format!("{unknown}: no such backend; these are known: {}", known.join(", ")));
    }
    let wanted = if options.backends.is_empty() { &known } else { &options.backends };
    let seed = options.seed.map_or_else(fresh_seed, Ok)?;
    runs(wanted.iter().map(|backend| (backend.as_str(), seed)), options.seconds)
}

/// Runs the rig's own tests, then every backend twice: with the seed that never changes and with one that nobody chose.
pub(crate) fn in_tests() -> Outcome {
    run_command(cargo().args(["test", "--quiet", "--package", "okibi-faults"]))?;
    let backends = prepare()?;
    let fresh = fresh_seed()?;
    let seeds = [FIXED_SEED, fresh];
    runs(backends.iter().flat_map(|backend| seeds.map(|seed| (backend.as_str(), seed))), SECONDS_IN_TESTS)
}

/// Builds both apps and says which backends there are.
fn prepare() -> Outcome<Vec<String>> {
    wasm::build(Effort::Quick)?;
    build_package()?;
    Ok(read(rig().arg("--list"))?.lines().map(str::to_owned).collect())
}

/// Runs one after another; one that fails stops none of the others.
fn runs<'a>(wanted: impl Iterator<Item = (&'a str, u64)>, seconds: u64) -> Outcome {
    let mut failed = Vec::new();
    for (backend, seed) in wanted {
        println!("-- {backend}, seed {seed}");
        let mut command = rig();
        command.args(["--backend", backend, "--seed", &seed.to_string(), "--seconds", &seconds.to_string()]);
        if run_command(&mut command).is_err() {
            failed.push(format!("{backend} with seed {seed}"));
        }
    }
    if failed.is_empty() { Ok(()) } else { fail(format!("the fault rig failed on {}", failed.join(", "))) }
}

fn rig() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "okibi-faults", "--"]);
    command
}

/// A seed that nobody chose, short enough to be typed.
fn fresh_seed() -> Outcome<u64> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).during("drawing a seed")?;
    Ok(u32::from_le_bytes(bytes).into())
}
