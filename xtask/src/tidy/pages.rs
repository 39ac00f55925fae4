//! Rule: the front matter of a documentation page says where the site lists the page.

use super::source::{File, Finding, Repository};

const RULE: &str = "pages";

/// The groups of the sidebar; `docs/.vitepress/sidebar.mts` has them in this order.
const GROUPS: [&str; 7] = ["Start", "Guides", "Stores", "Coming from", "Operating", "Reference", "Project"];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let is_page = |file: &&File| {
        let is_here = file.path.strip_prefix("docs/").is_some_and(|name| !name.contains('/'));
        is_here && file.is_document() && file.path != "docs/index.md"
    };
    repository.files.iter().filter(is_page).flat_map(wrong_in).collect()
}

fn wrong_in(page: &File) -> Vec<Finding> {
    let Some((front, rest)) = page.text.strip_prefix("---\n").and_then(|text| text.split_once("\n---\n")) else {
        return vec![page.finding(1, RULE, "no front matter; it wants title, description, group and order")];
    };
    let value = |key: &str| front.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    let mut findings = Vec::new();
    let mut wrong = |message: String| findings.push(page.finding(1, RULE, message));
    for key in ["title", "description"] {
        if value(key).is_none_or(str::is_empty) {
            wrong(format!("no {key} in the front matter"));
        }
    }
    match value("group") {
        Some(group) if GROUPS.contains(&group) => {}
        group => wrong(format!("group {}: must be one of {}", group.unwrap_or("missing"), GROUPS.join(", "))),
    }
    if value("order").is_none_or(|order| order.parse::<u16>().is_err()) {
        wrong("order: must be a whole number, by which the pages of a group are sorted".to_owned());
    }
    if !rest.trim_start().starts_with("# ") {
        wrong("no title after the front matter; it wants a line `# Title`".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn a_whole_front_matter_is_good() {
        let page = "---\ntitle: A page\ndescription: What it is.\ngroup: Coming from\norder: 10\n---\n\n# A page\n";
        let files = [("docs/a.md", page), ("docs/index.md", "x\n"), ("docs/x/b.md", "x\n"), ("README.md", "x\n")];
        assert_eq!(check(&Repository::of(&files)), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        let found = |text: &str| {
            let found = check(&Repository::of(&[("docs/a.md", text)]));
            found.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
        };
        assert_eq!(found("# A\n"), ["no front matter; it wants title, description, group and order"]);
        assert_eq!(
            found("---\ntitle: A\ngroup: Guide\norder: first\n---\nText.\n"),
            [
                "no description in the front matter",
                "group Guide: must be one of Start, Guides, Stores, Coming from, Operating, Reference, Project",
                "order: must be a whole number, by which the pages of a group are sorted",
                "no title after the front matter; it wants a line `# Title`",
            ]
        );
    }
}
