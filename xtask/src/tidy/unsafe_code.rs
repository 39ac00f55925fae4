//! Rule: `unsafe` occurs in one file only, the border between JavaScript and wasm.

use super::{
    scan::Language,
    source::{Finding, Repository, has_word, numbered},
};

const RULE: &str = "unsafe";

/// The only file that may use `unsafe`: it passes byte buffers across the border.
const BORDER: &str = "crates/okibi-wasm/src/border.rs";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files.iter().filter(|file| file.language() == Some(Language::Rust) && file.path != BORDER) {
        for (number, line) in numbered(&file.bare()) {
            if has_word(line, "unsafe") {
                findings.push(file.finding(number, RULE, format!("only {BORDER} may be unsafe; write it safely")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{BORDER, Repository, check};

    #[test]
    fn only_the_border_may() {
        let code = "fn f() {\n    unsafe { g() }\n}\n";
        let found = check(&Repository::of(&[("a.rs", code), (BORDER, code)]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("a.rs", 2));
    }

    #[test]
    fn speaking_of_it_is_no_use_of_it() {
        let code = "#![forbid(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";\n";
        assert_eq!(check(&Repository::of(&[("a.rs", code)])), []);
    }
}
