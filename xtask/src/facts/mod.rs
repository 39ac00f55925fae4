//! `cargo xtask facts`: facts that both languages share have one source file. This task generates
//! the files that repeat them.

mod border;
mod codes;
mod table;
mod texts;

use std::fs;

use crate::run::{During, Outcome, fail, root, write_if_changed};

/// Reads a file by its path from the root of the repository.
pub(crate) type Read<'a> = &'a dyn Fn(&str) -> Outcome<String>;

/// A generated file.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) path: &'static str,
    /// Its source.
    pub(crate) source: &'static str,
    pub(crate) text: String,
}

/// The mode of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    /// Fail if a file differs from its source.
    Check,
}

/// Writes or checks all files.
pub(crate) fn run(what: Mode) -> Outcome {
    let made = made(&|path| fs::read_to_string(root().join(path)).during(path))?;
    for Made { path, source, text } in &made {
        let file = root().join(path);
        match what {
            Mode::Write => write_if_changed(&file, text.as_bytes())?,
            Mode::Check if fs::read_to_string(&file).is_ok_and(|written| written == *text) => {}
            Mode::Check => {
                return fail(format!("{path}: not what {source} says; change that and run `cargo xtask facts`"));
            }
        }
    }
    println!("facts: {} files are as their sources say", made.len());
    Ok(())
}

/// All files with their generated contents. The rule `facts` of `cargo xtask tidy` compares the
/// repository with them.
pub(crate) fn made(read: Read<'_>) -> Outcome<Vec<Made>> {
    let mut made = codes::made(read)?;
    made.extend(border::made(read)?);
    made.extend(texts::made(read)?);
    Ok(made)
}

/// The first line of a generated file.
fn head(start: &str, what: &str, source: &str) -> String {
    format!("{start} {what} Written by `cargo xtask facts` from {source}: change that.\n")
}

/// Maximum width of a comment, in columns.
const WIDTH: usize = 120;

/// A comment with lines that begin with `start`, broken between words.
fn comment(start: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = start.to_owned();
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > start.len() {
            lines.push_str(&line);
            lines.push('\n');
            start.clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}

/// As a sentence: with an upper-case first letter, unless code comes first, and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// `malformed_cookie` as `MalformedCookie`.
fn pascal(name: &str) -> String {
    name.split('_')
        .map(|word| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default())
        .collect()
}

/// `malformed_cookie` as `malformedCookie`.
fn camel(name: &str) -> String {
    let pascal = pascal(name);
    pascal.get(..1).unwrap_or_default().to_lowercase() + pascal.get(1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{camel, comment, pascal, sentence};

    #[test]
    fn names_are_spelled_as_each_language_does() {
        assert_eq!(
            (pascal("malformed_cookie"), camel("malformed_cookie")),
            ("MalformedCookie".into(), "malformedCookie".into())
        );
        assert_eq!((pascal("open"), camel("open")), ("Open".into(), "open".into()));
    }

    #[test]
    fn comments_are_broken_between_words() {
        assert_eq!(comment("///", "a b"), "/// a b\n");
        let long = comment("    ///", &"word ".repeat(50));
        assert!(long.lines().all(|line| line.starts_with("    /// word") && line.len() <= 120), "{long}");
        assert_eq!(long.matches("word").count(), 50);
    }

    #[test]
    fn a_meaning_becomes_a_sentence() {
        assert_eq!(sentence("an owner is empty"), "An owner is empty.");
        assert_eq!(sentence("`take` where"), "`take` where.");
    }
}
