//! `okibi-faults`: one run of the fault rig on the command line, or the check of a recorded run.
#![forbid(unsafe_code)]

mod args;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use okibi_faults::{
    backend::Failure,
    backends,
    check::{Counts, RULES, Violation, check},
    history::History,
    inject,
    run::run,
};

use crate::args::{Args, USAGE};

/// Violations that are printed in full.
const SHOWN: usize = 5;

#[tokio::main]
async fn main() -> ExitCode {
    match carry_out().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("okibi-faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether there was no violation.
async fn carry_out() -> Result<bool, Failure> {
    match Args::parse(std::env::args().skip(1))? {
        Args::Help => {
            print!("{USAGE}");
            Ok(true)
        }
        Args::List => {
            for kind in backends::all() {
                println!("{}", kind.name);
            }
            Ok(true)
        }
        Args::Rules => {
            for (rule, says) in RULES {
                println!("{rule}: {says}");
            }
            Ok(true)
        }
        Args::Check(path) => {
            let history = History::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(report(&history, &path))
        }
        Args::Run { backend: name, options, record } => {
            if name == "sqlite" {
                inject::go_apart();
            }
            let backend = backends::start(&name).await?;
            let faults: Vec<&str> = backend.faults().iter().map(|fault| fault.name()).collect();
            println!("backend {name}, seed {}, {} s, faults it knows: {faults:?}", options.seed, options.seconds);
            let history = run(&*backend, &options).await?;
            drop(backend);
            let path = record.unwrap_or_else(|| recorded(&name, options.seed));
            history.write(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(report(&history, &path))
        }
    }
}

/// The default file of a recording: in cargo's target directory.
fn recorded(backend: &str, seed: u64) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2).map_or_else(std::env::temp_dir, Path::to_owned);
    target.join("faults").join(format!("{backend}-{seed}.jsonl"))
}

/// Prints the events and the violations. Returns whether there were none.
fn report(history: &History, path: &Path) -> bool {
    let counts = Counts::of(history);
    let violations = check(history);
    println!("{counts}");
    println!("recorded in {}", path.display());
    for violation in violations.iter().take(SHOWN) {
        show(history, violation);
    }
    if violations.len() > SHOWN {
        println!("and {} more violations", violations.len() - SHOWN);
    }
    let shortfalls = counts.shortfalls();
    for shortfall in &shortfalls {
        println!("\nTHIS RUN PROVES NOTHING: {shortfall}");
    }
    if violations.is_empty() && shortfalls.is_empty() {
        println!("nothing was violated");
        return true;
    }
    let run = &history.run;
    println!("\ncheck it again:  cargo run -p okibi-faults -- --check {}", path.display());
    println!("repeat the run:  cargo run -p okibi-faults -- {}", args::repeat(run));
    false
}

fn show(history: &History, violation: &Violation) {
    println!("\nVIOLATION {violation}");
    let proof = history.requests.iter().filter(|request| violation.proof.contains(&request.number));
    for request in proof {
        println!("  {}", request.line());
    }
    let times = history.requests.iter().filter(|request| violation.proof.contains(&request.number));
    let (from, until) =
        times.fold((u64::MAX, 0), |(from, until), request| (from.min(request.start), until.max(request.end)));
    for injection in history.injections.iter().filter(|injection| injection.start < until && injection.end > from) {
        println!("  meanwhile: {}", injection.line());
    }
}
