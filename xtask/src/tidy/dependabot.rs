//! Rule: dependabot looks at the folder of every lock file.

use super::source::{Finding, Repository};

const RULE: &str = "dependabot";

const FILE: &str = ".github/dependabot.yml";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(file) = repository.file(FILE) else { return Vec::new() };
    let locks = repository.tracked.iter().filter_map(|path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Some((
            folder,
            match name {
                "Cargo.lock" => "cargo",
                "package-lock.json" => "npm",
                _ => return None,
            },
        ))
    });
    let missing = locks.filter(|(folder, ecosystem)| !names(&file.text, ecosystem, &format!("/{folder}")));
    missing
        .map(|(folder, ecosystem)| {
            file.finding(1, RULE, format!("`/{folder}` has a lock file; add it to the directories of `{ecosystem}`"))
        })
        .collect()
}

/// Whether the entry of an ecosystem lists a folder, as `- /folder`.
fn names(text: &str, ecosystem: &str, folder: &str) -> bool {
    let entries = text.split("- package-ecosystem: ").skip(1);
    let mut of_ecosystem = entries.filter(|entry| entry.lines().next() == Some(ecosystem));
    of_ecosystem.any(|entry| entry.lines().any(|line| line.trim().strip_prefix("- ") == Some(folder)))
}

#[cfg(test)]
mod tests {
    use super::{FILE, Repository, check};

    const TEXT: &str = "version: 2\nupdates:\n  - package-ecosystem: cargo\n    directories:\n      - /\n  - package-ecosystem: npm\n    \
        directories:\n      - /packages/okibi\n";

    #[test]
    fn a_lock_file_whose_folder_is_listed_is_good() {
        let files = [(FILE, TEXT), ("Cargo.lock", ""), ("packages/okibi/package-lock.json", "{}")];
        assert_eq!(check(&Repository::of(&files)), []);
        assert_eq!(check(&Repository::of(&[("Cargo.lock", "")])), []);
    }

    #[test]
    fn one_that_is_not_listed_for_its_ecosystem_is_found() {
        let files =
            [(FILE, TEXT), ("packages/okibi/Cargo.lock", ""), ("package-lock.json", "{}"), ("a/Cargo.lock", "")];
        let found = check(&Repository::of(&files));
        let messages: Vec<_> = found.iter().map(|finding| finding.message.split(';').next().unwrap()).collect();
        assert_eq!(messages, ["`/a` has a lock file", "`/` has a lock file", "`/packages/okibi` has a lock file"]);
    }
}
