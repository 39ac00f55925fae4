//! The tasks, and how each is spelled on the command line.

use crate::{
    args::Args,
    bench, demo, facts, faults, fuzz, pack,
    run::{Outcome, fail},
    servers, test, tidy,
    wasm::{self, Effort},
};

pub(crate) const USAGE: &str = "\
cargo xtask <task>

  demo [--store sqlite|cookie] [--port N]   run the demo site on axum (port 3000) and on Hono (the next port)
  test [part ...] [--repeat N] [--load]     run everything that must hold, or only these parts: rust, ts, tidy,
                                            runtimes, consumers, stores, faults, fuzz, readme, browser, or
                                            one of theirs (clippy, bun, ...); --repeat runs them N times and
                                            counts what failed, --load keeps every core busy beside them
  servers                                   put newer Redis and Valkey, for tests, into target/servers
  tidy                                      check the house rules
  facts                                     write what is made of facts/, of the SQL schemas and of Redis' scripts
  wasm [--dev]                              build the engine for JavaScript; --dev leaves out the optimiser
  fuzz [target] [--seconds N] [--seed N]    run the fuzz targets (60 seconds each) with random input
  faults [backend ...] [--seconds N] [--seed N]
                                            random session histories while faults strike (60 seconds each)
  bench                                     measure okibi beside other session libraries
  pack                                      build the npm package as it ships, into target/npm
";

/// What was asked for, checked but not begun.
#[derive(Debug)]
pub(crate) enum Task {
    Help,
    Demo(demo::Options),
    Test(test::Options),
    Servers,
    Tidy,
    Facts,
    Wasm(Effort),
    Fuzz(fuzz::Options),
    Faults(faults::Options),
    Bench,
    Pack,
}

impl Task {
    /// Reads a task and its arguments.
    pub(crate) fn parse(mut args: Args) -> Outcome<Self> {
        let task = match args.task() {
            "demo" => Self::Demo(demo::Options::parse(&mut args)?),
            "test" => Self::Test(test::Options::parse(&mut args)?),
            "servers" => Self::Servers,
            "tidy" => Self::Tidy,
            "facts" => Self::Facts,
            "wasm" => Self::Wasm(if args.flag("--dev") { Effort::Quick } else { Effort::Shipped }),
            "fuzz" => Self::Fuzz(fuzz::Options::parse(&mut args)?),
            "faults" => Self::Faults(faults::Options::parse(&mut args)?),
            "bench" => Self::Bench,
            "pack" => Self::Pack,
            "help" | "--help" | "-h" => Self::Help,
            _ => return fail(format!("unknown task; these are known:\n\n{USAGE}")),
        };
        args.done()?;
        Ok(task)
    }

    /// Does it.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Help => {
                print!("{USAGE}");
                Ok(())
            }
            Self::Demo(options) => demo::run(options),
            Self::Test(options) => test::run(&options),
            Self::Servers => servers::fetch(),
            Self::Tidy => tidy::check(),
            Self::Facts => facts::write(),
            Self::Wasm(effort) => wasm::build(effort),
            Self::Fuzz(options) => fuzz::run(&options),
            Self::Faults(options) => faults::run(&options),
            Self::Bench => bench::run(),
            Self::Pack => pack::run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Task};

    fn parse(line: &str) -> Result<Task, String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let task = words.next().unwrap();
        Task::parse(Args::new(&task, words)).map_err(|failure| failure.0)
    }

    #[test]
    fn every_spelling_in_the_usage_is_understood() {
        for line in [
            "demo",
            "demo --store cookie --port 4000",
            "demo --store=sqlite",
            "test",
            "test rust vitest",
            "test stores --repeat 5 --load",
            "servers",
            "tidy",
            "facts",
            "wasm --dev",
            "fuzz id --seconds 5 --seed 7",
            "faults",
            "faults sqlite memory --seconds 600 --seed 7",
            "bench",
            "pack",
            "help",
        ] {
            parse(line).unwrap_or_else(|failure| panic!("{line}: {failure}"));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("dmeo", "unknown task"),
            ("tidy now", "now: unknown argument of `cargo xtask tidy`"),
            ("demo --store redis", "--store redis: unknown, use sqlite or cookie"),
            ("demo --port 65535", "--port 65535: not a port with a free one after it"),
            ("test rusty", "rusty: no such part"),
            ("test --repeat 0", "--repeat 0: nothing would run, use 1 or more"),
            ("fuzz --seconds", "--seconds: a value is missing"),
        ] {
            let failure = parse(line).unwrap_err();
            assert!(failure.starts_with(message), "{line}: {failure}");
        }
    }
}
