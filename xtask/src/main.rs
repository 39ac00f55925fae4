//! The project's task runner: `cargo xtask <task>`.
#![forbid(unsafe_code)]

mod args;
mod base64;
mod bench;
mod demo;
mod facts;
mod faults;
mod fuzz;
mod msrv;
mod npm;
mod pack;
mod quick;
mod release;
mod run;
mod servers;
mod site;
mod task;
mod test;
mod tidy;
mod wasm;

use std::{env, process::ExitCode};

use crate::{args::Args, task::Task};

fn main() -> ExitCode {
    let mut given = env::args().skip(1);
    let Some(task) = given.next() else {
        print!("{}", task::USAGE);
        return ExitCode::SUCCESS;
    };
    match Task::parse(Args::new(&task, given)).and_then(Task::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.has_message() {
                eprintln!("cargo xtask {task}: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}
