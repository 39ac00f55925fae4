//! The numbers of the border between JavaScript and the engine: constants in both languages.

use std::fmt::Write as _;

use super::{Made, Read, camel, comment, head, sentence, table};
use crate::run::{During, Outcome, fail};

const BORDER: &str = "facts/border.md";

/// A name, its number, and its description.
struct Number {
    name: String,
    value: u32,
    about: String,
}

/// Names and numbers.
type Named = Vec<(String, u32)>;

pub(super) fn made(read: Read<'_>) -> Outcome<Vec<Made>> {
    let text = read(BORDER)?;
    let calls = table::rows(BORDER, &text, ["call", "number", "frames"])?;
    let calls =
        numbers(calls.into_iter().map(|[name, number, frames]| (name, number, format!("A call. Frames: {frames}"))))?;
    let flags = table::rows(BORDER, &text, ["flag", "value", "of", "meaning"])?;
    let flags = numbers(
        flags.into_iter().map(|[name, number, of, meaning]| (name, number, format!("A flag of {of}: {meaning}"))),
    )?;
    let answers = table::rows(BORDER, &text, ["answer", "number", "meaning"])?;
    let answers = numbers(
        answers.into_iter().map(|[name, number, meaning]| (name, number, format!("An answer. {}", sentence(&meaning)))),
    )?;
    let outcomes = table::rows(BORDER, &text, ["outcome", "bit", "meaning"])?;
    let outcomes = bits(numbers(
        outcomes.into_iter().map(|[name, bit, meaning]| (name, bit, format!("A bit of an outcome: {meaning}"))),
    )?)?;
    let (options, theirs) = options(&text)?;
    let rust = rust(&[&calls, &flags, &answers], &outcomes, &calls);
    let typescript = typescript(&calls, &flags, &answers, &outcomes, &theirs);
    Ok(vec![
        Made { path: "crates/okibi-wasm/src/numbers.rs", source: BORDER, text: rust },
        Made { path: "crates/okibi-core/src/policy/given/options.rs", source: BORDER, text: rust_options(&options) },
        Made { path: "packages/okibi/src/facts/border.ts", source: BORDER, text: typescript },
    ])
}

/// The options with their Rust names, and those of TypeScript with their names there.
fn options(text: &str) -> Outcome<(Vec<Number>, Named)> {
    let rows = table::rows(BORDER, text, ["option", "bit", "TypeScript", "meaning"])?;
    let names: Vec<String> = rows.iter().map(|[_, _, name, _]| name.clone()).collect();
    let numbers = numbers(rows.into_iter().map(|[name, bit, _, meaning]| (name, bit, sentence(&meaning))))?;
    let mut theirs = Vec::new();
    for (cell, Number { name, value, .. }) in names.iter().zip(&numbers) {
        match cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')) {
            Some(option) if option.chars().all(|letter| letter.is_ascii_alphabetic()) => {
                theirs.push((option.to_owned(), *value));
            }
            _ if cell == "none" => {}
            _ => {
                return fail(format!(
                    "{BORDER}: `{name}`: {cell}: must be the option's name between backticks, or none"
                ));
            }
        }
    }
    Ok((bits(numbers)?, theirs))
}

/// Flags must be distinct bits.
fn bits(numbers: Vec<Number>) -> Outcome<Vec<Number>> {
    let mut seen = 0;
    for Number { name, value, .. } in &numbers {
        if !value.is_power_of_two() || seen & value != 0 {
            return fail(format!("{BORDER}: `{name}` {value}: must be a power of two that no other row has"));
        }
        seen |= value;
    }
    Ok(numbers)
}

fn numbers(rows: impl Iterator<Item = (String, String, String)>) -> Outcome<Vec<Number>> {
    rows.map(|(name, number, about)| {
        let value = number.parse().during(format!("{BORDER}: {name} {number}"))?;
        Ok(Number { name: table::name(BORDER, &name)?, value, about: format!("{}.", about.trim_end_matches('.')) })
    })
    .collect()
}

fn rust(lists: &[&[Number]], outcomes: &[Number], calls: &[Number]) -> String {
    let mut text = head("//!", "The numbers of the border.", BORDER);
    // An answer is a digit.
    for (list, kind) in lists.iter().map(|list| (*list, "u32")).chain([(outcomes, "u8")]) {
        text.push('\n');
        for Number { name, value, about } in list {
            text.push_str(&comment("///", about));
            let _ = writeln!(text, "pub const {}: {kind} = {};", name.to_uppercase(), grouped(*value));
        }
    }
    let all: Vec<String> = calls.iter().map(|call| call.name.to_uppercase()).collect();
    text.push_str("\n/// Every call.\n");
    let _ = writeln!(text, "pub const CALLS: [u32; {}] = [\n    {},\n];", all.len(), all.join(",\n    "));
    text
}

