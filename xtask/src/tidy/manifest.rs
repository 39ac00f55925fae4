//! Reads the dependencies out of a Cargo.toml or a package.json, line by line.

/// A dependency as a manifest names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only for tests and tools.
    pub(crate) dev: bool,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// The dependencies in a Cargo.toml. The list shared by the workspace is not one: it only fixes
/// versions.
pub(crate) fn of_cargo(text: &str) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let number = index + 1;
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            header.trim().clone_into(&mut section);
            // `[dependencies.name]`
            if let Some((table, name)) = section.rsplit_once('.').filter(|(table, _)| is_table(table)) {
                dependencies.push(Dependency {
                    name: name.to_owned(),
                    dev: table.ends_with("dev-dependencies"),
                    line: number,
                });
            }
        } else if is_table(&section)
            && !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            let key = key.split('.').next().unwrap_or(key).trim().trim_matches('"');
            let name = renamed(value).unwrap_or(key);
            dependencies.push(Dependency {
                name: name.to_owned(),
                dev: section.ends_with("dev-dependencies"),
                line: number,
            });
        }
    }
    dependencies
}

/// Whether a section lists dependencies: also `target.'cfg(unix)'.dependencies`, not
/// `workspace.dependencies`.
fn is_table(section: &str) -> bool {
    let last = section.rsplit('.').next().unwrap_or(section);
    matches!(last, "dependencies" | "dev-dependencies" | "build-dependencies") && !section.starts_with("workspace.")
}

/// The crate behind `{ package = "name" }`.
fn renamed(value: &str) -> Option<&str> {
    let (_, after) = value.split_once("package")?;
    after.trim_start().strip_prefix('=')?.split('"').nth(1)
}

/// The dependencies in a package.json that is written as npm writes it.
pub(crate) fn of_npm(text: &str) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    let mut section: Option<bool> = None;
    for (index, line) in text.lines().enumerate() {
        let mut quoted = line.split('"').skip(1);
        let Some(key) = quoted.next() else {
            section = section.filter(|_| !line.trim_start().starts_with('}'));
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        match (indent, key) {
            (2, "dependencies" | "peerDependencies" | "optionalDependencies") => section = Some(false),
            (2, "devDependencies") => section = Some(true),
            (2, _) => section = None,
            _ => {
                if let Some(dev) = section {
                    dependencies.push(Dependency { name: key.to_owned(), dev, line: index + 1 });
                }
            }
        }
    }
    dependencies
}

#[cfg(test)]
mod tests {
    use super::{of_cargo, of_npm};

    fn names(dependencies: &[super::Dependency]) -> Vec<(&str, bool, usize)> {
        dependencies.iter().map(|found| (found.name.as_str(), found.dev, found.line)).collect()
    }

    #[test]
    fn cargo_manifests_are_read() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n# c = 1\nd = { package = \"e\", version = \"1\" }\n\
            [dev-dependencies]\nf = \"1\"\n[target.'cfg(unix)'.dependencies]\ng = \"1\"\n[dependencies.h]\nversion = \"1\"\n\
            [workspace.dependencies]\ni = \"1\"\n[features]\nj = []\n";
        assert_eq!(
            names(&of_cargo(text)),
            [("b", false, 4), ("e", false, 6), ("f", true, 8), ("g", false, 10), ("h", false, 11)]
        );
    }

    #[test]
    fn npm_manifests_are_read() {
        let text = "{\n  \"name\": \"a\",\n  \"peerDependencies\": {\n    \"hono\": \">=4\"\n  },\n  \"peerDependenciesMeta\": {\n    \
            \"b\": {\n      \"optional\": true\n    }\n  },\n  \"devDependencies\": {\n    \"@types/node\": \"1\"\n  }\n}\n";
        assert_eq!(names(&of_npm(text)), [("hono", false, 4), ("@types/node", true, 12)]);
    }
}
