//! The pages of the documentation, followed by copying: the projects that they show, on every runtime and in axum.

use std::env;

use super::runtimes;
use crate::{
    npm::{install, package},
    pack,
    run::{Outcome, node, run, target},
};

/// Writes, checks, runs and visits what the pages show. The variable `OKIBI_PAGE` names one page alone.
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
