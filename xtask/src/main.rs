//! The project's task runner: `cargo xtask <task>`.
#![forbid(unsafe_code)]

mod args;
mod base64;
mod npm;
mod run;
mod wasm;

use std::{env, process::ExitCode};

use crate::{
    args::Args,
    run::{Outcome, fail},
};

const USAGE: &str = "\
cargo xtask <task>

  wasm [--dev]    build the engine for JavaScript; --dev leaves out the optimiser
";

fn main() -> ExitCode {
    let mut given = env::args().skip(1);
    let Some(task) = given.next() else {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    match start(&task, Args::new(&task, given)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {task}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one task with its arguments.
fn start(task: &str, mut args: Args) -> Outcome {
    match task {
        "wasm" => {
            let effort = if args.flag("--dev") { wasm::Effort::Quick } else { wasm::Effort::Shipped };
            args.done()?;
            wasm::build(effort)
        }
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        _ => fail(format!("unknown task; these are known:\n\n{USAGE}")),
    }
}
