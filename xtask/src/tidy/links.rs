//! Rule: a link in a document names an existing file of the repository, and an existing heading.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{File, Finding, Repository, numbered};

const RULE: &str = "links";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let pages = || repository.files.iter().filter(|file| file.is_document());
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        pages().map(|page| (page.path.as_str(), anchors(&page.text))).collect();
    pages().flat_map(|page| wrong_in(page, repository, &anchors)).collect()
}

fn wrong_in<'a>(
    page: &'a File,
    repository: &'a Repository,
    anchors: &'a BTreeMap<&str, BTreeSet<String>>,
) -> impl Iterator<Item = Finding> + 'a {
    links(&page.text).into_iter().filter(|(_, link)| !is_elsewhere(link)).filter_map(move |(line, link)| {
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if path.is_empty() { Some(page.path.clone()) } else { resolve(&page.path, path) };
        let Some(target) = target.filter(|target| is_there(repository, target)) else {
            return Some(page.finding(line, RULE, format!("`{link}`: no such file in the repository")));
        };
        let headings = anchors.get(target.as_str())?;
        let is_known = anchor.is_empty() || headings.contains(anchor);
        (!is_known).then(|| page.finding(line, RULE, format!("`{link}`: no heading of {target} has this anchor")))
    })
}

/// Whether a link begins with a scheme.
fn is_elsewhere(link: &str) -> bool {
    link.split_once(':').is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Whether a path is a file of the repository, or a folder with files of it.
fn is_there(repository: &Repository, path: &str) -> bool {
    let folder = format!("{path}/");
    repository.file(path).is_some()
        || repository.tracked.contains(path)
        || repository.tracked.range(folder.clone()..).next().is_some_and(|file| file.starts_with(&folder))
        || repository.files.iter().any(|file| file.path.starts_with(&folder))
}

/// The path of a link's target; `None` if it is outside of the repository.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The targets of the links in a document, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    prose(text)
        .flat_map(|(number, line)| {
            let line = without_code(line);
            let targets: Vec<String> = line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'))
                .map(|(target, _)| target.trim_matches(['<', '>']).to_owned())
                .collect();
            targets.into_iter().map(move |target| (number, target))
        })
        .collect()
}

/// The lines of a document outside of its code blocks.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // The number of backticks that opened the current block.
    let mut fence = None;
    numbered(text).filter(move |(_, line)| {
        let after = line.trim_start_matches('`');
        let marks = line.len() - after.len();
        match fence {
            Some(opened) if marks == opened && after.trim().is_empty() => fence = None,
            None if marks >= 3 => fence = Some(marks),
            open => return open.is_none(),
        }
        false
    })
}

/// A line without its code spans.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The anchors of a document's headings, as GitHub and the site make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let text = line.trim_start_matches('#');
        let level = line.len() - text.len();
        if !(1..=6).contains(&level) || !text.starts_with(' ') {
            continue;
        }
        let anchor = anchor(text);
        let mut unlike = anchor.clone();
        let mut count = 0;
        while !anchors.insert(unlike) {
            count += 1;
            unlike = format!("{anchor}-{count}");
        }
    }
    anchors
}

/// The anchor of a heading: its letters and digits in lower case, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let mut text = String::new();
    // A link in a heading counts by its words.
    let mut rest = heading.trim();
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let kept = |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    text.to_lowercase().chars().filter(kept).map(|character| if character == ' ' { '-' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Repository, anchor, check};

    #[test]
    fn anchors_are_githubs() {
        assert_eq!(anchor(" Log out: `everywhere`, now"), "log-out-everywhere-now");
        assert_eq!(anchor(" From [hono-sessions](x.md) 1.0"), "from-hono-sessions-10");
        assert_eq!(anchor(" snake_case & more"), "snake_case--more");
    }

    #[test]
    fn links_to_files_folders_and_headings_are_good() {
        let page = "# One\n## Two\n## Two\n[a](b.md) [b](b.md#b) [c](#two-1) [d](../src) [e](../src/x.rs#L7)\n\
            `[no](no.md)` [f](https://example.org/x)\n```md\n[no](no.md)\n# No\n```\n";
        let files = [("docs/a.md", page), ("docs/b.md", "# B\n"), ("src/x.rs", "//! X.\n")];
        assert_eq!(check(&Repository::of(&files)), []);
    }

    #[test]
    fn links_to_nothing_are_named() {
        let page = "# One\n[a](c.md)\n[b](b.md#c) [c](#two)\n[d](../../x)\n[e](/b.md)\n";
        let found: Vec<String> = check(&Repository::of(&[("docs/a.md", page), ("docs/b.md", "# B\n")]))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "docs/a.md:2: links: `c.md`: no such file in the repository",
                "docs/a.md:3: links: `b.md#c`: no heading of docs/b.md has this anchor",
                "docs/a.md:3: links: `#two`: no heading of docs/a.md has this anchor",
                "docs/a.md:4: links: `../../x`: no such file in the repository",
                "docs/a.md:5: links: `/b.md`: no such file in the repository",
            ]
        );
    }
}
