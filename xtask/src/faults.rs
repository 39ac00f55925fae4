//! `cargo xtask faults`: random session histories on every backend during injected faults.
//!
//! `docs/faults.md` explains what it proves and how to read its findings.

use std::{
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    args::Args,
    npm::build_package,
    run::{During, Outcome, cargo, fail, holding_back, read, run as run_command},
    wasm::{self, Effort},
};

/// Minimum time of injections in each run of `cargo xtask test`.
const SECONDS_IN_TESTS: u64 = 4;
/// Concurrent runs: each waits most of the time for an unavailable server.
const LANES_IN_TESTS: usize = 2;
/// The fixed seed of `cargo xtask test`, which also runs a random one.
const FIXED_SEED: u64 = 7;

/// The options of the task.
#[derive(Debug)]
pub(crate) struct FaultsOptions {
    backends: Vec<String>,
    seconds: u64,
    seed: Option<u64>,
}

impl FaultsOptions {
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let seconds = args.number("--seconds")?.unwrap_or(60);
        let seed = args.number("--seed")?;
        Ok(Self { seconds, seed, backends: std::iter::from_fn(|| args.word()).collect() })
    }
}

/// Runs the selected backends, each for the selected time.
pub(crate) fn run(options: &FaultsOptions) -> Outcome {
    let known = prepare()?;
    if let Some(unknown) = options.backends.iter().find(|name| !known.contains(name)) {
        return fail(format!("{unknown}: no such backend; these are known: {}", known.join(", ")));
    }
    let wanted = if options.backends.is_empty() { &known } else { &options.backends };
    let seed = options.seed.map_or_else(fresh_seed, Ok)?;
    let wanted: Vec<(&str, u64)> = wanted.iter().map(|backend| (backend.as_str(), seed)).collect();
    runs(&wanted, options.seconds, 1)
}

/// Runs the rig's own tests, then every backend twice: with the fixed seed and with a random one.
pub(crate) fn in_tests() -> Outcome {
    run_command(cargo().args(["test", "--quiet", "--package", "okibi-faults"]))?;
    // Other parts may run the package at the same time.
    wasm::build(Effort::Measured)?;
    let backends = prepare()?;
    let fresh = fresh_seed()?;
    let wanted: Vec<(&str, u64)> =
        backends.iter().flat_map(|backend| [FIXED_SEED, fresh].map(|seed| (backend.as_str(), seed))).collect();
    println!("seeds {FIXED_SEED} and {fresh}, each on {}", backends.join(", "));
    runs(&wanted, SECONDS_IN_TESTS, LANES_IN_TESTS)
}

/// Builds both apps and returns the names of the backends.
fn prepare() -> Outcome<Vec<String>> {
    wasm::build(Effort::Quick)?;
    build_package()?;
    Ok(read(rig().arg("--list"))?.lines().map(str::to_owned).collect())
}

/// Runs them, this many at a time, and prints the output of each when it has ended. A failed one
/// stops no other.
fn runs(wanted: &[(&str, u64)], seconds: u64, lanes: usize) -> Outcome {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some((backend, seed)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut command = rig();
                    command.args(["--backend", backend, "--seed", &seed.to_string()]);
                    command.args(["--seconds", &seconds.to_string()]);
                    let (outcome, printed) = holding_back(|| run_command(&mut command));
                    println!("{printed}");
                    if outcome.is_err() {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.push(format!("{backend} with seed {seed}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { fail(format!("the fault rig failed on {}", failed.join(", "))) }
}

fn rig() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "okibi-faults", "--"]);
    command
}

/// A random seed, short enough to type.
fn fresh_seed() -> Outcome<u64> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).during("drawing a seed")?;
    Ok(u32::from_le_bytes(bytes).into())
}
