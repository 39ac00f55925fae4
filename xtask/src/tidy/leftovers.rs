//! Rule: no unfinished code, and no disabled test.

use super::{
    scan::Language,
    source::{File, Finding, Repository, has_word, numbered},
};

const RULE: &str = "leftover";

/// Words that mark unfinished work. They are concatenated, because this file is checked too.
const WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

const RUST: &[&str] = &[concat!("to", "do!"), concat!("unimplemen", "ted!"), concat!("#[ig", "nore")];

const JAVASCRIPT: &[&str] = &[".skip(", ".only(", ".todo(", ".skipIf(", ".runIf(", "xit(", "xdescribe("];

/// Functions that define tests. A `.skip(` on any other value is an iterator's.
const RUNNERS: &[&str] = &["test", "it", "describe", "suite"];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    repository.files.iter().filter(|file| !is_generated(file)).flat_map(check_file).collect()
}

fn is_generated(file: &File) -> bool {
    matches!(file.name(), "Cargo.lock" | "package-lock.json")
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in numbered(&file.text) {
        for word in WORDS.iter().filter(|word| has_word(line, word)) {
            findings.push(file.finding(number, RULE, format!("{word}: do it, or write down why it is not done")));
        }
    }
    for (number, line) in numbered(&file.bare()) {
        let unfinished = match file.language() {
            Some(Language::Rust) => RUST.iter().find(|part| line.contains(**part)),
            Some(Language::JavaScript) => JAVASCRIPT.iter().find(|part| switches_off(line, part)),
            None => None,
        };
        if let Some(part) = unfinished {
            findings.push(file.finding(number, RULE, format!("{part}: every test runs, and all code is there")));
        }
    }
    findings
}

/// Whether a line of JavaScript disables a test with this call.
fn switches_off(line: &str, call: &str) -> bool {
    let Some((before, _)) = line.split_once(call) else { return false };
    let word = before.rsplit(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap_or("");
    if call.starts_with('.') { RUNNERS.contains(&word) } else { word.is_empty() }
}

#[cfg(test)]
mod tests {
    use super::{JAVASCRIPT, RUST, Repository, WORDS, check};

    #[test]
    fn every_leftover_is_found() {
        for word in WORDS {
            let text = format!("fine\n# {word}: later\n");
            let found = check(&Repository::of(&[("a.md", &text)]));
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].line, 2);
        }
        for part in RUST {
            assert_eq!(check(&Repository::of(&[("a.rs", &format!("{part}\n"))])).len(), 1, "{part}");
        }
        for part in JAVASCRIPT {
            let call = if part.starts_with('.') { format!("test{part}'a')\n") } else { format!("{part}'a')\n") };
            assert_eq!(check(&Repository::of(&[("a.test.ts", &call)])).len(), 1, "{part}");
        }
    }

    #[test]
    fn iterators_may_skip_and_names_may_end_alike() {
        let good = [
            ("a.rs", "names.iter().skip(1);\n"),
            ("a.ts", "names.values().skip(1)\nexit(1)\ncommit(x)\nprocess.exit(1)\n"),
            ("b.rs", &format!("const A: &str = \"{}\";\n", RUST[0])),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }
}
