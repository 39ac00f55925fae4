//! Rule: the engine asks what a dialect can do, and never which dialect is in use.

use super::{
    scan::without_test_modules,
    source::{Finding, Repository, has_word, numbered},
};

const RULE: &str = "abilities";

const ENGINE: &str = "crates/okibi-core/src/engine/";

/// What a question for the dialect is made of.
const WORDS: &[&str] = &[
    "is_native",
    "Dialect",
    "Protection",
    "HonoProtection",
    "HonoSessions",
    "HonoKv",
    "hono",
    "hono_kv",
    "hono_sessions",
    "iron",
    "IronSecrets",
    "xchacha",
];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let files = repository.files.iter().filter(|file| file.path.starts_with(ENGINE));
    let of_file = |file: &super::File| -> Vec<Finding> {
        let source = without_test_modules(&file.bare());
        let lines = numbered(&source).filter_map(|(number, line)| {
            let word = WORDS.iter().find(|word| has_word(line, word))?;
            let message = format!(
                "`{word}`: which dialect is spoken; give `Abilities` in dialect/mod.rs what it can do, and ask that"
            );
            Some(file.finding(number, RULE, message))
        });
        lines.collect()
    };
    files.flat_map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    #[test]
    fn abilities_may_be_asked() {
        let good = [
            ("crates/okibi-core/src/engine/close.rs", "// As in hono.\nif self.policy.can().markers {}\n"),
            (
                "crates/okibi-core/src/engine/replay.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::policy::Dialect;\n}\n",
            ),
            ("crates/okibi-core/src/dialect/mod.rs", "match &self.dialect { Dialect::Native(_) => 1 }\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn questions_for_the_dialect_are_found() {
        let bad = [
            ("crates/okibi-core/src/engine/a.rs", "x\nif self.policy.is_native() {}\n"),
            ("crates/okibi-core/src/engine/b.rs", "matches!(self.policy.dialect, Dialect::HonoKv(_))\n"),
        ];
        let lines: Vec<_> = check(&Repository::of(&bad)).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 1]);
    }
}
