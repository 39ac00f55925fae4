//! Rule: lock files are tracked, and no file says where packages are downloaded from.

use super::source::{File, Finding, Repository, numbered};

/// The only source that a Cargo.lock may name.
const CRATES: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

/// How an example for copying depends on okibi. Its users make their own lock file.
const PUBLISHED: &str = "\"okibi\": \"^";

/// Concatenated, because this file is checked too.
const REGISTRY: &str = concat!("://", "registry.");

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &repository.files {
        findings.extend(missing_lock(repository, file));
        findings.extend(numbered(&file.text).filter_map(|(number, line)| address(file, number, line)));
    }
    findings
}

/// A workspace or npm package without a tracked lock file.
fn missing_lock(repository: &Repository, file: &File) -> Option<Finding> {
    let lock = match file.name() {
        "Cargo.toml" if numbered(&file.text).any(|(_, line)| line.trim() == "[workspace]") => "Cargo.lock",
        "package.json" if !file.text.contains(PUBLISHED) => "package-lock.json",
        _ => return None,
    };
    let folder = file.path.strip_suffix(file.name()).unwrap_or_default();
    let path = format!("{folder}{lock}");
    let message = format!("{path} is not tracked; builds must be the same everywhere, so `git add` it");
    (!repository.tracked.contains(&path)).then(|| file.finding(1, "lock-file", message))
}

/// A line with the address of a package source.
fn address(file: &File, number: usize, line: &str) -> Option<Finding> {
    let message = match file.name() {
        "Cargo.lock" => {
            let source = line.strip_prefix("source = ")?;
            (source != CRATES).then_some("a package that is not from crates.io; use a published version")?
        }
        "package-lock.json" if line.trim_start().starts_with("\"resolved\":") => {
            line.contains("://").then_some("a download address; lock without it (omit-lockfile-registry-resolved)")?
        }
        ".npmrc" if line.contains("registry") => "names a registry; that is for each machine to say",
        _ if line.contains(REGISTRY) => "names a registry; that is for each machine to say",
        _ => return None,
    };
    Some(file.finding(number, "download-address", message))
}

#[cfg(test)]
mod tests {
    use super::{CRATES, REGISTRY, Repository, check};

    #[test]
    fn locks_without_addresses_are_fine() {
        let cargo = format!("[[package]]\nsource = {CRATES}\n");
        let good = [
            ("Cargo.toml", "[workspace]\n"),
            ("Cargo.lock", cargo.as_str()),
            ("crates/a/Cargo.toml", "[package]\n"),
            ("packages/a/package.json", "{}"),
            ("examples/copied/package.json", "{ \"okibi\": \"^0.1.0\" }"),
            ("packages/a/package-lock.json", "{\n  \"resolved\": \"../b\",\n  \"url\": \"https://example.com\"\n}"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn an_untracked_lock_is_found() {
        let mut repository =
            Repository::of(&[("fuzz/Cargo.toml", "[package]\n[workspace]\n"), ("fuzz/Cargo.lock", "")]);
        repository.tracked.remove("fuzz/Cargo.lock");
        let found = check(&repository);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("fuzz/Cargo.lock is not tracked"), "{}", found[0]);
        assert_eq!(check(&Repository::of(&[("a/package.json", "{}")])).len(), 1);
    }

    #[test]
    fn addresses_are_found() {
        let host = format!("see https{REGISTRY}example.com/a.tgz\n");
        let resolved = "{}\n      \"resolved\": \"https://example.com/a.tgz\",\n";
        let bad = [
            ("a/package-lock.json", resolved),
            ("docs/a.md", host.as_str()),
            ("Cargo.lock", "source = \"sparse+https://example.com\"\n"),
            (".npmrc", "registry = http://localhost\n"),
        ];
        let found = check(&Repository::of(&bad));
        assert_eq!(found.len(), 4);
        assert_eq!(found[0].line, 2);
    }
}
