//! The input and output of rules: files, and findings in them.

use std::{collections::BTreeSet, fmt};

use super::scan::{self, Language};

/// The files of the repository.
pub(super) struct Repository {
    pub(super) files: Vec<File>,
    /// The paths that git tracks.
    pub(super) tracked: BTreeSet<String>,
}

impl Repository {
    /// The file at a path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// A repository that holds these files, all of them tracked.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self {
            files: files.iter().map(|(path, text)| File::new((*path).to_owned(), (*text).to_owned())).collect(),
            tracked: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
        }
    }
}

/// A UTF-8 file, with its path from the root of the repository.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    language: Option<Language>,
}

impl File {
    pub(super) fn new(path: String, text: String) -> Self {
        let language = match path.rsplit('.').next() {
            Some("rs") => Some(Language::Rust),
            Some("ts" | "mts" | "js" | "mjs" | "cjs") => Some(Language::JavaScript),
            _ => None,
        };
        Self { path, text, language }
    }

    /// The language, if this is source code.
    pub(super) fn language(&self) -> Option<Language> {
        self.language
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The source without comments, strings kept; line for line like the original.
    pub(super) fn code(&self) -> String {
        self.language.map_or_else(|| self.text.clone(), |language| scan::without_comments(&self.text, language))
    }

    /// The source without comments and without the contents of strings; line for line like the
    /// original.
    pub(super) fn bare(&self) -> String {
        self.language.map_or_else(|| self.text.clone(), |language| scan::bare(&self.text, language))
    }

    /// Whether this is a document in Markdown.
    pub(super) fn is_document(&self) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, ending)| ending == "md")
    }

    /// Whether the file is a test as a whole.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "test" | "browser-test"))
            || self.name() == "tests.rs"
            || self.name().ends_with("_tests.rs")
            || self.name().contains(".test.")
    }

    /// A finding in this file.
    pub(super) fn finding(&self, line: usize, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule, message: message.into() }
    }
}

/// A broken rule: the place, the rule, and the fix.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) path: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) rule: &'static str,
    pub(super) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// Whether `text` has `word` at `at` as a whole word.
pub(super) fn is_word(text: &str, at: usize, word: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    let before = text.get(..at).and_then(|text| text.chars().next_back());
    let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
    !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
}

/// Whether `text` has `word` anywhere as a whole word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| is_word(text, at, word))
}

/// The lines of a string, counted from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> + Clone {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}
