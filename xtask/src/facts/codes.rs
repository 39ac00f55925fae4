//! Events and errors: a stable name and a meaning each, as an enum in Rust and as a union in
//! TypeScript.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Made, Read, WIDTH, comment, head, pascal, sentence, table};
use crate::run::{Outcome, fail};

const EVENTS: &str = "facts/events.md";
const ERRORS: &str = "facts/errors.md";

/// A code in one language.
#[derive(Clone)]
struct Code {
    name: String,
    /// 503 for a store's fault, 500 for another error; nothing for an event.
    status: String,
    meaning: String,
}

pub(super) fn made(read: Read<'_>) -> Outcome<Vec<Made>> {
    let (rust_told, typescript_told) = events(&read(EVENTS)?)?;
    let (rust, typescript) = errors(&read(ERRORS)?)?;
    Ok(vec![
        Made { path: "crates/okibi-core/src/error/event.rs", source: EVENTS, text: rust_events(&rust_told) },
        Made { path: "packages/okibi/src/facts/events.ts", source: EVENTS, text: typescript_events(&typescript_told) },
        Made { path: "crates/okibi-tower/src/error/kind.rs", source: ERRORS, text: rust_errors(&rust) },
        Made { path: "packages/okibi/src/facts/errors.ts", source: ERRORS, text: typescript_errors(&typescript) },
    ])
}

/// The events of Rust, and those of TypeScript.
fn events(text: &str) -> Outcome<(Vec<Code>, Vec<Code>)> {
    let (mut rust, mut typescript) = (Vec::new(), Vec::new());
    for [event, language, meaning] in table::rows(EVENTS, text, ["event", "in", "meaning"])? {
        let code = Code { name: table::name(EVENTS, &event)?, status: String::new(), meaning };
        place(EVENTS, &language, code, &mut rust, &mut typescript)?;
    }
    Ok((distinct(EVENTS, rust)?, distinct(EVENTS, typescript)?))
}

/// Puts a code where its language has it.
fn place(path: &str, language: &str, code: Code, rust: &mut Vec<Code>, typescript: &mut Vec<Code>) -> Outcome {
    match language {
        "both" => {
            rust.push(code.clone());
            typescript.push(code);
        }
        "Rust" => rust.push(code),
        "TypeScript" => typescript.push(code),
        _ => return fail(format!("{path}: `{}` in {language}: must be both, Rust or TypeScript", code.name)),
    }
    Ok(())
}

/// The errors of Rust, and those of TypeScript.
fn errors(text: &str) -> Outcome<(Vec<Code>, Vec<Code>)> {
    let (mut rust, mut typescript) = (Vec::new(), Vec::new());
    for [code, status, language, meaning] in table::rows(ERRORS, text, ["code", "status", "in", "meaning"])? {
        let name = table::name(ERRORS, &code)?;
        if !matches!(status.as_str(), "500" | "503") {
            return fail(format!("{ERRORS}: {code}: status {status}: must be 500, or 503 for a store's fault"));
        }
        place(ERRORS, &language, Code { name, status, meaning }, &mut rust, &mut typescript)?;
    }
    for one in &rust {
        if let Some(other) = typescript.iter().find(|other| other.name == one.name && other.status != one.status) {
            let (here, there) = (&one.status, &other.status);
            return fail(format!("{ERRORS}: `{}`: status {here} in Rust and {there} in TypeScript", one.name));
        }
    }
    Ok((distinct(ERRORS, rust)?, distinct(ERRORS, typescript)?))
}

fn distinct(path: &str, codes: Vec<Code>) -> Outcome<Vec<Code>> {
    let mut seen = BTreeSet::new();
    match codes.iter().find(|code| !seen.insert(&code.name)) {
        Some(twice) => fail(format!("{path}: `{}`: stands there twice for one language", twice.name)),
        None => Ok(codes),
    }
}

fn rust_events(events: &[Code]) -> String {
    let mut text = head("//!", "The events.", EVENTS);
    text.push_str("\n/// Something an operator may want to count. It holds no id, secret or value (ASVS 16.2.5).\n");
    rust_enum(&mut text, "Event", events);
    text.push_str("impl Event {\n    /// The stable name of this event, as the TypeScript face shows it.\n");
    rust_names(&mut text, events);
    text.push_str("}\n");
    text
}

fn rust_errors(errors: &[Code]) -> String {
    let mut text = head("//!", "The kinds of errors.", ERRORS);
    text.push_str("\n/// What went wrong.\n");
    rust_enum(&mut text, "ErrorKind", errors);
    text.push_str("impl ErrorKind {\n    /// The stable name of this kind, the same as in the JavaScript package.\n");
    rust_names(&mut text, errors);
    text.push_str("\n    /// Whether the store is to blame, so that trying again later may help.\n");
    text.push_str("    pub const fn is_store_fault(self) -> bool {\n");
    let faults: Vec<String> = store_faults(errors).map(|fault| format!("Self::{}", pascal(&fault.name))).collect();
    let _ = writeln!(text, "        matches!(self, {})\n    }}\n}}", faults.join(" | "));
    text
}

fn store_faults(errors: &[Code]) -> impl Iterator<Item = &Code> {
    errors.iter().filter(|code| code.status == "503")
}

