//! Rule: `docs/requirements.md` lists existing tests, and every number that test names contain.
//! Other pages link to a number.

use std::collections::BTreeSet;

use super::{
    scan::Language,
    source::{File, Finding, Repository, numbered},
};

const RULE: &str = "requirements";

const PAGE: &str = "docs/requirements.md";

/// The calls that define a test in JavaScript.
const RUNNERS: &[&str] = &["test(", "test.", "it(", "it.", "describe(", "describe.", "step(", "common(", "])("];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(page) = repository.file(PAGE) else {
        return vec![Finding { path: PAGE.to_owned(), line: 1, rule: RULE, message: "is missing".to_owned() }];
    };
    let sections = sections(&page.text);
    let known: BTreeSet<&str> = sections.iter().map(|section| section.number).collect();
    let mut findings = check_page(repository, page, &sections);
    for file in &repository.files {
        findings.extend(links(&file.text).filter(|(_, number)| !known.contains(number.as_str())).map(
            |(line, number)| file.finding(line, RULE, format!("{PAGE} has no line {number}, to which this links")),
        ));
        findings.extend(tests(file).flat_map(|(line, name)| {
            let unknown = numbers(name, true).filter(|number| !known.contains(number.as_str())).collect::<Vec<_>>();
            unknown.into_iter().map(move |number| {
                file.finding(line, RULE, format!("`{name}` names {number}, which {PAGE} does not have"))
            })
        }));
        if file.path != PAGE {
            findings.extend(bare(file).map(|(line, number)| {
                file.finding(line, RULE, format!("a bare {number}: say the rule itself, or link to {PAGE}"))
            }));
        }
    }
    findings
}

/// A line of the requirements: its number, and what is below its heading.
struct Section<'a> {
    number: &'a str,
    line: usize,
    /// The path and the name of each test, with its line.
    tests: Vec<(usize, &'a str, &'a str)>,
    /// It gives a reason for having no test.
    has_reason: bool,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (line, words) in numbered(text) {
        if let Some(number) = words.strip_prefix("### ") {
            sections.push(Section { number, line, tests: Vec::new(), has_reason: false });
        } else if let Some(section) = sections.last_mut() {
            // - `path` `name`
            if let Some((path, rest)) = words.strip_prefix("- `").and_then(|rest| rest.split_once("` `")) {
                section.tests.push((line, path, rest.trim_matches('`')));
            }
            section.has_reason |= words.starts_with("No test: ") || words.starts_with("The same as [");
        }
    }
    sections
}

