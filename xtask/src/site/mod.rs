//! `cargo xtask site`: the documentation as a site, with the references of both languages, in `target/site`.

mod check;
mod serve;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    args::Args,
    npm::{install, need_node, package},
    pack,
    run::{During, Outcome, cargo, fail, node, npm, root, run, target},
    wasm::{self, Effort},
};

/// The crates with documentation on the site: those that apps and stores depend on.
pub(crate) const CRATES: [&str; 9] = [
    "okibi",
    "okibi-core",
    "okibi-store",
    "okibi-tower",
    "okibi-sqlite",
    "okibi-redis",
    "okibi-postgres",
    "okibi-mysql",
    "okibi-contract",
];

/// Where the site is served unless a port is given.
const PORT: u16 = 4000;

/// What to do beyond building.
#[derive(Debug)]
pub(crate) struct Options {
    /// The port to serve the built site on.
    serves: Option<u16>,
}

impl Options {
    /// Reads `--serve` and `--port N`.
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let serves = args.flag("--serve");
        let port = args.number("--port")?;
        let Ok(port) = u16::try_from(port.unwrap_or(PORT.into())) else {
            return fail(format!("--port {}: not a port", port.unwrap_or_default()));
        };
        Ok(Self { serves: serves.then_some(port) })
    }
}

/// Builds the site, checks it, and serves it if that is wanted.
pub(crate) fn run_task(options: &Options) -> Outcome {
    let site = build()?;
    println!("site: {}", site.display());
    options.serves.map_or(Ok(()), |port| serve::on(port, &site))
}

/// Builds the site while other parts of the tests may run the package.
pub(crate) fn in_tests() -> Outcome {
    wasm::build(Effort::Measured)?;
    build().map(drop)
}

/// Builds the site, and checks every link in it and every name in the table of both languages.
fn build() -> Outcome<PathBuf> {
    need_node()?;
    let docs = root().join("docs");
    let site = target()?.join("site");
    // typedoc reads the sources of the package, and those import the engine.
    wasm::build(Effort::Quick)?;
    install(&package())?;
    install(&docs)?;
    run(npm(&docs).env("OKIBI_SITE", &site).args(["run", "--silent", "reference"]))?;
    run(npm(&docs).env("OKIBI_SITE", &site).args(["run", "--silent", "build"]))?;
    let rust = site.join("reference/rust");
    rust_reference(&rust)?;
    check::links(&site)?;
    run(node(&docs).arg("scripts/check-api.mjs").arg(site.with_file_name("site-typescript.json")).arg(&rust))?;
    Ok(site)
}

/// The documentation of the crates, in a folder of its own, so that nothing of an older build is among it.
fn rust_reference(place: &Path) -> Outcome {
    let target = target()?;
    let built = target.join("site-rust");
    let mut command = cargo();
    // What the crates depend on is compiled already.
    command.env("CARGO_BUILD_BUILD_DIR", &target).env("RUSTDOCFLAGS", "-D warnings");
    command.args(["doc", "--quiet", "--no-deps", "--all-features", "--target-dir"]).arg(&built);
    // okibi-servers has no documentation there. With it the dependencies have the features that the
    // tests have compiled them with.
    for name in CRATES.iter().chain(&["okibi-servers"]) {
        command.args(["--package", name]);
    }
    run(&mut command)?;
    if place.is_dir() {
        fs::remove_dir_all(place).during(place.display())?;
    }
    pack::copy(&built.join("doc"), place)
}
