//! `cargo xtask bench`: okibi beside other session libraries, measured in one run.

use std::fs;

use crate::{
    npm::{build_package, install},
    run::{During, Outcome, cargo, node, read, root, run as run_command, target},
    wasm::{self, Effort},
};

/// The programs of the Rust benches. Each prints JSON for the report, which runs on Node.
const PROGRAMS: [&str; 3] = ["times", "counts", "servers"];

/// Builds everything first, then runs the measurements one after another and prints one report.
pub(crate) fn run() -> Outcome {
    let benches = ["--quiet", "--release", "--manifest-path", "benches/Cargo.toml"];
    run_command(cargo().arg("build").args(benches))?;
    wasm::build(Effort::Measured)?;
    build_package()?;
    let folder = root().join("benches/node");
    install(&folder)?;

    println!("measuring; this takes about four minutes, best on a machine with nothing else to do");
    let target = target()?;
    for program in PROGRAMS {
        let printed = read(cargo().arg("run").args(benches).args(["--bin", program]))?;
        let file = target.join(format!("bench-{program}.json"));
        fs::write(&file, printed).during(file.display())?;
    }
    run_command(node(&folder).arg("main.mjs").arg(&target))
}
