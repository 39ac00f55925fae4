//! Rule: the first line of a source file states the file's job.

use super::{
    scan::Language,
    source::{File, Finding, Repository, numbered},
};

const RULE: &str = "first-line";

/// Minimum number of words of that line.
const FEWEST_WORDS: usize = 3;

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    repository.files.iter().filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Finding> {
    let start = match file.language()? {
        Language::Rust => "//!",
        Language::JavaScript => "//",
    };
    let (number, line) = numbered(&file.text).find(|(_, line)| !line.starts_with("#!/"))?;
    let comment = ["//!", "///", "//", "/**", "/*"].iter().find_map(|start| line.strip_prefix(start));
    let words =
        comment.unwrap_or_default().split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
    (words < FEWEST_WORDS).then(|| {
        file.finding(number, RULE, format!("does not say the file's job; start with `{start} …` in a few words"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn a_comment_of_a_few_words_will_do() {
        let good = [
            ("a.rs", "//! Reads the cookie header.\n"),
            ("b.rs", "// Reads the cookie header.\n"),
            ("c.ts", "/** Reads the cookie header. */\n"),
            ("d.mjs", "#!/usr/bin/env node\n// Starts the demo site.\n"),
            ("e.json", "{}"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn anything_else_is_found() {
        let bad = [("a.rs", "use x;\n"), ("b.rs", "//! Cookies.\n"), ("c.ts", "\n// Reads the cookie header.\n")];
        let found = check(&Repository::of(&bad));
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[0].to_string(),
            "a.rs:1: first-line: does not say the file's job; start with `//! …` in a few words"
        );
    }
}
