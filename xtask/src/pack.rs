//! `cargo xtask pack`: the npm package as it is published.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use crate::{
    npm::{build_package, package},
    run::{During, Outcome, fail, node, npm, quietly, read, root, run as run_command, target},
    wasm::{self, Effort},
};

/// Required files of the package, besides those that its `exports` name.
const REQUIRED: &[&str] = &[
    "package.json",
    "README.md",
    "schema.sql",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "dist/okibi.wasm",
    "dist/okibi-compat.wasm",
];

/// Builds the package and prints the size of each file.
pub(crate) fn run() -> Outcome {
    let dist = package().join("dist");
    if dist.is_dir() {
        fs::remove_dir_all(&dist).during(dist.display())?;
    }
    let tarball = build()?;
    for file in files(&tarball)? {
        let size = fs::metadata(tarball.with_file_name("package").join(&file)).during(&file)?.len();
        println!("{size:>9}  {file}");
    }
    let size = fs::metadata(&tarball).during(tarball.display())?.len();
    println!("{size:>9}  {} (packed)", tarball.display());
    Ok(())
}

/// The packed package. The first part of the tests that needs it builds it.
pub(crate) fn once() -> Outcome<PathBuf> {
    static PACKED: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut packed = PACKED.lock().during("packing the npm package")?;
    if let Some(tarball) = &*packed {
        return Ok(tarball.clone());
    }
    let tarball = build()?;
    *packed = Some(tarball.clone());
    Ok(tarball)
}

/// Builds `target/npm/okibi-<version>.tgz`, and checks its files and sizes. Other parts of the tests
/// may run what is in `dist` meanwhile.
fn build() -> Outcome<PathBuf> {
    wasm::build(Effort::Shipped)?;
    build_package()?;

    let folder = target()?.join("npm");
    let staged = stage(&folder)?;
    let name = read(npm(&staged).args(["pack", "--pack-destination", ".."]))?;
    let tarball = folder.join(name.trim());
    let files = files(&tarball)?;
    let manifest = fs::read_to_string(staged.join("package.json")).during("package.json")?;
    check(&files, &manifest)?;
    run_command(node(&root()).arg("packages/okibi/scripts/weigh.mjs").arg(&staged))?;
    Ok(tarball)
}

/// Copies the files of the package into a separate folder.
fn stage(folder: &Path) -> Outcome<PathBuf> {
    let staged = folder.join("package");
    if staged.is_dir() {
        fs::remove_dir_all(&staged).during(staged.display())?;
    }
    copy_compiled(&package().join("dist"), &package().join("src"), &staged.join("dist"))?;
    copy(&package().join("package.json"), &staged.join("package.json"))?;
    copy(&package().join("README.md"), &staged.join("README.md"))?;
    copy(&package().join("schema.sql"), &staged.join("schema.sql"))?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root().join(licence), &staged.join(licence))?;
    }
    // Its scripts and development tools are not for users.
    quietly(npm(&staged).args(["pkg", "delete", "scripts", "devDependencies"]))?;
    Ok(staged)
}

/// Copies a folder of compiled files. Skips files of an earlier build that have no source any more.
fn copy_compiled(from: &Path, sources: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).during(to.display())?;
    for entry in fs::read_dir(from).during(from.display())? {
        let path = entry.during(from.display())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".d.ts").or_else(|| name.strip_suffix(".js"));
        if path.is_dir() {
            if sources.join(&name).is_dir() {
                copy_compiled(&path, &sources.join(&name), &to.join(&name))?;
            }
        } else if stem.is_none_or(|stem| sources.join(format!("{stem}.ts")).is_file()) {
            copy(&path, &to.join(&name))?;
        }
    }
    Ok(())
}

/// Copies a file or a folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    if from.is_dir() {
        fs::create_dir_all(to).during(to.display())?;
        for entry in fs::read_dir(from).during(from.display())? {
            let entry = entry.during(from.display())?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()).during(from.display())
}

/// The files in a tarball, without npm's top folder.
fn files(tarball: &Path) -> Outcome<Vec<String>> {
    let list = read(Command::new("tar").arg("-tzf").arg(tarball))?;
    let mut files: Vec<String> = list.lines().map(|line| line.trim_start_matches("package/").to_owned()).collect();
    files.sort();
    Ok(files)
}

/// Fails if a file is missing or unexpected.
fn check(files: &[String], manifest: &str) -> Outcome {
    let exported = manifest.split('"').filter_map(|text| text.strip_prefix("./")).filter(|path| {
        // Only `typesVersions` has patterns.
        path.starts_with("dist/") && !path.contains('*')
    });
    for path in exported.chain(REQUIRED.iter().copied()) {
        if !files.iter().any(|file| file == path) {
            return fail(format!("{path}: missing in the package"));
        }
    }
    for file in files {
        let is_compiled = file.starts_with("dist/") && [".js", ".d.ts"].iter().any(|end| file.ends_with(end));
        let belongs = REQUIRED.contains(&file.as_str()) || is_compiled;
        if !belongs || file.contains(".test.") {
            return fail(format!("{file}: does not belong into the package"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::run::write_if_changed;

    const MANIFEST: &str = "{ \"typesVersions\": [\"./dist/*.d.ts\"], \"types\": \"./dist/index.d.ts\" }";

    #[test]
    fn what_an_earlier_build_left_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let place = |path: &str| folder.path().join(path);
        for path in ["src/a.ts", "src/b/c.ts", "dist/a.js", "dist/a.d.ts", "dist/b/c.js", "dist/b/old.js"] {
            write_if_changed(&place(path), b"").unwrap();
        }
        for path in ["dist/okibi.wasm", "dist/old.d.ts", "dist/gone/d.js"] {
            write_if_changed(&place(path), b"").unwrap();
        }
        super::copy_compiled(&place("dist"), &place("src"), &place("to")).unwrap();
        let is_there = |path: &&str| place("to").join(path).exists();
        let all = ["a.js", "a.d.ts", "b/c.js", "b/old.js", "okibi.wasm", "old.d.ts", "gone"];
        assert_eq!(
            all.iter().copied().filter(is_there).collect::<Vec<_>>(),
            ["a.js", "a.d.ts", "b/c.js", "okibi.wasm"]
        );
    }

    fn result(files: &[&str]) -> Result<(), String> {
        let files: Vec<String> = super::REQUIRED.iter().chain(files).map(|file| (*file).to_owned()).collect();
        check(&files, MANIFEST).map_err(|failure| failure.0)
    }

    #[test]
    fn what_is_exported_is_enough() {
        assert_eq!(result(&["dist/index.d.ts", "dist/index.js"]), Ok(()));
    }

    #[test]
    fn missing_and_strange_files_are_named() {
        assert_eq!(result(&[]), Err("dist/index.d.ts: missing in the package".to_owned()));
        for strange in ["src/index.ts", "dist/a.test.js", "dist/index.ts", ".env"] {
            let found = result(&["dist/index.d.ts", strange]);
            assert_eq!(found, Err(format!("{strange}: does not belong into the package")));
        }
    }
}
