//! The parts of the tests that are TypeScript's: the wasm that it loads, formatter and linter, types, tests.

use crate::{
    npm::{build_package, install, package},
    run::{Outcome, node, npm, root, run},
    wasm::{self, Effort},
};

pub(super) use crate::npm::need_node;

/// The engine as it ships, within its budget.
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

/// The compiler over sources, tests and type tests, and once more as it builds what ships.
pub(super) fn types() -> Outcome {
    wasm::build(Effort::Quick)?;
    install(&package())?;
    run(npm(&package()).args(["run", "--silent", "types"]))?;
    build_package()
}

/// Builds what the tests run.
pub(super) fn build() -> Outcome {
    wasm::build(Effort::Quick)?;
    build_package()
}

pub(super) fn vitest() -> Outcome {
    build()?;
    // Node's adapter is among them.
    super::runtimes::install_tools()?;
    run(npm(&package()).args(["run", "--silent", "test"]))
}

/// What the benches measure on Node works and is counted rightly. `cargo xtask bench` measures it.
pub(super) fn benches() -> Outcome {
    build()?;
    let folder = root().join("benches/node");
    install(&folder)?;
    run(npm(&folder).args(["run", "--silent", "test"]))
}
