//! Checks the metadata of a crate and the files of its package.

use super::{Problem, manifest::Manifest};

/// A packed crate.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) manifest: Manifest,
    pub(super) files: Vec<String>,
    /// The size of the packed file.
    pub(super) bytes: u64,
}

const LICENCE: &str = "MIT OR Apache-2.0";

/// Keys that the page of a crate on crates.io needs.
const SAID: &[(&str, &str)] = &[
    ("description", "say in one line what it is for"),
    ("license", "write `license.workspace = true`"),
    ("repository", "write `repository.workspace = true`"),
    ("readme", "write a README.md beside the manifest"),
    ("rust-version", "write `rust-version.workspace = true`"),
];

/// crates.io accepts at most five keywords of at most twenty characters.
const MOST_KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;

/// Valid categories of crates.io for okibi's crates. crates.io drops invalid ones without an error.
const CATEGORIES: &[&str] = &[
    "asynchronous",
    "authentication",
    "cryptography",
    "database",
    "development-tools::testing",
    "no-std",
    "wasm",
    "web-programming",
    "web-programming::http-server",
];

/// Files that every package contains.
const REQUIRED: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"];

/// Files that cargo adds.
const ADDED: &[&str] = &[".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

/// Extensions of source files.
const SOURCES: &[&str] = &["lua", "rs", "sql"];

/// The problems of a package of this version.
pub(super) fn check(package: &Package, version: &str) -> Vec<Problem> {
    let mut problems = said(package);
    problems.extend(labels(&package.manifest));
    problems.extend(versions(&package.manifest, version));
    problems.extend(files(package));
    problems
}

fn said(Package { manifest, .. }: &Package) -> Vec<Problem> {
    let name = manifest.name();
    let missing = SAID.iter().filter(|(key, _)| manifest.text("package", key).is_none());
    let mut problems: Vec<_> = missing.map(|(key, fix)| Problem::new(format!("{name}: no {key}"), *fix)).collect();
    if let Some(licence) = manifest.text("package", "license").filter(|licence| *licence != LICENCE) {
        problems.push(Problem::new(format!("{name}: license `{licence}`"), format!("okibi is under `{LICENCE}`")));
    }
    let shows_all = manifest.text("package.metadata.docs.rs", "all-features") == Some("true");
    if !manifest.features().is_empty() && !shows_all {
        let what = format!("{name}: docs.rs would show it without the features {}", manifest.features().join(", "));
        problems.push(Problem::new(what, "add `[package.metadata.docs.rs]` with `all-features = true`"));
    }
    problems
}

fn labels(manifest: &Manifest) -> Vec<Problem> {
    let name = manifest.name();
    let mut problems = Vec::new();
    let keywords = manifest.list("package", "keywords");
    if keywords.is_empty() || keywords.len() > MOST_KEYWORDS {
        let what = format!("{name}: {} keywords", keywords.len());
        problems.push(Problem::new(what, format!("give it 1 to {MOST_KEYWORDS}")));
    }
    for keyword in keywords {
        let is_plain = keyword.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_+".contains(letter))
            && keyword.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_plain || keyword.len() > LONGEST_KEYWORD {
            let what = format!("{name}: keyword `{keyword}`");
            problems.push(Problem::new(
                what,
                format!("crates.io takes {LONGEST_KEYWORD} letters, digits, `-`, `_` and `+` at most"),
            ));
        }
    }
    let categories = manifest.list("package", "categories");
    if categories.is_empty() {
        problems.push(Problem::new(format!("{name}: no categories"), "write `categories.workspace = true`"));
    }
    for category in categories.iter().filter(|category| !CATEGORIES.contains(&category.as_str())) {
        let what = format!("{name}: category `{category}` is not known here");
        problems
            .push(Problem::new(what, "use one of crates.io, and add it to CATEGORIES in xtask/src/release/checks.rs"));
    }
    problems
}

/// All crates have one version and require exactly that version of each other: their internal
/// interfaces are not stable.
fn versions(manifest: &Manifest, version: &str) -> Vec<Problem> {
    let name = manifest.name();
    let mut problems = Vec::new();
    let own = manifest.text("package", "version").unwrap_or_default();
    if own != version {
        let what = format!("{name}: version {own}, not {version}");
        problems.push(Problem::new(what, "write `version.workspace = true`"));
    }
    for need in manifest.needs().iter().filter(|need| need.version != format!("={version}")) {
        let what = format!("{name}: asks for {} {}", need.name, need.version);
        problems
            .push(Problem::new(what, format!("write `={version}` for it in `[workspace.dependencies]` of Cargo.toml")));
    }
    problems
}

fn files(Package { manifest, files, .. }: &Package) -> Vec<Problem> {
    let name = manifest.name();
    let missing = REQUIRED.iter().filter(|required| !files.iter().any(|file| file == *required));
    let mut problems: Vec<_> = missing
        .map(|file| match *file {
            "LICENSE-APACHE" | "LICENSE-MIT" => Problem::new(
                format!("{name}: {file} is not packed"),
                format!("link crates/{name}/{file} to ../../{file}"),
            ),
            file => {
                Problem::new(format!("{name}: {file} is not packed"), "look at `include` of the workspace's Cargo.toml")
            }
        })
        .collect();
    let is_source = |file: &str| {
        file.starts_with("src/") && file.rsplit_once('.').is_some_and(|(_, ending)| SOURCES.contains(&ending))
    };
    let strange = files.iter().filter(|file| !REQUIRED.contains(&file.as_str()) && !ADDED.contains(&file.as_str()));
    problems.extend(strange.filter(|file| !is_source(file)).map(|file| {
        let fix = "write `include.workspace = true`, or say in xtask/src/release/checks.rs that such files ship";
        Problem::new(format!("{name}: {file} is packed"), fix)
    }));
    problems
}

#[cfg(test)]
mod tests {
    use super::{Manifest, Package, check};

    const GOOD: &str = "[package]\nname = \"okibi-a\"\nversion = \"0.1.0\"\nrust-version = \"1.91\"\ndescription = \"A\"\n\
        readme = \"README.md\"\nkeywords = [\n    \"session\",\n]\ncategories = [\"authentication\"]\n\
        license = \"MIT OR Apache-2.0\"\nrepository = \"https://example.com\"\n[package.metadata.docs.rs]\nall-features = true\n\
        [features]\nb = []\n[dependencies.okibi-core]\nversion = \"=0.1.0\"\n";

    const FILES: &[&str] =
        &["Cargo.toml", "Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs", "src/schema.sql"];

    /// The problems of a package with this manifest and these files.
    fn found(manifest: &str, files: &[&str]) -> Vec<String> {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        let package = Package { manifest: Manifest::of(manifest), files, bytes: 0 };
        check(&package, "0.1.0").into_iter().map(|problem| format!("{}; {}", problem.what, problem.fix)).collect()
    }

    #[test]
    fn a_package_that_says_everything_is_good() {
        assert_eq!(found(GOOD, FILES), [] as [&str; 0]);
    }

    #[test]
    fn what_a_manifest_does_not_say_is_named_with_what_to_do() {
        for (line, message) in [
            ("description = \"A\"\n", "okibi-a: no description; say in one line what it is for"),
            ("readme = \"README.md\"\n", "okibi-a: no readme; write a README.md beside the manifest"),
            ("rust-version = \"1.91\"\n", "okibi-a: no rust-version; write `rust-version.workspace = true`"),
            ("repository = \"https://example.com\"\n", "okibi-a: no repository; write `repository.workspace = true`"),
            ("license = \"MIT OR Apache-2.0\"\n", "okibi-a: no license; write `license.workspace = true`"),
            ("categories = [\"authentication\"]\n", "okibi-a: no categories; write `categories.workspace = true`"),
            ("keywords = [\n    \"session\",\n]\n", "okibi-a: 0 keywords; give it 1 to 5"),
            (
                "all-features = true\n",
                "okibi-a: docs.rs would show it without the features b; add `[package.metadata.docs.rs]` with `all-features = true`",
            ),
        ] {
            assert_eq!(found(&GOOD.replace(line, ""), FILES), [message], "without {line}");
        }
    }

    #[test]
    fn what_a_manifest_says_wrong_is_named_with_what_to_do() {
        for (from, to, message) in [
            ("version = \"0.1.0\"", "version = \"0.2.0\"", "okibi-a: version 0.2.0, not 0.1.0; write `version"),
            ("\"=0.1.0\"", "\"0.1\"", "okibi-a: asks for okibi-core 0.1; write `=0.1.0` for it"),
            ("MIT OR", "GPL-3.0 OR", "okibi-a: license `GPL-3.0 OR Apache-2.0`; okibi is under"),
            ("\"session\"", "\"a keyword\"", "okibi-a: keyword `a keyword`; crates.io takes"),
            ("\"session\"", "\"abcdefghijklmnopqrstu\"", "okibi-a: keyword `abcdefghijklmnopqrstu`; crates.io takes"),
            ("\"authentication\"", "\"sessions\"", "okibi-a: category `sessions` is not known here; use one"),
        ] {
            let found = found(&GOOD.replacen(from, to, 1), FILES);
            assert!(found.len() == 1 && found[0].starts_with(message), "{to}: {found:?}");
        }
    }

    #[test]
    fn files_that_are_missing_or_too_many_are_named() {
        assert_eq!(
            found(GOOD, &[&FILES[1..2], &FILES[3..]].concat()),
            [
                "okibi-a: Cargo.toml is not packed; look at `include` of the workspace's Cargo.toml",
                "okibi-a: LICENSE-APACHE is not packed; link crates/okibi-a/LICENSE-APACHE to ../../LICENSE-APACHE",
            ]
        );
        for strange in ["tests/a.rs", "src/notes.md", ".env", "src/a.sqlite"] {
            let found = found(GOOD, &[FILES, &[strange]].concat());
            assert!(found.len() == 1 && found[0].starts_with(&format!("okibi-a: {strange} is packed; ")), "{found:?}");
        }
    }
}
