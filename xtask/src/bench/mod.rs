//! `cargo xtask bench`: measures okibi and other session libraries in one run.

mod parts;
mod programs;

use std::{fs, path::Path, process::Command};

use self::{
    parts::{Part, chosen},
    programs::Programs,
};
use crate::{
    args::Args,
    npm::{build_package, install},
    run::{During, Outcome, fail, node, root, run as run_command, target},
    servers,
    wasm::{self, Effort},
};

/// What a run measures, and how long.
#[derive(Debug)]
pub(crate) struct BenchOptions {
    parts: Vec<Part>,
    /// Whether the pages are written from all that was measured, in this run and before.
    writes_pages: bool,
    /// Whether few rounds are enough, to see that the bench works.
    is_quick: bool,
}

impl BenchOptions {
    /// Reads the names of parts, and `--quick`. No name means the parts that take minutes.
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let is_quick = args.flag("--quick");
        let words: Vec<String> = std::iter::from_fn(|| args.word()).collect();
        let (parts, writes_pages) = chosen(&words)?;
        Ok(Self { parts, writes_pages, is_quick })
    }
}

/// The variable that tells every program of the bench to take few rounds.
const QUICK: &str = "OKIBI_BENCH_QUICK";

/// Fails with a message unless a program of the machine is there.
fn need(program: &str) -> Outcome {
    match Command::new(program).arg("--version").output() {
        Ok(_) => Ok(()),
        Err(_) => fail(format!("{program}: not found; the part `http` needs it, so install it")),
    }
}

/// Builds first, then runs one part after another and prints one report.
pub(crate) fn run(options: &BenchOptions) -> Outcome {
    let nodes = root().join("benches/node");
    let results = target()?.join("bench");
    fs::create_dir_all(&results).during(results.display())?;
    if !options.parts.is_empty() {
        if options.parts.contains(&Part::Http) {
            need("wrk")?;
            need("taskset")?;
        }
        let programs = Programs::build()?;
        wasm::build(Effort::Measured)?;
        build_package()?;
        install(&nodes)?;
        if options.parts.contains(&Part::Cost) {
            install(&root().join("packages/okibi/test/runtimes"))?;
        }
        if options.parts.iter().any(|part| part.needs_servers()) {
            servers::fetch()?;
        }
        let minutes: u64 = options.parts.iter().map(|part| part.minutes()).sum();
        println!("measuring takes about {minutes} minutes; let nothing else run on this machine");
        let (measured, failures) = measure(options, &programs, &nodes, &results);
        run_command(node(&nodes).arg("main.mjs").arg(&results).args(measured))?;
        write_pages(options, &nodes, &results)?;
        return if failures.is_empty() { Ok(()) } else { fail(failures.join("\n")) };
    }
    write_pages(options, &nodes, &results)
}

/// Runs the parts. Returns the names of the results, and the failures: the other parts are measured all the same.
fn measure(
    options: &BenchOptions,
    programs: &Programs,
    nodes: &Path,
    results: &Path,
) -> (Vec<&'static str>, Vec<String>) {
    let (mut measured, mut failures) = (Vec::new(), Vec::new());
    for part in &options.parts {
        println!("  {} (about {} minutes)", part.name(), part.minutes());
        // A part that fails leaves no former numbers behind.
        for name in part.results() {
            let _ = fs::remove_file(results.join(format!("{name}.json")));
        }
        let mut commands = part.commands(programs, nodes, results);
        let outcome = commands.iter_mut().try_for_each(|command| {
            if options.is_quick {
                command.env(QUICK, "1");
            }
            command.run(results)
        });
        match outcome {
            Ok(()) => measured.extend(part.results()),
            Err(failure) => {
                eprintln!("  {}: {failure}", part.name());
                failures.push(format!("{}: {failure}", part.name()));
            }
        }
    }
    (measured, failures)
}

fn write_pages(options: &BenchOptions, nodes: &Path, results: &Path) -> Outcome {
    if options.writes_pages {
        run_command(node(nodes).arg("page/main.mjs").arg(results).arg(root()))?;
    }
    Ok(())
}
