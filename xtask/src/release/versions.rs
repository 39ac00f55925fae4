//! The common version of all crates and of the npm package.

use super::Problem;
use crate::run::{Outcome, fail};

/// The version in the workspace's manifest, which the crates inherit.
pub(super) fn of_workspace(manifest: &str) -> Outcome<String> {
    let section = manifest.lines().skip_while(|line| *line != "[workspace.package]").skip(1);
    let mut lines = section.take_while(|line| !line.starts_with('['));
    match lines.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')) {
        Some(version) => Ok(version.to_owned()),
        None => fail("Cargo.toml: no `version` in `[workspace.package]`; write the one that all crates have"),
    }
}

/// Other versions: of the npm package, or in the manifest of an example. Each example is a path
/// with its contents.
pub(super) fn check(version: &str, npm: &str, examples: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let own = value(npm, "version").unwrap_or("none");
    if own != version {
        let what = format!("packages/okibi/package.json: version {own}, not {version} as in Cargo.toml");
        problems
            .push(Problem::new(what, "write the same in both, and run `npm install --package-lock-only` beside it"));
    }
    for key in ["description", "license", "repository", "keywords", "engines"] {
        if !npm.contains(&format!("\n  \"{key}\": ")) {
            problems.push(Problem::new(format!("packages/okibi/package.json: no {key}"), "npm's page shows it"));
        }
    }
    for (path, text) in examples {
        // An example that runs in this repository only depends on the folder.
        let range = value(text, "okibi").filter(|range| !range.starts_with("file:"));
        if let Some(range) = range.filter(|range| *range != format!("^{version}")) {
            let what = format!("{path}: asks for okibi {range}");
            problems.push(Problem::new(what, format!("must be `^{version}`")));
        }
    }
    problems
}

/// The string value of a key in a package.json in npm's format.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let start = format!("\"{key}\": \"");
    text.lines().find_map(|line| line.trim_start().strip_prefix(&start)?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::{check, of_workspace};

    const NPM: &str = "{\n  \"name\": \"okibi\",\n  \"version\": \"0.1.0\",\n  \"description\": \"a\",\n  \"license\": \"b\",\n  \
        \"repository\": {\n  },\n  \"keywords\": [],\n  \"engines\": {}\n}\n";

    fn found(npm: &str, example: &str) -> Vec<String> {
        let examples = [("examples/a/package.json".to_owned(), example.to_owned())];
        check("0.1.0", npm, &examples).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn the_version_of_the_workspace_is_read() {
        let text = "[workspace.package]\nversion = \"1.2.3\"\n[workspace.dependencies]\nversion = \"9\"\n";
        assert_eq!(of_workspace(text).unwrap(), "1.2.3");
        assert!(of_workspace("[package]\nversion = \"1.2.3\"\n").is_err());
    }

    #[test]
    fn one_version_everywhere_is_good() {
        assert_eq!(found(NPM, "  \"okibi\": \"^0.1.0\",\n"), [] as [&str; 0]);
        assert_eq!(found(NPM, "  \"hono\": \"^4\",\n"), [] as [&str; 0]);
        assert_eq!(found(NPM, "  \"okibi\": \"file:../okibi\",\n"), [] as [&str; 0]);
    }

    #[test]
    fn another_version_is_named() {
        assert_eq!(
            found(&NPM.replace("0.1.0", "0.2.0"), "  \"okibi\": \"^0.0.9\"\n"),
            [
                "packages/okibi/package.json: version 0.2.0, not 0.1.0 as in Cargo.toml",
                "examples/a/package.json: asks for okibi ^0.0.9",
            ]
        );
        assert_eq!(found(&NPM.replace("\"license\"", "\"licence\""), ""), ["packages/okibi/package.json: no license"]);
    }
}