fn check_page(repository: &Repository, page: &File, sections: &[Section<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for section in sections {
        let mut finding = |line, message| findings.push(page.finding(line, RULE, message));
        if numbers(section.number, false).next().as_deref() != Some(section.number) {
            finding(section.line, format!("`{}` is not a number", section.number));
        }
        if !seen.insert(section.number) {
            finding(section.line, format!("{} is there twice", section.number));
        }
        if section.tests.is_empty() && !section.has_reason {
            finding(section.line, format!("{} names no test; name one, or say `No test: …`", section.number));
        }
        for (line, path, name) in &section.tests {
            let Some(file) = repository.file(path) else {
                let now = repository.files.iter().find(|file| has_test(file, name)).map(|file| file.path.as_str());
                finding(*line, format!("there is no {path}; `{name}` is in {}", now.unwrap_or("no file")));
                continue;
            };
            if !has_test(file, name) {
                let others: Vec<&str> = tests(file)
                    .map(|(_, test)| test)
                    .filter(|test| numbers(test, true).any(|number| number == section.number))
                    .collect();
                finding(*line, format!("{path} has no test `{name}`; with {} it has {others:?}", section.number));
            }
        }
    }
    findings
}

/// Whether a file has a test of this name. Code that must not compile is a test too: a
/// `compile_fail` block in Rust, the comment of `@ts-expect-error` in TypeScript.
fn has_test(file: &File, name: &str) -> bool {
    match file.language() {
        Some(Language::Rust) if name.starts_with("compile_fail") => file.text.contains(&format!("```{name}\n")),
        Some(Language::Rust) => tests(file).any(|(_, test)| test == name),
        Some(Language::JavaScript) => {
            ['\'', '"', '`'].iter().any(|quote| file.text.contains(&format!("{quote}{name}{quote}")))
                || file.text.contains(&format!("// @ts-expect-error {name}\n"))
        }
        None => false,
    }
}

/// The names of the tests in a file, each with its line.
fn tests(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut is_marked = false;
    numbered(&file.text).filter_map(move |(line, text)| {
        let code = text.trim_start();
        let name = match file.language()? {
            Language::Rust if code.starts_with("#[") || code.starts_with("//") => {
                is_marked |= ["#[test]", "#[tokio::test"].iter().any(|mark| code.starts_with(mark));
                None
            }
            Language::Rust => {
                let was_marked = std::mem::take(&mut is_marked);
                let name = code.trim_start_matches("async ").strip_prefix("fn ").filter(|_| was_marked);
                name?.split(|character: char| !character.is_alphanumeric() && character != '_').next()
            }
            Language::JavaScript if !file.is_test() => None,
            Language::JavaScript => {
                let is_alone = code.starts_with(['\'', '"', '`']) && (code.ends_with(',') || code.ends_with(" => {"));
                let at = code.find(['\'', '"', '`'])?;
                let (before, rest) = code.split_at_checked(at)?;
                let quote = rest.chars().next()?;
                let calls = RUNNERS.iter().any(|runner| before.trim_start_matches("await ").starts_with(runner));
                rest.get(1..)?.split_once(quote).map(|(name, _)| name).filter(|_| is_alone || calls)
            }
        };
        name.map(|name| (line, name))
    })
}

/// The numbers of requirements in a string: `N1`, and `n1` if `small_too`. A number in a name has a
/// boundary on each side.
fn numbers(words: &str, small_too: bool) -> impl Iterator<Item = String> {
    let parts = words.split(|character: char| !character.is_alphanumeric());
    parts.filter_map(move |part| {
        let letter = part.chars().next()?;
        let digits = part.get(letter.len_utf8()..)?;
        let is_letter = matches!(letter, 'N' | 'S' | 'F' | 'H' | 'M' | 'R')
            || (small_too && matches!(letter, 'n' | 's' | 'h' | 'm' | 'r'));
        let is_number = matches!(digits.len(), 1 | 2) && digits.bytes().all(|digit| digit.is_ascii_digit());
        (is_letter && is_number).then(|| part.to_uppercase())
    })
}

/// The numbers that links to the page name, each with its line: `requirements.md#n1`, and on the
/// page itself `(#n1)`.
fn links(text: &str) -> impl Iterator<Item = (usize, String)> {
    numbered(text).flat_map(|(line, words)| {
        let starts = ["requirements.md#", "](#"]
            .into_iter()
            .flat_map(move |start| words.match_indices(start).filter_map(move |(at, _)| words.get(at + start.len()..)));
        starts.filter_map(move |rest| {
            let anchor = rest.split(|character: char| !character.is_alphanumeric() && character != '-').next()?;
            let number = numbers(anchor, true).next()?;
            (number.len() == anchor.len()).then_some((line, number))
        })
    })
}

/// The numbers in a page, or in the comments of source code, outside of links to the page.
fn bare(file: &File) -> impl Iterator<Item = (usize, String)> {
    let is_page = matches!(file.path.rsplit_once('.'), Some((_, "md")));
    let code = if is_page || file.language().is_none() { String::new() } else { file.code() };
    let prose = if is_page {
        file.text.clone()
    } else {
        let lines = file.text.lines().zip(code.lines());
        lines.map(|(text, code)| comment(text, code) + "\n").collect()
    };
    let found: Vec<(usize, String)> = numbered(&prose)
        .flat_map(|(line, words)| {
            let words = without_links(words);
            numbers(&words, false).map(|number| (line, number)).collect::<Vec<_>>()
        })
        .collect();
    found.into_iter()
}

/// The comment of a line: the characters that its code lacks.
fn comment(text: &str, code: &str) -> String {
    let mut code = code.chars();
    text.chars().map(|character| if code.next() == Some(character) { ' ' } else { character }).collect()
}

/// A line without its links to the page and its code spans.
fn without_links(words: &str) -> String {
    let mut kept = String::new();
    for (index, part) in words.split('`').enumerate() {
        kept.push_str(if index % 2 == 0 { part } else { " " });
    }
    while let Some(at) = kept.find("requirements.md#") {
        let start = kept.get(..at).and_then(|before| before.rfind('[')).unwrap_or(at);
        let end = kept.get(at..).and_then(|rest| rest.find([')', ' '])).map_or(kept.len(), |length| at + length);
        kept.replace_range(start..end, " ");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Repository, check};

    const RUST: &str = "//! Tests of it.\n#[test]\n/// Why.\nfn n1_s2_it_holds() {}\nfn n9_helper() {}\n#[tokio::test(flavor = \"x\")]\nasync fn late_n1() {}\n";
    const TYPESCRIPT: &str = "// Tests of it.\ntest('n1_it_holds', () => {})\ntest.each(all)(\n  's2: and %s (N1)',\n)\ncall('n9_x')\n\
        // @ts-expect-error another type\n";
    const GOOD: &str = "# Requirements\n\n### N1\n\nIt holds.\n\n- `crates/a/tests/a.rs` `n1_s2_it_holds`\n- `crates/a/tests/a.rs` `late_n1`\n\
        - `packages/a/test/a.test.ts` `n1_it_holds`\n- `packages/a/test/a.test.ts` `another type`\n\n### S2\n\nThe same as [N1](#n1).\n";

    fn found(page: &str, more: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![(PAGE, page), ("crates/a/tests/a.rs", RUST), ("packages/a/test/a.test.ts", TYPESCRIPT)];
        files.extend(more);
        check(&Repository::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_whose_tests_exist_is_good_and_so_are_links_to_it() {
        let page = "It holds ([N1](requirements.md#n1)), `grep N1`, HTTP2, S256, UTF8.\n";
        let source =
            "//! See docs/requirements.md#s2 for it.\nconst A: &str = \"N1\";\n/// Two of N.\nfn serialize_f32() {}\n";
        assert_eq!(found(GOOD, &[("docs/a.md", page), ("crates/a/src/a.rs", source)]), [""; 0]);
    }

    #[test]
    fn what_the_page_names_must_exist() {
        let page = GOOD
            .replace("late_n1", "late_n2")
            .replace("`packages/a/test/a.test.ts` `another", "`packages/a/test/b.test.ts` `another")
            .replace(
                "The same as [N1](#n1).",
                "As [N3](#n3).\n\n### N1\n\nNo test: it is there twice.\n\n### Five\n\nNo test: none.",
            );
        assert_eq!(
            found(&page, &[]),
            [
                "docs/requirements.md:8: requirements: crates/a/tests/a.rs has no test `late_n2`; with N1 it has [\"n1_s2_it_holds\", \"late_n1\"]",
                "docs/requirements.md:10: requirements: there is no packages/a/test/b.test.ts; `another type` is in packages/a/test/a.test.ts",
                "docs/requirements.md:12: requirements: S2 names no test; name one, or say `No test: …`",
                "docs/requirements.md:16: requirements: N1 is there twice",
                "docs/requirements.md:20: requirements: `Five` is not a number",
                "docs/requirements.md:14: requirements: docs/requirements.md has no line N3, to which this links",
            ]
        );
    }

    #[test]
    fn what_a_test_names_must_be_on_the_page() {
        let page = GOOD.replace("### S2\n\nThe same as [N1](#n1).\n", "");
        assert_eq!(
            found(&page, &[]),
            [
                "crates/a/tests/a.rs:4: requirements: `n1_s2_it_holds` names S2, which docs/requirements.md does not have",
                "packages/a/test/a.test.ts:4: requirements: `s2: and %s (N1)` names S2, which docs/requirements.md does not have",
            ]
        );
    }

    #[test]
    fn a_bare_number_is_found_in_pages_and_comments_and_nowhere_else() {
        let rust = "//! Reads it (S2).\nfn a() {} // as N1 says, see requirements.md#n1\n";
        let typescript = "/** Reads it (S2).\n * And N1: it holds. */\nconst a = '// N1'\n";
        let more =
            [("README.md", "It holds (N1).\n"), ("crates/a/src/a.rs", rust), ("packages/a/src/a.ts", typescript)];
        assert_eq!(
            found(GOOD, &more),
            [
                "README.md:1: requirements: a bare N1: say the rule itself, or link to docs/requirements.md",
                "crates/a/src/a.rs:1: requirements: a bare S2: say the rule itself, or link to docs/requirements.md",
                "crates/a/src/a.rs:2: requirements: a bare N1: say the rule itself, or link to docs/requirements.md",
                "packages/a/src/a.ts:1: requirements: a bare S2: say the rule itself, or link to docs/requirements.md",
                "packages/a/src/a.ts:2: requirements: a bare N1: say the rule itself, or link to docs/requirements.md",
            ]
        );
    }

    #[test]
    fn without_the_page_there_is_one_finding() {
        assert_eq!(check(&Repository::of(&[])).len(), 1);
    }
}
