//! `cargo xtask bench`: okibi beside other session libraries, measured in one run.

use crate::{
    npm::{build_package, install},
    run::{Outcome, cargo, node, root, run as run_command},
    wasm::{self, Effort},
};

/// Runs the Rust benches, then those on Node; each prints its own table.
pub(crate) fn run() -> Outcome {
    run_command(cargo().args(["run", "--release", "--manifest-path", "benches/Cargo.toml"]))?;
    wasm::build(Effort::Shipped)?;
    build_package()?;
    let folder = root().join("benches/node");
    install(&folder)?;
    run_command(node(&folder).arg("main.mjs"))
}
