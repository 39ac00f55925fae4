//! Rule: what Rust and TypeScript both list, they list alike: the events, and the numbers of the calls across the border.

use std::collections::BTreeSet;

use super::source::{Finding, Repository};

const ENGINE: &str = "packages/okibi/src/engine.ts";

/// A list that both languages have: where it stands, and how it is read from the source without comments.
struct Fact {
    what: &'static str,
    rust: &'static str,
    read_rust: fn(&str) -> BTreeSet<String>,
    read_typescript: fn(&str) -> BTreeSet<String>,
}

const FACTS: &[Fact] = &[
    Fact {
        what: "events",
        rust: "crates/okibi-core/src/error.rs",
        read_rust: |code| quoted(after(code, "impl Event {"), '"'),
        read_typescript: |code| quoted(between(code, "type SessionEvent =", "\n\n"), '\''),
    },
    Fact {
        what: "calls of the border",
        rust: "crates/okibi-wasm/src/calls.rs",
        read_rust: |code| {
            let constants = code.lines().filter_map(|line| line.strip_prefix("const "));
            let calls = between_flags(constants.collect::<Vec<_>>());
            calls.iter().filter_map(|line| call(&line.replace('_', ""), ": u32 = ", ';')).collect()
        },
        read_typescript: |code| {
            let calls = between(code, "const Call = {", "}");
            calls.lines().filter_map(|line| call(line.trim(), ": ", ',')).collect()
        },
    },
];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let Some(engine) = repository.file(ENGINE) else { return Vec::new() };
    let mut findings = Vec::new();
    for fact in FACTS {
        let Some(rust) = repository.file(fact.rust) else { continue };
        let (here, there) = ((fact.read_typescript)(&engine.code()), (fact.read_rust)(&rust.code()));
        if here.is_empty() || there.is_empty() {
            findings.push(engine.finding(1, "facts", format!("{}: not found here or in {}", fact.what, fact.rust)));
        }
        for one in here.symmetric_difference(&there) {
            let message = format!("{}: `{one}` stands here or in {}, and belongs in both", fact.what, fact.rust);
            findings.push(engine.finding(1, "facts", message));
        }
    }
    findings
}

/// The calls come before the flags, which have numbers of their own.
fn between_flags(lines: Vec<&str>) -> Vec<&str> {
    lines.into_iter().take_while(|line| !line.starts_with("LOOK_UP")).collect()
}

/// A name and its number, as `name=1` in lower case.
fn call(line: &str, middle: &str, end: char) -> Option<String> {
    let (name, number) = line.split_once(middle)?;
    let number = number.split(end).next()?;
    Some(format!("{}={number}", name.to_lowercase()))
}

fn after<'a>(text: &'a str, start: &str) -> &'a str {
    text.split_once(start).map_or("", |(_, rest)| rest)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = after(text, start);
    rest.split_once(end).map_or(rest, |(inside, _)| inside)
}

/// What stands in quotation marks.
fn quoted(text: &str, mark: char) -> BTreeSet<String> {
    text.split(mark).skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{ENGINE, Repository, check};

    const RUST: [(&str, &str); 2] = [
        ("crates/okibi-core/src/error.rs", "impl Event {\n  Self::Expired => \"expired\",\n}\n"),
        (
            "crates/okibi-wasm/src/calls.rs",
            "const OPEN: u32 = 1;\nconst STORED_OWNER: u32 = 13;\nconst LOOK_UP: u32 = 1;\n",
        ),
    ];

    fn found(events: &str, calls: &str) -> Vec<String> {
        let code = format!("export type SessionEvent =\n{events}\n\nconst Call = {{\n{calls}\n}} as const\n");
        let files = [RUST[0], RUST[1], (ENGINE, code.as_str())];
        check(&Repository::of(&files)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_both_list_alike_is_found_good() {
        assert_eq!(found("  | 'expired'", "  open: 1,\n  storedOwner: 13,"), Vec::<String>::new());
    }

    #[test]
    fn what_only_one_lists_is_named() {
        let messages = found("  | 'expired'\n  | 'new'", "  open: 2,\n  storedOwner: 13,");
        let named: Vec<_> = messages.iter().filter_map(|message| message.split('`').nth(1)).collect();
        assert_eq!(named, ["new", "open=1", "open=2"]);
    }
}
