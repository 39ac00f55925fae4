//! Rule: the README names the two commands that a newcomer needs.

use super::source::{Finding, Repository};

const COMMANDS: &[&str] = &["cargo xtask demo", "cargo xtask test"];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let text = repository.file("README.md").map_or("", |file| file.text.as_str());
    COMMANDS
        .iter()
        .filter(|command| !text.contains(**command))
        .map(|command| Finding {
            path: "README.md".to_owned(),
            line: 1,
            rule: "readme",
            message: format!("`{command}` is not named; a newcomer needs it first"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn both_commands_are_wanted() {
        assert_eq!(check(&Repository::of(&[("README.md", "cargo xtask demo\ncargo xtask test\n")])), []);
        assert_eq!(check(&Repository::of(&[("README.md", "cargo xtask demo\n")])).len(), 1);
        assert_eq!(check(&Repository::of(&[])).len(), 2);
    }
}
