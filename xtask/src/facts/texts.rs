//! SQL schemas and the scripts for Redis: files of the Rust crates, and the same strings as
//! TypeScript modules.

use std::fmt::Write as _;

use super::{Made, Read, comment, head};
use crate::run::{Outcome, fail};

/// A schema: its file, the generated module, its table, and the module's description.
const SCHEMAS: [(&str, &str, &str, &str); 3] = [
    (
        "crates/okibi-sqlite/src/schema.sql",
        "packages/okibi/src/stores/schema.ts",
        "The table of sessions in SQLite and D1.",
        "The table, as the Rust store creates it. It may be run any number of times.",
    ),
    (
        "crates/okibi-postgres/src/schema.sql",
        "packages/okibi/src/stores/postgres-schema.ts",
        "The table of sessions in Postgres.",
        "The table, as the Rust store creates it. It may be run any number of times.",
    ),
    (
        "crates/okibi-mysql/src/schema.sql",
        "packages/okibi/src/stores/mysql-schema.ts",
        "The table of sessions in MySQL.",
        "The table that holds the sessions, with its indexes, as `migrate()` creates it: one statement, which may be run \
         any number of times, as a migration of the app's own, say.",
    ),
];

/// Files that the npm package contains besides its modules.
const SHIPPED: &str = "packages/okibi/schema.sql";

const SCRIPTS: [(&str, &str); 5] = [
    ("SWAP", "crates/okibi-redis/src/script/swap.lua"),
    ("SWAP_LISTED", "crates/okibi-redis/src/script/swap_listed.lua"),
    ("REPLACE", "crates/okibi-redis/src/script/replace.lua"),
    ("DELETE", "crates/okibi-redis/src/script/delete.lua"),
    ("LIST", "crates/okibi-redis/src/script/list.lua"),
];

pub(super) fn made(read: Read<'_>) -> Outcome<Vec<Made>> {
    let mut made = Vec::new();
    for (source, path, what, about) in SCHEMAS {
        let schema = read(source)?;
        let mut text = head("//", what, source);
        let _ = writeln!(text, "\n{}export const SCHEMA = `\\\n{}`", documentation(about), escaped(&schema));
        made.push(Made { path, source, text });
    }
    let (source, ..) = SCHEMAS[0];
    made.push(Made { path: SHIPPED, source, text: read(source)? });

    let source = "crates/okibi-redis/src/script";
    let mut text = head("//", "Lua scripts that run inside Redis. Each script is atomic.", source);
    for (name, path) in SCRIPTS {
        let script = read(path)?;
        let (about, code) = parts(&script);
        if about.is_empty() || code.is_empty() {
            return fail(format!("{path}: must be a comment that says what it does, and a script"));
        }
        let _ = writeln!(text, "\n{}export const {name} = `{}`", documentation(&about), escaped(code));
    }
    made.push(Made { path: "packages/okibi/src/stores/redis-scripts.ts", source, text });
    Ok(made)
}

/// The comment at the top of a script, and the rest of it, which Redis gets. The Rust store does
/// the same.
fn parts(script: &str) -> (String, &str) {
    let mut about = Vec::new();
    let mut code = script;
    while let Some((line, rest)) = code.split_once('\n') {
        let Some(words) = line.strip_prefix("--") else { break };
        about.push(words.trim());
        code = rest;
    }
    (about.join(" "), code.trim_end())
}

fn documentation(about: &str) -> String {
    let line = format!("/** {about} */\n");
    // A line with its newline.
    if line.len() <= super::WIDTH + 1 { line } else { format!("/**\n{} */\n", comment(" *", about)) }
}

/// The contents of a template literal in TypeScript.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${")
}

#[cfg(test)]
mod tests {
    use super::{escaped, made, parts};
    use crate::run::fail;

    #[test]
    fn a_script_goes_without_the_comment_that_becomes_its_documentation() {
        assert_eq!(
            parts("-- Deletes a key\n-- and says so.\nreturn 1 -- yes\n"),
            ("Deletes a key and says so.".into(), "return 1 -- yes")
        );
    }

    #[test]
    fn texts_come_out_as_they_are() {
        let read = |path: &str| match path.rsplit_once('.') {
            Some((_, "sql")) => Ok("-- `a` ${b} \\c\n".to_owned()),
            Some((_, "lua")) => Ok("-- What it does.\nreturn 1\n".to_owned()),
            _ => fail(path),
        };
        let made = made(&read).unwrap();
        assert_eq!(made.iter().filter(|made| made.text.ends_with("`\\\n-- \\`a\\` \\${b} \\\\c\n`\n")).count(), 3);
        assert_eq!(made.iter().find(|made| made.path.ends_with("schema.sql")).unwrap().text, "-- `a` ${b} \\c\n");
        let scripts = &made.last().unwrap().text;
        assert!(scripts.contains("/** What it does. */\nexport const SWAP = `return 1`\n"), "{scripts}");
        assert_eq!(escaped("$1"), "$1");
    }

    #[test]
    fn a_script_that_says_nothing_of_itself_is_refused() {
        let failure = made(&|_| Ok("return 1\n".to_owned())).unwrap_err();
        assert!(failure.0.starts_with("crates/okibi-redis/src/script/swap.lua: must be a comment"), "{failure}");
    }
}
