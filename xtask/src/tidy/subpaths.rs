//! Rule: documentation names every subpath of the npm package's `exports`, and no other.

use std::collections::BTreeSet;

use super::source::{File, Finding, Repository, numbered};

const RULE: &str = "subpaths";

const MANIFEST: &str = "packages/okibi/package.json";
const README: &str = "packages/okibi/README.md";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(manifest) = repository.file(MANIFEST) else { return Vec::new() };
    let exports = exports(&manifest.text);
    let Some(readme) = repository.file(README) else { return vec![manifest.finding(1, RULE, "no README beside it")] };
    let told: BTreeSet<&str> = named(&readme.text).map(|(_, path)| path).collect();
    let mut findings: Vec<Finding> = exports
        .iter()
        // For bundlers and tools, not for imports of apps.
        .filter(|path| !matches!(ending(path), Some("wasm" | "json")) && !told.contains(**path))
        .map(|path| readme.finding(1, RULE, format!("`okibi/{path}` is a subpath of {MANIFEST} and not named here")))
        .collect();
    for file in repository.files.iter().filter(|file| is_read(file)) {
        let unknown = named(&file.text).filter(|(_, path)| !exports.contains(path));
        findings.extend(unknown.map(|(line, path)| {
            file.finding(line, RULE, format!("`okibi/{path}` is no subpath in `exports` of {MANIFEST}"))
        }));
    }
    findings
}

/// Documents for users. The changelog and ARCHITECTURE.md may name former or internal subpaths.
fn is_read(file: &File) -> bool {
    let is_page = ending(&file.path) == Some("md") && !matches!(file.path.as_str(), "CHANGELOG.md" | "ARCHITECTURE.md");
    is_page || (file.path.starts_with("examples/") && file.language().is_some())
}

/// The extension of a path.
fn ending(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(_, ending)| ending)
}

/// The subpaths that a manifest exports, as an import names them. The manifest has npm's format.
fn exports(manifest: &str) -> BTreeSet<&str> {
    let section = manifest.lines().skip_while(|line| *line != "  \"exports\": {").skip(1);
    let lines = section.take_while(|line| !line.starts_with("  }"));
    lines.filter_map(|line| line.strip_prefix("    \"./")?.split_once('"')).map(|(path, _)| path).collect()
}

/// The subpaths that a file names, as `okibi/redis` between quotes or backticks, each with its
/// line.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(text).flat_map(|(number, line)| {
        ['\'', '"', '`'].into_iter().flat_map(move |quote| {
            let starts =
                line.match_indices(&format!("{quote}okibi/")).map(|(at, found)| at + found.len()).collect::<Vec<_>>();
            starts.into_iter().filter_map(move |at| Some((number, line.get(at..)?.split_once(quote)?.0)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{MANIFEST, README, Repository, check};

    const EXPORTS: &str = "{\n  \"exports\": {\n    \".\": {\n      \"default\": \"./dist/index.js\"\n    },\n    \"./redis\": {\n      \
        \"default\": \"./dist/redis.js\"\n    },\n    \"./hono/d1\": {},\n    \"./engine.wasm\": \"./dist/okibi.wasm\"\n  },\n  \"./no\": 1\n}\n";

    #[test]
    fn what_is_exported_and_named_is_good() {
        let readme = "`a` from `okibi/redis`, or `okibi/hono/d1`; not `okibi`\n";
        let page = "import { a } from 'okibi/redis'\nimport wasm from \"okibi/engine.wasm\"\n";
        let files = [(MANIFEST, EXPORTS), (README, readme), ("docs/a.md", page), ("CHANGELOG.md", "`okibi/old`\n")];
        assert_eq!(check(&Repository::of(&files)), []);
    }

    #[test]
    fn what_only_one_has_is_named() {
        let readme = "`okibi/redis`\n";
        let files =
            [(MANIFEST, EXPORTS), (README, readme), ("examples/a.ts", "// An example of it.\nimport 'okibi/radish'\n")];
        let found: Vec<String> = check(&Repository::of(&files)).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "packages/okibi/README.md:1: subpaths: `okibi/hono/d1` is a subpath of packages/okibi/package.json and not named here",
                "examples/a.ts:2: subpaths: `okibi/radish` is no subpath in `exports` of packages/okibi/package.json",
            ]
        );
    }
}