fn rust_enum(text: &mut String, name: &str, codes: &[Code]) {
    text.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n#[non_exhaustive]\n");
    let _ = writeln!(text, "pub enum {name} {{");
    for code in codes {
        text.push_str(&comment("    ///", &sentence(&code.meaning)));
        let _ = writeln!(text, "    {},", pascal(&code.name));
    }
    text.push_str("}\n\n");
}

fn rust_names(text: &mut String, codes: &[Code]) {
    text.push_str("    pub const fn code(self) -> &'static str {\n        match self {\n");
    for Code { name, .. } in codes {
        let _ = writeln!(text, "            Self::{} => \"{name}\",", pascal(name));
    }
    text.push_str("        }\n    }\n");
}

fn typescript_events(events: &[Code]) -> String {
    let mut text = head("//", "The events.", EVENTS);
    text.push_str("\n/**\n * What an operator may want to count. It holds no id, secret or value.\n *\n");
    text.push_str(" * | event | meaning |\n * |---|---|\n");
    for Code { name, meaning, .. } in events {
        let _ = writeln!(text, " * | `{name}` | {meaning} |");
    }
    text.push_str(" */\n");
    union(&mut text, "SessionEvent", events.iter());
    text
}

fn typescript_errors(errors: &[Code]) -> String {
    let mut text = head("//", "The codes of errors.", ERRORS);
    text.push_str(
        "\n/**\n * The stable names of what can go wrong, the same as in the Rust crates where both have them.\n *\n",
    );
    text.push_str(" * | code | meaning | answered as |\n * |---|---|---|\n");
    for Code { name, status, meaning } in errors {
        let _ = writeln!(text, " * | `{name}` | {meaning} | {status} |");
    }
    text.push_str(" */\n");
    union(&mut text, "ErrorCode", errors.iter());
    text.push_str("\n/** The codes of a store's fault, which is answered as 503. */\n");
    union(&mut text, "StoreFault", store_faults(errors));
    text
}

/// A union of names, on one line if it has room there.
fn union<'a>(text: &mut String, name: &str, codes: impl Iterator<Item = &'a Code>) {
    let names: Vec<String> = codes.map(|code| format!("'{}'", code.name)).collect();
    let line = format!("export type {name} = {}", names.join(" | "));
    if line.len() <= WIDTH {
        text.push_str(&line);
    } else {
        let _ = write!(text, "export type {name} =\n  | {}", names.join("\n  | "));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{ERRORS, EVENTS, made};
    use crate::run::{Outcome, fail};

    const GOOD: &str = "| `gone` | 503 | both | it is gone |\n| `odd` | 500 | Rust | it is odd |\n| `odd` | 500 | TypeScript | it is strange |\n";

    fn texts(errors: &str) -> Outcome<Vec<String>> {
        let made = made(&|path| match path {
            EVENTS => {
                Ok("| event | in | meaning |\n|---|---|---|\n| `all_gone` | both | nothing is left |\n".to_owned())
            }
            ERRORS => Ok(format!("| code | status | in | meaning |\n|---|---|---|---|\n{errors}")),
            _ => fail(path),
        })?;
        Ok(made.into_iter().map(|made| made.text).collect())
    }

    #[test]
    fn both_languages_get_every_code_with_its_meaning_and_status() {
        let texts = texts(GOOD).unwrap();
        let [rust_events, typescript_events, rust_errors, typescript_errors] = &texts[..] else { panic!("{texts:?}") };
        assert!(rust_events.contains("    /// Nothing is left.\n    AllGone,\n"), "{rust_events}");
        assert!(rust_events.contains("Self::AllGone => \"all_gone\",\n"), "{rust_events}");
        assert!(typescript_events.contains(" * | `all_gone` | nothing is left |\n"), "{typescript_events}");
        assert!(typescript_events.ends_with("export type SessionEvent = 'all_gone'\n"), "{typescript_events}");
        assert!(rust_errors.contains("    /// It is odd.\n    Odd,\n"), "{rust_errors}");
        assert!(rust_errors.contains("matches!(self, Self::Gone)\n"), "{rust_errors}");
        assert!(typescript_errors.contains(" * | `odd` | it is strange | 500 |\n"), "{typescript_errors}");
        assert!(typescript_errors.contains("export type ErrorCode = 'gone' | 'odd'\n"), "{typescript_errors}");
        assert!(typescript_errors.ends_with("export type StoreFault = 'gone'\n"), "{typescript_errors}");
    }

    #[test]
    fn mistakes_are_named() {
        for (errors, message) in [
            ("| `a` | 404 | both | x |\n", "facts/errors.md: `a`: status 404: must be 500, or 503 for a store's fault"),
            ("| `a` | 500 | Go | x |\n", "facts/errors.md: `a` in Go: must be both, Rust or TypeScript"),
            (
                "| `a` | 500 | Rust | x |\n| `a` | 503 | TypeScript | x |\n",
                "facts/errors.md: `a`: status 500 in Rust and 503 in TypeScript",
            ),
            (
                "| `a` | 500 | both | x |\n| `a` | 500 | Rust | x |\n",
                "facts/errors.md: `a`: stands there twice for one language",
            ),
        ] {
            assert_eq!(texts(errors).unwrap_err().0, message);
        }
    }
}
