//! The core's JSON reader compared with `serde_json`: both accept the same strings, with the same
//! parts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;

use okibi_core::json::{each_member, items, members, number, push_string, string};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// The items of an array, read by `serde_json`.
fn reference_items(json: &str) -> Option<Vec<String>> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(items.into_iter().map(|item| item.get().to_owned()).collect())
}

fn check(json: &str) {
    let found = items(json).map(|items| items.into_iter().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(found, reference_items(json), "items of {json:?}");
    let object: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(json).ok();
    let object = object.map(|object| object.into_iter().map(|(name, value)| (name, value.get())).collect());
    let found: Option<BTreeMap<String, &str>> =
        members(json).map(|members| members.0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect());
    assert_eq!(found, object, "members of {json:?}");
    if json.starts_with('"') && json.ends_with('"') {
        let reference: Option<String> = serde_json::from_str(json).ok();
        assert_eq!(string(json).map(std::borrow::Cow::into_owned), reference, "string {json:?}");
    }
}

#[test]
fn json_is_accepted_and_anything_else_is_refused() {
    let values = [
        "0",
        "-0",
        "1",
        "12",
        "-1.5",
        "1e5",
        "1E+5",
        "1.0e-5",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "true",
        "false",
        "null",
        "True",
        "nul",
        "truex",
        "\"\"",
        "\"a\"",
        "\"\\n\"",
        "\"\\x\"",
        "\"\\u00e9\"",
        "\"\\u00e\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "\"",
        "\"\\\"",
        "\"\\",
        "[]",
        "[1]",
        "[1,2]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "[]]",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":{\"b\":[{}]}}",
        "{]",
        "[}",
        "[[1],{}]",
        "",
        " ",
        "1 1",
        "/**/1",
        "'a'",
        "\u{feff}1",
        "\u{a0}1",
    ];
    for value in values {
        check(value);
        for around in [
            "[VALUE]",
            " [ VALUE ] ",
            "[1,VALUE,2]",
            "{\"x\":VALUE}",
            "{ \"x\" : VALUE , \"y\":[]}",
            "\n\t\r[VALUE]",
            "[[VALUE]]",
            "{\"\\u0061\":VALUE}",
        ] {
            check(&around.replace("VALUE", value));
        }
    }
}

#[test]
fn depth_is_counted_in_brackets() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let accepts = |json: &str, depth| each_member(json, depth, &mut |_, _| true);
    assert!(accepts(&nested(32), 32) && !accepts(&nested(33), 32));
    assert!(accepts(&nested(128), 200) && !accepts(&nested(129), 200), "never deeper than the levels are counted");
    assert!(!accepts(&nested(1_000_000), 128));
    assert!(accepts("{\"a\":\"[[[[\"}", 0), "brackets in strings are text");
}

#[test]
fn numbers_are_whole() {
    assert_eq!(number("0"), Some(0));
    assert_eq!(number("18446744073709551615"), Some(u64::MAX));
    for no in ["", "-1", "1.0", "1e3", "18446744073709551616", " 1"] {
        assert_eq!(number(no), None, "{no:?}");
    }
}

/// Strings that are almost JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"\\u0061\""),
        Just("\"\\ud83d\\ude00\""),
        Just("\"\\ud83d\""),
        Just("1"),
        Just("-1.5e3"),
        Just("0"),
        Just("."),
        Just("e"),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("\""),
        Just("\\"),
        Just("é"),
        Just("\u{1}"),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn almost_json_is_accepted_exactly_if_serde_json_accepts_it(text in nearly_json()) {
        check(&text);
        check(&format!("[{text}]"));
        check(&format!("{{\"a\":{text}}}"));
    }

    #[test]
    fn any_string_is_written_and_read_back(text in any::<String>()) {
        let mut json = String::new();
        push_string(&mut json, &text);
        prop_assert_eq!(string(&json).unwrap(), text.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.as_str());
        // The same string, written by `serde_json`.
        let other = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(string(&other).unwrap(), text.as_str());
    }
}
