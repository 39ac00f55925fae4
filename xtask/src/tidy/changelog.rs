//! Rule: the changelog has the usual sections in the usual order, and every line in it stands in
//! one.

use super::source::{Finding, Repository, numbered};
use crate::release::{SECTIONS, UNRELEASED, versions_in};

const RULE: &str = "changelog";

const FILE: &str = "CHANGELOG.md";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(file) = repository.file(FILE) else { return Vec::new() };
    let mut findings = Vec::new();
    for version in versions_in(&file.text) {
        let place = |name: &str| SECTIONS.iter().position(|section| *section == name);
        for (line, name) in &version.sections {
            if place(name).is_none() {
                let message = format!("`### {name}` is no section; the sections are {}", SECTIONS.join(", "));
                findings.push(file.finding(*line, RULE, message));
            }
        }
        for (before, after) in version.sections.iter().zip(version.sections.iter().skip(1)) {
            if place(before.1).is_some() && place(after.1).is_some() && place(before.1) >= place(after.1) {
                let message =
                    format!("`### {}` after `### {}`; the order is {}", after.1, before.1, SECTIONS.join(", "));
                findings.push(file.finding(after.0, RULE, message));
            }
        }
    }
    findings.extend(strays(&file.text).map(|line| {
        let message = format!("no entry of a section; begin it with `- ` under a `### ` of `## {UNRELEASED}`");
        file.finding(line, RULE, message)
    }));
    findings
}

/// Lines under a section that belong to no entry of it.
fn strays(text: &str) -> impl Iterator<Item = usize> {
    let mut in_section = false;
    numbered(text).filter_map(move |(number, line)| {
        if line.starts_with('#') {
            in_section = line.starts_with("###");
        }
        // What is deprecated or removed may be nothing.
        let is_entry = line.is_empty() || line.starts_with(['#', ' ']) || line.starts_with("- ") || line == "Nothing.";
        (in_section && !is_entry).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::{FILE, Repository, check};

    #[test]
    fn the_usual_sections_are_good() {
        let text = "# Changelog\n\nWords.\n\n## Unreleased\n\nWords.\n\n### Added\n\n- a\n  and more\n\n#### Rust\n\n- b\n\n### Removed\n\n\
            Nothing.\n\n## 0.1.0 - 2026-12-01\n\n### Added\n\n- c\n";
        assert_eq!(check(&Repository::of(&[(FILE, text)])), []);
    }

    #[test]
    fn other_sections_another_order_and_lines_outside_are_found() {
        let text = "## Unreleased\n\n### Fixed\n\n- a\n\n### Added\n\nA line at the end.\n\n### Improved\n\n- b\n";
        let found = check(&Repository::of(&[(FILE, text)]));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [11, 7, 9]);
        assert!(found[0].message.starts_with("`### Improved` is no section; "), "{}", found[0]);
        assert!(found[1].message.starts_with("`### Added` after `### Fixed`; "), "{}", found[1]);
    }
}
