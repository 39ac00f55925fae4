//! Rule: a file has at most 400 lines of code.

use super::{
    scan::{Language, without_test_modules},
    source::{File, Finding, Repository, numbered},
};

const RULE: &str = "length";

/// Lines of code in one file: no blank lines, no comments, no tests.
const MOST_LINES: usize = 400;

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    repository.files.iter().filter(|file| !file.is_test()).filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Finding> {
    let bare = match file.language()? {
        Language::Rust => without_test_modules(&file.bare()),
        Language::JavaScript => file.bare(),
    };
    let mut code = numbered(&bare).filter(|(_, line)| !line.trim().is_empty());
    let count = code.clone().count();
    let (first_too_many, _) = code.nth(MOST_LINES)?;
    Some(file.finding(first_too_many, RULE, format!("{count} lines of code, at most {MOST_LINES}; split the file")))
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn four_hundred_lines_of_code_are_the_most() {
        let enough = "let x = 1;\n\n// why\n/* how */\n".repeat(400);
        let tests = format!("{enough}#[cfg(test)]\nmod tests {{\n{}}}\n", "    let y = 2;\n".repeat(100));
        assert_eq!(check(&Repository::of(&[("a.rs", &enough), ("b.rs", &tests), ("c.ts", &enough)])), []);
    }

    #[test]
    fn one_more_is_found_at_its_line() {
        let many = "// why\nlet x = 1;\n".repeat(401);
        let found = check(&Repository::of(&[("a.rs", &many), ("tests/b.rs", &many), ("a.test.ts", &many)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "a.rs:802: length: 401 lines of code, at most 400; split the file");
    }
}
