//! Tests the pages of the documentation: creates the projects that they show, on every runtime and
//! in axum.

use std::env;

use super::runtimes;
use crate::{
    npm::{install, package},
    pack,
    run::{Outcome, node, run, target},
};

/// Writes, checks, runs and requests the projects of the pages. The variable `OKIBI_PAGE` selects
/// one page.
pub(super) fn follow() -> Outcome {
    let tarball = pack::once()?;
    install(&package())?;
    runtimes::install_tools()?;
    let mut command = node(&package());
    command.args(["node_modules/vitest/vitest.mjs", "run", "--config", "test/guides/vitest.config.ts"]);
    if let Ok(page) = env::var("OKIBI_PAGE") {
        command.arg(format!("/{page}.test.ts"));
    }
    run(command.env("OKIBI_TARBALL", tarball).env("CARGO_TARGET_DIR", target()?))
}
