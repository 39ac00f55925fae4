//! The numbers of the border between JavaScript and the engine: constants in both languages.

use std::fmt::Write as _;

use super::{Made, Read, camel, comment, head, sentence, table};
use crate::run::{During, Outcome};

const BORDER: &str = "facts/border.md";

/// A name, its number, and what there is to say of it.
struct Number {
    name: String,
    value: u32,
    about: String,
}

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
    let rust = rust(&[&calls, &flags, &answers], &calls);
    let typescript = typescript(&calls, &flags, &answers);
    Ok(vec![
        Made { path: "crates/okibi-wasm/src/numbers.rs", source: BORDER, text: rust },
        Made { path: "packages/okibi/src/facts/border.ts", source: BORDER, text: typescript },
    ])
}

fn numbers(rows: impl Iterator<Item = (String, String, String)>) -> Outcome<Vec<Number>> {
    rows.map(|(name, number, about)| {
        let value = number.parse().during(format!("{BORDER}: {name} {number}"))?;
        Ok(Number { name: table::name(BORDER, &name)?, value, about: format!("{}.", about.trim_end_matches('.')) })
    })
    .collect()
}

fn rust(lists: &[&[Number]], calls: &[Number]) -> String {
    let mut text = head("//!", "The numbers of the border.", BORDER);
    for list in lists {
        text.push('\n');
        for Number { name, value, about } in *list {
            text.push_str(&comment("///", about));
            let _ = writeln!(text, "pub const {}: u32 = {};", name.to_uppercase(), grouped(*value));
        }
    }
    let all: Vec<String> = calls.iter().map(|call| call.name.to_uppercase()).collect();
    text.push_str("\n/// Every call.\n");
    let _ = writeln!(text, "pub const CALLS: [u32; {}] = [\n    {},\n];", all.len(), all.join(",\n    "));
    text
}

/// A number as clippy wants it in Rust: `131_072`.
fn grouped(value: u32) -> String {
    let (thousands, rest) = (value / 1000, value % 1000);
    if thousands < 10 { value.to_string() } else { format!("{thousands}_{rest:03}") }
}

fn typescript(calls: &[Number], flags: &[Number], answers: &[Number]) -> String {
    let mut text = head("//", "The numbers of the border.", BORDER);
    for (what, name, list) in [
        ("What the engine is asked.", "Call", calls),
        ("What is added to a call.", "Flag", flags),
        ("How an answer to a step is told to the engine.", "Answer", answers),
    ] {
        let _ = writeln!(text, "\n/** {what} */\nexport const {name} = {{");
        for Number { name, value, .. } in list {
            let _ = writeln!(text, "  {}: {value},", camel(name));
        }
        text.push_str("} as const\n");
    }
    // A flag is put together with others, so its type would say nothing.
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
        | answer | number | meaning |\n|---|---|---|\n| `not_done` | 5 | nothing was written |\n";

    #[test]
    fn both_languages_get_every_number() {
        let texts = made(&|_| Ok(TEXT.to_owned())).unwrap();
        let (rust, typescript) = (&texts[0].text, &texts[1].text);
        for line in [
            "/// A call. Frames: flow. No reply.\npub const LOOK_UP: u32 = 3;\n",
            "/// A flag of `look_up`: it is the last.\npub const LAST: u32 = 256;\n",
            "/// An answer. Nothing was written.\npub const NOT_DONE: u32 = 5;\n",
            "pub const CALLS: [u32; 1] = [\n    LOOK_UP,\n];\n",
        ] {
            assert!(rust.contains(line), "{rust}");
        }
        for line in ["  lookUp: 3,\n", "  last: 256,\n", "  notDone: 5,\n"] {
            assert!(typescript.contains(line), "{typescript}");
        }
    }

    #[test]
    fn what_is_no_number_is_named() {
        let failure = made(&|_| Ok(TEXT.replace("256", "many"))).unwrap_err();
        assert!(failure.0.starts_with("facts/border.md: `last` many: "), "{failure}");
    }
}