fn rust_options(options: &[Number]) -> String {
    let mut text = head("//!", "The options of which one excludes another.", BORDER);
    text.push_str("\nuse super::Given;\n\nimpl Given {\n");
    for Number { name, value, about } in options {
        text.push_str(&comment("    ///", about));
        let _ = writeln!(text, "    pub const {}: Self = Self({});", name.to_uppercase(), grouped(*value));
    }
    text.push_str("}\n");
    text
}

/// A number with the separators that clippy requires in Rust: `131_072`.
fn grouped(value: u32) -> String {
    let (thousands, rest) = (value / 1000, value % 1000);
    if thousands < 10 { value.to_string() } else { format!("{thousands}_{rest:03}") }
}

fn typescript(
    calls: &[Number],
    flags: &[Number],
    answers: &[Number],
    outcomes: &[Number],
    options: &[(String, u32)],
) -> String {
    let mut text = head("//", "The numbers of the border.", BORDER);
    let named =
        |list: &[Number]| -> Named { list.iter().map(|Number { name, value, .. }| (camel(name), *value)).collect() };
    for (what, name, list) in [
        ("What the engine is asked.", "Call", named(calls)),
        ("What is added to a call.", "Flag", named(flags)),
        ("How an answer to a step is told to the engine.", "Answer", named(answers)),
        ("What the reply to `outcome` is the sum of.", "OutcomeBit", named(outcomes)),
        ("The options that exclude each other.", "Given", options.to_vec()),
    ] {
        let _ = writeln!(text, "\n/** {what} */\nexport const {name} = {{");
        for (name, value) in list {
            let _ = writeln!(text, "  {name}: {value},");
        }
        text.push_str("} as const\n");
    }
    // Flags are combined, so a type per flag has no use.
    for name in ["Call", "Answer"] {
        let _ = writeln!(text, "\nexport type {name} = (typeof {name})[keyof typeof {name}]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::made;

    const TEXT: &str = "| call | number | frames |\n|---|---|---|\n| `look_up` | 3 | flow. No reply |\n\n\
        | flag | value | of | meaning |\n|---|---|---|---|\n| `last` | 256 | `look_up` | it is the last |\n\n\
        | answer | number | meaning |\n|---|---|---|\n| `not_done` | 5 | nothing was written |\n\n\
        | outcome | bit | meaning |\n|---|---|---|\n| `has_failed` | 1 | it failed |\n\n\
        | option | bit | TypeScript | meaning |\n|---|---|---|---|\n| `signed` | 1 | `sign` | the id |\n\
        | `grace` | 65536 | none | how long |\n";

    #[test]
    fn both_languages_get_every_number() {
        let texts = made(&|_| Ok(TEXT.to_owned())).unwrap();
        let (rust, options, typescript) = (&texts[0].text, &texts[1].text, &texts[2].text);
        for line in [
            "/// A call. Frames: flow. No reply.\npub const LOOK_UP: u32 = 3;\n",
            "/// A flag of `look_up`: it is the last.\npub const LAST: u32 = 256;\n",
            "/// An answer. Nothing was written.\npub const NOT_DONE: u32 = 5;\n",
            "/// A bit of an outcome: it failed.\npub const HAS_FAILED: u8 = 1;\n",
            "pub const CALLS: [u32; 1] = [\n    LOOK_UP,\n];\n",
        ] {
            assert!(rust.contains(line), "{rust}");
        }
        for line in ["    /// The id.\n    pub const SIGNED: Self = Self(1);\n", "GRACE: Self = Self(65_536);\n"] {
            assert!(options.contains(line), "{options}");
        }
        for line in ["  lookUp: 3,\n", "  last: 256,\n", "  notDone: 5,\n", "  hasFailed: 1,\n", "  sign: 1,\n"] {
            assert!(typescript.contains(line), "{typescript}");
        }
        assert!(!typescript.contains("grace"), "{typescript}");
    }

    #[test]
    fn what_is_no_number_is_named() {
        let failure = made(&|_| Ok(TEXT.replace("256", "many"))).unwrap_err();
        assert!(failure.0.starts_with("facts/border.md: `last` many: "), "{failure}");
    }

    #[test]
    fn what_is_put_together_has_a_bit_of_its_own() {
        for (right, wrong, what) in [
            ("65536", "1", "`grace` 1: must be a power of two"),
            ("65536", "3", "`grace` 3: must be a power of two"),
            ("`sign`", "sign", "`signed`: sign: must be the option's name"),
        ] {
            let failure = made(&|_| Ok(TEXT.replace(right, wrong))).unwrap_err();
            assert!(failure.0.starts_with(&format!("facts/border.md: {what}")), "{failure}");
        }
    }
}
