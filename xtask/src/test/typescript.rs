//! The TypeScript parts of the tests: the wasm, formatter and linter, types, tests.

use std::path::PathBuf;

use crate::{
    npm::{build_package, install, package},
    run::{Outcome, cargo, node, npm, root, run, target},
    wasm::{self, Effort},
};

pub(super) use crate::npm::need_node;

/// The published build of the engine, within its budget.
pub(super) fn wasm() -> Outcome {
    wasm::build(Effort::Shipped)
}

/// Formatter and linter over the package and over the other JavaScript of the repository.
pub(super) fn biome() -> Outcome {
    install(&package())?;
    run(npm(&package()).args(["run", "--silent", "check"]))?;
    for folder in
        ["examples", "benches", "docs", "faults"].map(|name| root().join(name)).iter().filter(|folder| folder.is_dir())
    {
        let mut biome = node(folder);
        biome.arg(package().join("node_modules/@biomejs/biome/bin/biome")).args(["check", "--error-on-warnings"]);
        if !folder.join("biome.json").is_file() {
            biome.arg("--config-path").arg(package());
        }
        run(biome.arg("."))?;
    }
    Ok(())
}

/// Runs the compiler over sources, tests and type tests, and again as it builds the package.
pub(super) fn types() -> Outcome {
    wasm::build(Effort::Measured)?;
    install(&package())?;
    run(npm(&package()).args(["run", "--silent", "types"]))?;
    build_package()
}

/// Builds the package that the tests run. The engine is as it is published in every part, so that no
/// part changes it while another one runs it.
pub(super) fn build() -> Outcome {
    wasm::build(Effort::Measured)?;
    build_package()
}

/// Programs in Rust that run beside the package in its tests: examples of the crate okibi.
const PROGRAMS: [&str; 2] = ["everywhere", "shared"];

/// Builds them and returns their folder. A test that calls cargo itself may wait for another build
/// until it times out.
pub(super) fn build_programs() -> Outcome<PathBuf> {
    let mut command = cargo();
    // With the features of the crate's own tests, which builds no dependency a second time.
    command.args(["build", "--quiet", "--package", "okibi", "--all-features"]);
    for name in PROGRAMS {
        command.args(["--example", name]);
    }
    run(&mut command)?;
    Ok(target()?.join("debug/examples"))
}

pub(super) fn vitest() -> Outcome {
    build()?;
    // Node's adapter is among them.
    super::runtimes::install_tools()?;
    run(npm(&package()).args(["run", "--silent", "test"]).env("OKIBI_PROGRAMS", build_programs()?))
}

/// Checks that the Node benches work and count correctly. `cargo xtask bench` measures.
pub(super) fn benches() -> Outcome {
    build()?;
    let folder = root().join("benches/node");
    install(&folder)?;
    run(npm(&folder).args(["run", "--silent", "test"]))
}
