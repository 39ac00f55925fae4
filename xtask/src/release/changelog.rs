//! Reads a version's entries in the changelog, and checks the order of its sections.

use super::Problem;

/// The sections of a version, in their order (Keep a Changelog).
pub(crate) const SECTIONS: &[&str] = &["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// The heading of unreleased changes.
pub(crate) const UNRELEASED: &str = "Unreleased";

/// A version in the changelog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Version<'a> {
    /// The heading after `## `.
    pub(crate) heading: &'a str,
    /// Its sections, each with its line, counted from 1.
    pub(crate) sections: Vec<(usize, &'a str)>,
    /// The number of entries in them.
    pub(crate) entries: usize,
}

/// The versions in a changelog, newest first.
pub(crate) fn versions_in(text: &str) -> Vec<Version<'_>> {
    let mut versions: Vec<Version<'_>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            versions.push(Version { heading: heading.trim(), sections: Vec::new(), entries: 0 });
        } else if let Some(version) = versions.last_mut() {
            if let Some(section) = line.strip_prefix("### ") {
                version.sections.push((index + 1, section.trim()));
            } else if line.starts_with("- ") {
                version.entries += 1;
            }
        }
    }
    versions
}

/// The entries of this version: under its number and date, or still under [`UNRELEASED`].
pub(super) fn for_release(text: &str, version: &str) -> Result<String, Problem> {
    let versions = versions_in(text);
    let of_heading = |wanted: &str| versions.iter().find(|found| found.heading.split(' ').next() == Some(wanted));
    let Some(found) = of_heading(version).or_else(|| of_heading(UNRELEASED)) else {
        let what = format!("CHANGELOG.md: no section `## {version} - YYYY-MM-DD`, and none `## {UNRELEASED}`");
        return Err(Problem::new(what, "say there what is new"));
    };
    if found.entries == 0 {
        let what = format!("CHANGELOG.md: nothing under `## {}`", found.heading);
        return Err(Problem::new(what, "say there what is new"));
    }
    if found.heading == UNRELEASED {
        let entries = found.entries;
        return Ok(format!("the changelog has {entries} entries under `## {UNRELEASED}`, which the release renames"));
    }
    let date = found.heading.strip_prefix(version).and_then(|rest| rest.strip_prefix(" - ")).unwrap_or_default();
    if !is_date(date) {
        let what = format!("CHANGELOG.md: `## {}` has no date", found.heading);
        return Err(Problem::new(what, format!("write `## {version} - YYYY-MM-DD`")));
    }
    Ok(format!("the changelog has {} entries of {date}", found.entries))
}

/// Whether a string is a date like `2026-12-01`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts.iter().all(|part| part.chars().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{for_release, versions_in};

    const TEXT: &str = "# Changelog\n\n- no entry\n\n## 0.2.0 - 2026-12-01\n\n### Added\n\n- a\n  and more\n- b\n\n### Fixed\n\n- c\n\n\
        ## 0.1.0 - soon\n\n- d\n\n## 0.0.9 - 2026-01-01\n";

    #[test]
    fn versions_and_their_sections_are_read() {
        let found: Vec<_> = versions_in(TEXT).into_iter().map(|version| (version.heading, version.entries)).collect();
        assert_eq!(found, [("0.2.0 - 2026-12-01", 3), ("0.1.0 - soon", 1), ("0.0.9 - 2026-01-01", 0)]);
        assert_eq!(versions_in(TEXT)[0].sections, [(7, "Added"), (13, "Fixed")]);
    }

    #[test]
    fn a_version_with_entries_can_be_released() {
        assert_eq!(for_release(TEXT, "0.2.0").unwrap(), "the changelog has 3 entries of 2026-12-01");
        let said = for_release("## Unreleased\n\n- a\n", "0.3.0").unwrap();
        assert_eq!(said, "the changelog has 1 entries under `## Unreleased`, which the release renames");
    }

    #[test]
    fn a_version_of_which_nothing_is_said_cannot() {
        for (version, message) in [
            ("0.3.0", "CHANGELOG.md: no section `## 0.3.0 - YYYY-MM-DD`, and none `## Unreleased`"),
            ("0.1.0", "CHANGELOG.md: `## 0.1.0 - soon` has no date"),
            ("0.0.9", "CHANGELOG.md: nothing under `## 0.0.9 - 2026-01-01`"),
        ] {
            assert_eq!(for_release(TEXT, version).unwrap_err().what, message);
        }
    }
}
