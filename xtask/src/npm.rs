//! The npm packages of the repository, found by their lock files. They are installed only when a
//! lock file has changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use crate::run::{During, Failure, Outcome, fail, node, npm, quietly, read, root, run};

/// The oldest supported Node.
const OLDEST_NODE: u32 = 20;

/// The file inside `node_modules` that says which lock file it was installed from.
const STAMP: &str = "node_modules/.okibi-installed-from";

/// The folder of the TypeScript package.
pub(crate) fn package() -> PathBuf {
    root().join("packages/okibi")
}

/// Fails with a message unless a new enough Node is installed.
pub(crate) fn need_node() -> Outcome {
    let version = read(node(&root()).arg("--version"))
        .map_err(|_| Failure(format!("node: not found, install Node {OLDEST_NODE} or newer")))?;
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => fail(format!("node {}: too old, install Node {OLDEST_NODE} or newer", version.trim())),
    }
}

/// The major version in `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Runs `npm ci` in a folder unless the packages of its lock file are installed. Concurrent parts
/// take turns.
pub(crate) fn install(folder: &Path) -> Outcome {
    static TURN: Mutex<()> = Mutex::new(());
    let wanted = wanted(folder)?;
    let stamp = folder.join(STAMP);
    let is_installed = || fs::read(&stamp).is_ok_and(|installed| installed == wanted);
    if is_installed() {
        return Ok(());
    }
    let _turn = TURN.lock();
    if is_installed() {
        return Ok(());
    }
    println!("installing npm packages in {}", folder.strip_prefix(root()).unwrap_or(folder).display());
    quietly(npm(folder).args(["ci", "--no-audit"]))?;
    fs::create_dir_all(folder.join("node_modules")).during(folder.display())?;
    fs::write(&stamp, &wanted).during(stamp.display())
}

/// The inputs of an installation: the lock file, the manifest, and the folder (a copied folder has
/// broken links).
fn wanted(folder: &Path) -> Outcome<Vec<u8>> {
    let mut wanted = folder.display().to_string().into_bytes();
    for name in ["package-lock.json", "package.json"] {
        let file = folder.join(name);
        wanted.extend(fs::read(&file).during(file.display())?);
    }
    Ok(wanted)
}

/// Compiles the TypeScript package into its `dist`, if its sources are newer. The wasm must be
/// built first. Concurrent parts take turns.
pub(crate) fn build_package() -> Outcome {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let package = package();
    install(&package)?;
    let built = fs::metadata(package.join("dist/index.js")).and_then(|file| file.modified()).ok();
    let sources = [package.join("src"), package.join("tsconfig.json"), package.join("tsconfig.build.json")];
    let mut newest = None;
    for source in &sources {
        newest = newest.max(newest_change(source)?);
    }
    if built.is_some_and(|built| Some(built) > newest) {
        return Ok(());
    }
    run(npm(&package).args(["run", "--silent", "build"]))
}

/// The last change of a file, or of any file in a folder.
fn newest_change(path: &Path) -> Outcome<Option<std::time::SystemTime>> {
    let metadata = fs::metadata(path).during(path.display())?;
    let mut newest = metadata.modified().ok();
    if metadata.is_dir() {
        for entry in fs::read_dir(path).during(path.display())? {
            newest = newest.max(newest_change(&entry.during(path.display())?.path())?);
        }
    }
    Ok(newest)
}

/// `examples/`, `benches/` and the folders below them that are npm packages with their own lock
/// file.
pub(crate) fn companions() -> Outcome<Vec<PathBuf>> {
    let mut folders = vec![];
    for parent in ["examples", "benches"].map(|name| root().join(name)) {
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        folders.push(parent.clone());
        for entry in entries {
            folders.push(entry.during(parent.display())?.path());
        }
    }
    folders.retain(|folder| folder.join("package-lock.json").is_file());
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v24.1.0-nightly"), Some(24));
        assert_eq!(major("20.1.0"), None);
        assert_eq!(major("not found"), None);
    }
}
