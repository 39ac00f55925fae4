//! `cargo xtask quick`: formatter, linters and tests for the changed files, for use after each
//! edit.

mod changed;
mod plan;
mod steps;
mod workspace;

use std::{fs, time::Instant};

use self::{plan::Plan, workspace::Workspace};
use crate::{
    args::Args,
    run::{During, Failure, Outcome, root},
};

/// The options of the task.
#[derive(Debug)]
pub(crate) struct QuickOptions {
    /// The base commit; `None`: where the branch left `main`.
    since: Option<String>,
}

impl QuickOptions {
    /// Reads `--since COMMIT`.
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        Ok(Self { since: args.option("--since")? })
    }
}

/// Runs the steps for the changed files. A failed step stops no other.
pub(crate) fn run(options: &QuickOptions) -> Outcome {
    let (base, changed) = changed::since(options.since.as_deref())?;
    println!("quick: {} changed files since {base}", changed.len());
    if changed.is_empty() {
        return Ok(());
    }
    let exists = |path: &str| root().join(path).is_file();
    let plan = Plan::of(&changed, &workspace()?, &exists);
    let (mut passed, mut failed) = (0, Vec::new());
    for step in steps::of(&plan) {
        println!("== {step}");
        let start = Instant::now();
        let outcome = step.run();
        let seconds = start.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("== passed in {seconds:.1} s\n");
            }
            Err(failure) => {
                println!("== FAILED in {seconds:.1} s: {failure}\n");
                failed.push(step);
            }
        }
    }
    for step in &failed {
        println!("FAILED {step}");
    }
    for part in &plan.elsewhere {
        println!("not run here: cargo xtask test {part}");
    }
    println!("{passed} passed, {} failed", failed.len());
    if failed.is_empty() { Ok(()) } else { Err(Failure::said()) }
}

/// The crates and tests of the repository.
fn workspace() -> Outcome<Workspace> {
    let files = changed::tracked()?;
    let read = |path: &String| fs::read_to_string(root().join(path)).during(path);
    let wanted = files.iter().filter(|path| workspace::is_of_interest(path) && root().join(path).is_file());
    let texts = wanted.map(|path| Ok((path.clone(), read(path)?))).collect::<Outcome<_>>()?;
    Ok(Workspace::of(&texts))
}
