//! The tasks, and their spelling on the command line.

use crate::{
    args::Args,
    bench, demo, facts, faults, fuzz, msrv, pack, quick, release,
    run::{Outcome, fail},
    servers, site, test, tidy,
    wasm::{self, Effort},
};

pub(crate) const USAGE: &str = "\
cargo xtask <task>

  demo [--store sqlite|cookie] [--port N]   run the demo site on axum (port 3000) and on Hono (the next port)
  test [part ...] [--repeat N] [--load]     run everything that must hold, or only these parts: rust, ts, tidy,
                                            runtimes, consumers, guides, stores, faults, fuzz, site, readme, browser,
                                            or one of theirs (clippy, bun, ...); --repeat runs them N times and
                                            counts what failed, --load keeps every core busy beside them
  quick [--since COMMIT]                    formatter, linters and tests of what changed since COMMIT, or since the
                                            branch left main: for the loop while you edit
  servers                                   put newer Redis and Valkey, for tests, into target/servers
  tidy                                      check the house rules
  facts [--check]                           write what is made of facts/, of the SQL schemas and of Redis' scripts;
                                            --check writes nothing and fails where something is stale
  wasm [--dev]                              build the engine for JavaScript; --dev leaves out the optimiser
  fuzz [target] [--seconds N] [--seed N]    run the fuzz targets (60 seconds each) with random input
  faults [backend ...] [--seconds N] [--seed N]
                                            random session histories with injected faults (60 seconds each)
  bench [part ...] [--quick]                measure okibi and other session libraries (about 9 minutes), or only these
                                            parts: rust, servers, node, iron, cost, and the long ones: growth, http;
                                            pages writes docs/benchmarks.md from what was measured, all does everything;
                                            --quick takes few rounds, to see that the bench works
  msrv                                      compile the crates with the oldest Rust that each names
  site [--serve] [--port N]                 build the documentation with the references of both languages, into
                                            target/site; --serve shows it on port 4000 of this machine
  pack                                      build the npm package as it ships, into target/npm
  release --dry-run                         check, pack and compile all that a release publishes, and publish nothing
";

/// The requested task, checked but not started.
#[derive(Debug)]
pub(crate) enum Task {
    Help,
    Demo(demo::DemoOptions),
    Test(test::TestOptions),
    Quick(quick::QuickOptions),
    Servers,
    Tidy,
    Facts(facts::Mode),
    Wasm(Effort),
    Fuzz(fuzz::FuzzOptions),
    Faults(faults::FaultsOptions),
    Bench(bench::BenchOptions),
    Msrv,
    Site(site::Options),
    Pack,
    Release(release::ReleaseOptions),
}

impl Task {
    /// Reads a task and its arguments.
    pub(crate) fn parse(mut args: Args) -> Outcome<Self> {
        let task = match args.task() {
            "demo" => Self::Demo(demo::DemoOptions::parse(&mut args)?),
            "test" => Self::Test(test::TestOptions::parse(&mut args)?),
            "quick" => Self::Quick(quick::QuickOptions::parse(&mut args)?),
            "servers" => Self::Servers,
            "tidy" => Self::Tidy,
            "facts" => Self::Facts(if args.flag("--check") { facts::Mode::Check } else { facts::Mode::Write }),
            "wasm" => Self::Wasm(if args.flag("--dev") { Effort::Quick } else { Effort::Shipped }),
            "fuzz" => Self::Fuzz(fuzz::FuzzOptions::parse(&mut args)?),
            "faults" => Self::Faults(faults::FaultsOptions::parse(&mut args)?),
            "bench" => Self::Bench(bench::BenchOptions::parse(&mut args)?),
            "msrv" => Self::Msrv,
            "site" => Self::Site(site::Options::parse(&mut args)?),
            "pack" => Self::Pack,
            "release" => Self::Release(release::ReleaseOptions::parse(&mut args)?),
            "help" | "--help" | "-h" => Self::Help,
            _ => return fail(format!("unknown task; these are known:\n\n{USAGE}")),
        };
        args.done()?;
        Ok(task)
    }

    /// Runs the task.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Help => {
                print!("{USAGE}");
                Ok(())
            }
            Self::Demo(options) => demo::run(options),
            Self::Test(options) => test::run(&options),
            Self::Quick(options) => quick::run(&options),
            Self::Servers => servers::fetch(),
            Self::Tidy => tidy::check(),
            Self::Facts(mode) => facts::run(mode),
            Self::Wasm(effort) => wasm::build(effort),
            Self::Fuzz(options) => fuzz::run(&options),
            Self::Faults(options) => faults::run(&options),
            Self::Bench(options) => bench::run(&options),
            Self::Msrv => msrv::run(),
            Self::Site(options) => site::run_task(&options),
            Self::Pack => pack::run(),
            Self::Release(options) => release::run(&options),
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
            "quick",
            "quick --since HEAD~2",
            "servers",
            "tidy",
            "facts",
            "facts --check",
            "wasm --dev",
            "fuzz id --seconds 5 --seed 7",
            "faults",
            "faults sqlite memory --seconds 600 --seed 7",
            "bench",
            "bench http growth pages --quick",
            "msrv",
            "site",
            "site --serve --port 4001",
            "pack",
            "release --dry-run",
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
            ("site --port 65536", "--port 65536: not a port"),
            ("test rusty", "rusty: no such part"),
            ("bench fast", "fast: no such part"),
            ("test --repeat 0", "--repeat 0: nothing would run, use 1 or more"),
            ("fuzz --seconds", "--seconds: a value is missing"),
            ("quick --since", "--since: a value is missing"),
            ("release", "--dry-run: missing"),
        ] {
            let failure = parse(line).unwrap_err();
            assert!(failure.starts_with(message), "{line}: {failure}");
        }
    }
}
