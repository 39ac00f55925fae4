//! `cargo xtask wasm`: the engine as two WebAssembly modules, each in the two shapes that the
//! TypeScript package loads.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use crate::{
    base64,
    npm::{install, need_node, package},
    run::{During, Outcome, cargo, fail, node, read, run, target, write_if_changed},
};

/// The compilation target of the engine.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// One module of the engine.
struct Module {
    /// Its file in `dist`.
    file: &'static str,
    /// The TypeScript module that contains it as base64.
    source: &'static str,
    /// The budget in bytes of the shipped file after gzip. ARCHITECTURE.md has the reason.
    budget: usize,
    profile: &'static str,
    features: &'static [&'static str],
}

/// okibi's own dialect alone.
const NATIVE: Module = Module {
    file: "okibi.wasm",
    source: "wasm.generated.ts",
    budget: 80_000,
    profile: "wasm-native",
    features: &["--no-default-features"],
};

/// All dialects, and Iron.
const COMPAT: Module = Module {
    file: "okibi-compat.wasm",
    source: "wasm-compat.generated.ts",
    budget: 125_000,
    profile: "wasm",
    features: &["--features", "compat"],
};

/// How much to optimise the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// The output of the compiler: fast to build, without npm packages.
    Quick,
    /// As it is published: optimised, without names, within its budget.
    Shipped,
    /// As it is published, without the check of the budget: for the benches, which report the size,
    /// and for tests.
    Measured,
}

/// Flags of the compiler. SIMD is available on all supported runtimes and halves the size of
/// SHA-256. LLVM's default inlining threshold makes the module a tenth larger and no faster. AES is
/// not unrolled. The paths of this machine's crates are removed.
fn flags() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let crates = format!("--remap-path-prefix={}=crates", home.join("registry/src").display());
    ["-Ctarget-feature=+simd128", "-Cllvm-args=-inline-threshold=5", "--cfg=aes_backend_soft=\"compact\"", &crates]
        .join("\u{1f}")
}

/// Flags of `wasm-opt`. The features section of the input decides which features it uses. No pointer
/// is below 1024: only the deepest frames of a full stack are there. So constants can move into the
/// offsets of loads and stores, which saves 450 bytes.
const OPTIMISE: &[&str] =
    &["-Os", "--low-memory-unused", "--converge", "--strip-debug", "--strip-producers", "--strip-target-features"];

/// Builds the engine for the TypeScript package, if its sources have changed. Concurrent parts take
/// turns.
pub(crate) fn build(effort: Effort) -> Outcome {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    need_node()?;
    need_target()?;
    make(&NATIVE, effort)?;
    make(&COMPAT, effort)
}

fn make(module: &Module, effort: Effort) -> Outcome {
    run(cargo()
        .args(["rustc", "--quiet", "--package", "okibi-wasm", "--profile", module.profile, "--target", TARGET])
        .args(module.features)
        // A build that also makes an rlib can't be optimised as a whole.
        .args(["--crate-type", "cdylib"])
        .env("CARGO_ENCODED_RUSTFLAGS", flags()))?;
    let compiled = target()?.join(TARGET).join(module.profile).join("okibi_wasm.wasm");
    let bytes = fs::read(&compiled).during(compiled.display())?;

    let cache = Cache::new(&target()?.join("okibi-wasm").join(module.profile));
    let shipped = match cache.shipped_from(&bytes) {
        Some(shipped) => Some(shipped),
        None if effort != Effort::Quick => Some(cache.optimise(&compiled, &bytes)?),
        None => None,
    };
    let wasm = shipped.unwrap_or(bytes);
    write_if_changed(&package().join("dist").join(module.file), &wasm)?;
    write_if_changed(&package().join("src").join(module.source), base64_module(&wasm).as_bytes())?;
    if effort == Effort::Shipped { weigh(module, &wasm) } else { Ok(()) }
}

/// Prints the size of the file, and fails if it is over the budget.
fn weigh(Module { file, budget, .. }: &Module, wasm: &[u8]) -> Outcome {
    let zipped = gzipped(&package().join("dist").join(file))?;
    println!("{file}: {} bytes, {zipped} bytes gzipped (at most {budget})", wasm.len());
    if zipped > *budget {
        return fail(format!("{file}: {zipped} bytes gzipped, over the budget of {budget}; make the engine smaller"));
    }
    Ok(())
}

/// Adds the compiler's wasm target if it is missing.
pub(crate) fn need_target() -> Outcome {
    let libraries = read(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    println!("adding the Rust target {TARGET}");
    let mut rustup = Command::new("rustup");
    match rustup.args(["target", "add", TARGET]).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => fail(format!("rustup target add {TARGET} ended with {status}")),
        Err(_) => fail(format!("{TARGET}: not installed and rustup not found, add this target to your Rust")),
    }
}

/// The bytes as a TypeScript module. The type is explicit: otherwise the declaration file would
/// contain all bytes again.
fn base64_module(wasm: &[u8]) -> String {
    format!(
        "// The engine as base64. Generated by `cargo xtask wasm`.\nexport const wasm: string = '{}'\n",
        base64::encode(wasm)
    )
}

/// The size of a file after gzip, as npm packs it.
fn gzipped(file: &Path) -> Outcome<usize> {
    const SCRIPT: &str = "const zlib = require('node:zlib'), fs = require('node:fs');
        console.log(zlib.gzipSync(fs.readFileSync(process.argv[1]), { level: 9 }).length)";
    read(node(&package()).args(["--eval", SCRIPT]).arg(file))?.trim().parse().during("size after gzip")
}

/// The last optimised file, stored next to the compiled file of which it was made.
struct Cache {
    compiled: PathBuf,
    shipped: PathBuf,
    flags: PathBuf,
}

impl Cache {
    fn new(folder: &Path) -> Self {
        Self {
            compiled: folder.join("compiled.wasm"),
            shipped: folder.join("shipped.wasm"),
            flags: folder.join("flags"),
        }
    }

    /// The optimised file, if it was made of these bytes with the current flags.
    fn shipped_from(&self, compiled: &[u8]) -> Option<Vec<u8>> {
        let fresh =
            fs::read(&self.compiled).ok()? == compiled && fs::read_to_string(&self.flags).ok()? == OPTIMISE.join(" ");
        if fresh { fs::read(&self.shipped).ok() } else { None }
    }

    fn optimise(&self, file: &Path, compiled: &[u8]) -> Outcome<Vec<u8>> {
        let package = package();
        install(&package)?;
        let _ = fs::remove_file(&self.flags);
        write_if_changed(&self.compiled, compiled)?;
        run(node(&package)
            .arg("node_modules/binaryen/bin/wasm-opt")
            .arg(file)
            .args(OPTIMISE)
            .arg("--output")
            .arg(&self.shipped))?;
        write_if_changed(&self.flags, OPTIMISE.join(" ").as_bytes())?;
        fs::read(&self.shipped).during(self.shipped.display())
    }
}

#[cfg(test)]
mod tests {
    use super::base64_module;

    #[test]
    fn the_generated_module_has_a_short_declaration() {
        let text = base64_module(b"\0asm");
        assert!(text.starts_with("// "));
        assert!(text.ends_with("export const wasm: string = 'AGFzbQ=='\n"));
    }
}
