//! Rule: generated files match their file of facts.

use super::source::{Finding, Repository};
use crate::{facts, run::fail};

const RULE: &str = "facts";

const REFUSALS: &str = "crates/okibi-core/src/error.rs";
const ERRORS: &str = "packages/okibi/src/facts/errors.ts";

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let made = facts::made(&|path| match repository.file(path) {
        Some(file) => Ok(file.text.clone()),
        None => fail(format!("{path}: not there")),
    });
    let made = match made {
        Ok(made) => made,
        Err(failure) => {
            return vec![Finding { path: "facts".to_owned(), line: 1, rule: RULE, message: failure.0 }];
        }
    };
    let mut findings = strangers(repository);
    let is_stale = |made: &&facts::Made| repository.file(made.path).is_none_or(|file| file.text != made.text);
    findings.extend(made.iter().filter(is_stale).map(|made| Finding {
        path: made.path.to_owned(),
        line: 1,
        rule: RULE,
        message: format!("not what {} says; change that and run `cargo xtask facts`", made.source),
    }));
    findings
}

/// The codes of the engine's refusals that TypeScript does not know, though it shows each as an
/// error's code.
fn strangers(repository: &Repository) -> Vec<Finding> {
    let (Some(refusals), Some(errors)) = (repository.file(REFUSALS), repository.file(ERRORS)) else {
        return Vec::new();
    };
    let code = refusals.code();
    let Some((_, names)) = code.split_once("impl Refusal {") else {
        return vec![refusals.finding(1, RULE, "no `impl Refusal` with the codes")];
    };
    let codes = names.split('"').skip(1).step_by(2);
    let unknown = codes.filter(|code| !errors.text.contains(&format!("'{code}'")));
    unknown.map(|code| refusals.finding(1, RULE, format!("the code `{code}` is no error in facts/errors.md"))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};
    use crate::facts;

    #[test]
    fn what_is_stale_is_named() {
        let sources = [
            ("facts/events.md", "| event | in | meaning |\n|---|---|---|\n| `gone` | both | it is gone |\n"),
            (
                "facts/errors.md",
                "| code | status | in | meaning |\n|---|---|---|---|\n| `gone` | 503 | both | it is gone |\n",
            ),
            (
                "facts/border.md",
                "| call | number | frames |\n|---|---|---|\n| `open` | 1 | none |\n\n\
                 | flag | value | of | meaning |\n|---|---|---|---|\n| `last` | 1 | `open` | it is the last |\n\n\
                 | answer | number | meaning |\n|---|---|---|\n| `done` | 1 | it is done |\n\n\
                 | outcome | bit | meaning |\n|---|---|---|\n| `has_failed` | 1 | it failed |\n\n\
                 | option | bit | TypeScript | meaning |\n|---|---|---|---|\n| `grace` | 1 | none | how long |\n",
            ),
            ("crates/okibi-sqlite/src/schema.sql", "-- SQLite\n"),
            ("crates/okibi-postgres/src/schema.sql", "-- Postgres\n"),
            ("crates/okibi-mysql/src/schema.sql", "-- MySQL\n"),
            ("crates/okibi-redis/src/script/swap.lua", "-- Swaps.\nreturn 1\n"),
            ("crates/okibi-redis/src/script/swap_listed.lua", "-- Swaps.\nreturn 1\n"),
            ("crates/okibi-redis/src/script/replace.lua", "-- Replaces.\nreturn 1\n"),
            ("crates/okibi-redis/src/script/delete.lua", "-- Deletes.\nreturn 1\n"),
            ("crates/okibi-redis/src/script/list.lua", "-- Lists.\nreturn 1\n"),
        ];
        let of = |path: &str| sources.iter().find(|(source, _)| *source == path).unwrap().1.to_owned();
        let made = facts::made(&|path| Ok(of(path))).unwrap();
        let mut files = sources.to_vec();
        files.extend(made.iter().map(|made| (made.path, made.text.as_str())));
        assert_eq!(check(&Repository::of(&files)), []);

        files[0].1 = "| event | in | meaning |\n|---|---|---|\n| `left` | both | it is gone |\n";
        let stale: Vec<String> = check(&Repository::of(&files)).into_iter().map(|finding| finding.path).collect();
        assert_eq!(stale, ["crates/okibi-core/src/error/event.rs", "packages/okibi/src/facts/events.ts"]);

        let code = "impl Refusal { fn code() { \"gone\" \"lost\" } }\n";
        files.push((super::REFUSALS, code));
        let strange = check(&Repository::of(&files));
        assert!(
            strange.iter().any(|finding| finding.message == "the code `lost` is no error in facts/errors.md"),
            "{strange:?}"
        );
        assert!(!strange.iter().any(|finding| finding.message.contains("`gone`")), "{strange:?}");

        files.remove(0);
        let missing = check(&Repository::of(&files));
        assert_eq!(missing[0].message, "facts/events.md: not there");
    }
}
