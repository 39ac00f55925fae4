//! Rule: every crate inherits the workspace's lints, and ARCHITECTURE.md gives a reason for each
//! dependency.

use super::{
    manifest::{of_cargo, of_npm},
    source::{File, Finding, Repository},
};

const ARCHITECTURE: &str = "ARCHITECTURE.md";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let reasons = repository.file(ARCHITECTURE).map_or("", |file| file.text.as_str());
    let mut findings = Vec::new();
    for file in &repository.files {
        let dependencies = match file.name() {
            "Cargo.toml" => of_cargo(&file.text),
            "package.json" => of_npm(&file.text),
            _ => continue,
        };
        findings.extend(without_lints(file));
        for dependency in dependencies {
            let name = &dependency.name;
            let is_ours = name == "okibi" || name.starts_with("okibi-");
            if !is_ours && !reasons.contains(&format!("`{name}`")) {
                let message =
                    format!("`{name}` is not named in {ARCHITECTURE}; say there why it is needed, or do without");
                findings.push(file.finding(dependency.line, "dependency-reason", message));
            }
        }
    }
    findings
}

/// A crate that does not inherit the workspace's lints.
fn without_lints(file: &File) -> Option<Finding> {
    let has = |section: &str, key: &str| {
        let mut lines = file.text.lines().skip_while(|line| line.trim() != section).skip(1);
        lines
            .by_ref()
            .take_while(|line| !line.starts_with('['))
            .any(|line| line.split_whitespace().collect::<String>() == key)
    };
    let is_crate = file.name() == "Cargo.toml" && file.text.lines().any(|line| line.trim() == "[package]");
    let message = "a crate without the workspace's lints; add `[lints]` and `workspace = true`";
    (is_crate && !has("[lints]", "workspace=true")).then(|| file.finding(1, "lints", message))
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn lints_and_reasons_are_enough() {
        let good = [
            ("ARCHITECTURE.md", "| `serde` | JSON |\n| `hono` | the framework |\n"),
            ("Cargo.toml", "[workspace]\n[workspace.dependencies]\nbytes = \"1\"\n"),
            (
                "a/Cargo.toml",
                "[package]\n[dependencies]\nserde = \"1\"\nokibi-core = \"1\"\n[lints]\nworkspace = true\n",
            ),
            ("b/package.json", "{\n  \"peerDependencies\": {\n    \"hono\": \">=4\"\n  }\n}\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        let bad = [
            ("ARCHITECTURE.md", "serde_json and bytes, in prose only\n"),
            ("a/Cargo.toml", "[package]\n[dependencies]\nbytes = \"1\"\n"),
            ("b/package.json", "{\n  \"devDependencies\": {\n    \"vitest\": \"5\"\n  }\n}\n"),
        ];
        let found = check(&Repository::of(&bad));
        let found: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.line, found.rule)).collect();
        assert_eq!(
            found,
            [
                ("a/Cargo.toml", 1, "lints"),
                ("a/Cargo.toml", 3, "dependency-reason"),
                ("b/package.json", 3, "dependency-reason")
            ]
        );
    }
}
