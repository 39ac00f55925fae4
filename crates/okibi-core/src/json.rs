//! The few things about JSON text that `serde_json` does not do by itself: members in order, nesting depth, writing strings.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of a JSON object, in order, each value as its own text.
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

/// Takes one member of a JSON object, its value as its own text; false refuses it.
pub type TakeMember<'a, 'f> = &'f mut dyn FnMut(Cow<'a, str>, &'a str) -> bool;

/// Hands the members of a JSON object to `take`, in order. Whether it is one and every member was taken.
pub fn each_member<'a>(json: &'a str, take: TakeMember<'a, '_>) -> bool {
    struct InOrder<'a, 'f>(TakeMember<'a, 'f>);
    impl<'a> Visitor<'a> for InOrder<'a, '_> {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while let Some(Name(name)) = map.next_key()? {
                let value: &RawValue = map.next_value()?;
                if !(self.0)(name, value.get()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(InOrder(take)).is_ok_and(|all| all) && deserializer.end().is_ok()
}

/// A string that borrows where it has no escapes (`Cow` alone would always copy).
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(Either)
    }
}

/// The members of a JSON object.
pub fn members(json: &str) -> Option<Members<'_>> {
    let mut members = Vec::new();
    each_member(json, &mut |name, value| {
        members.push((name, value));
        true
    })
    .then_some(Members(members))
}

/// The items of a JSON array, each as its own text.
pub fn items(json: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// A whole number without sign, fraction or exponent.
pub fn number(json: &str) -> Option<u64> {
    json.bytes().all(|byte| byte.is_ascii_digit()).then(|| json.parse().ok())?
}

/// A JSON string's text.
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Name<'_>>(json).ok().map(|name| name.0)
}

/// The strings of a JSON array of strings.
pub fn strings(json: &str) -> Option<Vec<Cow<'_, str>>> {
    items(json)?.into_iter().map(string).collect()
}

/// Whether `json` is one JSON value that nests at most `depth` deep.
pub(crate) fn is_value(json: &str, depth: usize) -> bool {
    within_depth(json.as_bytes(), depth) && serde_json::from_str::<&RawValue>(json).is_ok()
}

/// Whether brackets outside strings nest at most `limit` deep. Linear, and no stack.
pub(crate) fn within_depth(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for part in text.split_inclusive(|c: char| c == '"' || c == '\\' || c < ' ') {
        let Some(last) = part.chars().next_back() else { continue };
        if last != '"' && last != '\\' && last >= ' ' {
            out.push_str(part);
            continue;
        }
        out.push_str(part.get(..part.len() - 1).unwrap_or_default());
        if last < ' ' {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let code = last as usize;
            out.push_str("\\u00");
            for digit in [code >> 4, code & 15] {
                out.push(char::from(HEX.get(digit).copied().unwrap_or(b'0')));
            }
        } else {
            out.push('\\');
            out.push(last);
        }
    }
    out.push('"');
}

/// Appends a whole number.
pub fn push_number(out: &mut String, number: u64) {
    use fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = write!(out, "{number}");
}
