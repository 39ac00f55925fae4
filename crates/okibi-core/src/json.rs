//! A JSON reader (RFC 8259) that does not copy: where a value ends, which members an object has,
//! and which characters a string has.
//!
//! A record keeps the JSON of its values as received, so the engine needs no tree of values.
//! `serde_json` can return such slices too, but it adds its error messages and a formatter for
//! floats: a sixth of the whole WebAssembly module, and twice the time. `fuzz/src/lib.rs` and the
//! tests check that this file accepts exactly what `serde_json` accepts.

use alloc::{borrow::Cow, string::String, vec::Vec};

/// The deepest nesting. One bit of a `u128` is needed for each level.
pub(crate) const DEEPEST: usize = 128;

/// The members of a JSON object, in order, each value as a slice of the input.
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

/// Receives one member of a JSON object, its value as a slice of the input. False stops the reader.
pub type TakeMember<'a, 'f> = &'f mut dyn FnMut(Cow<'a, str>, &'a str) -> bool;

/// Calls `take` with each member of a JSON object, in order. Returns true if `json` is an object,
/// every value nests at most `depth` deep, and `take` returned true each time.
pub fn each_member<'a>(json: &'a str, depth: usize, take: TakeMember<'a, '_>) -> bool {
    let mut reader = Reader::new(json);
    let read = reader.object(&mut |name, reader| take(name, reader.value(depth)?).then_some(()));
    read.is_some() && reader.is_at_end()
}

/// The members of a JSON object; `None` if `json` is not one.
pub fn members(json: &str) -> Option<Members<'_>> {
    let mut members = Vec::new();
    each_member(json, DEEPEST, &mut |name, value| {
        members.push((name, value));
        true
    })
    .then_some(Members(members))
}

/// The items of a JSON array, each as a slice of the input; `None` if `json` is not one.
pub fn items(json: &str) -> Option<Vec<&str>> {
    let (mut reader, mut items) = (Reader::new(json), Vec::new());
    reader.array(&mut |reader| {
        items.push(reader.value(DEEPEST)?);
        Some(())
    })?;
    reader.is_at_end().then_some(items)
}

/// Receives the name of one member, and reads its value. `None` stops the reader.
pub(crate) type ReadMember<'a, 'f> = &'f mut dyn FnMut(Cow<'a, str>, &mut Reader<'a>) -> Option<()>;

/// Reads JSON in one pass. Each method reads one part and the white space after it, and returns
/// `None` for anything else.
pub(crate) struct Reader<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(json: &'a str) -> Self {
        Self { json, at: space(json.as_bytes(), 0) }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.json.len()
    }

    /// Reads an object. `take` reads the value of each member.
    pub(crate) fn object(&mut self, take: ReadMember<'a, '_>) -> Option<()> {
        self.list(b'{', b'}', &mut |reader| {
            let name = reader.string()?;
            reader.mark(b':').then_some(())?;
            take(name, reader)
        })
    }

    /// Reads an array. `take` reads each item.
    pub(crate) fn array(&mut self, take: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', take)
    }

    fn list(&mut self, open: u8, close: u8, take: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.mark(open).then_some(())?;
        if !self.mark(close) {
            loop {
                take(self)?;
                if !self.mark(b',') {
                    break;
                }
            }
            self.mark(close).then_some(())?;
        }
        Some(())
    }

    /// Reads a string and returns its content.
    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        let (string, end) = string_at(self.json, self.at)?;
        self.at = space(self.json.as_bytes(), end);
        Some(string)
    }

    /// Reads a whole number without sign, fraction or exponent.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let text = self.json.as_bytes();
        let (number, end) = number_at(text, self.at)?;
        self.at = space(text, end);
        Some(number)
    }

    /// Reads true or false.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        match self.value(0)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Reads `null`. Returns false if the next part is not `null`.
    pub(crate) fn null(&mut self) -> bool {
        let end = after_word(self.json.as_bytes(), self.at, b"null");
        self.at = end.map_or(self.at, |end| space(self.json.as_bytes(), end));
        end.is_some()
    }

    /// Reads any value and returns its JSON.
    pub(crate) fn value(&mut self, depth: usize) -> Option<&'a str> {
        let end = value_end(self.json.as_bytes(), self.at, depth)?;
        let value = self.json.get(self.at..end)?;
        self.at = space(self.json.as_bytes(), end);
        Some(value)
    }

    /// Reads this mark. Returns false if it is not the next byte.
    fn mark(&mut self, mark: u8) -> bool {
        match after(self.json.as_bytes(), self.at, mark) {
            Some(at) => {
                self.at = at;
                true
            }
            None => false,
        }
    }
}

/// A whole number without sign, fraction or exponent; `None` otherwise.
pub fn number(json: &str) -> Option<u64> {
    let (number, end) = number_at(json.as_bytes(), 0)?;
    (end == json.len()).then_some(number)
}

/// The whole number that begins at `start`, and the position after it.
fn number_at(text: &[u8], start: usize) -> Option<(u64, usize)> {
    let (mut at, mut number) = (start, 0_u64);
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        number = number.checked_mul(10)?.checked_add(digit.into())?;
        at += 1;
    }
    // JSON does not allow leading zeros.
    let has_zeros = at > start + 1 && text.get(start) == Some(&b'0');
    (at > start && !has_zeros).then_some((number, at))
}

/// The content of a JSON string; `None` if `json` is not one, or if it has half of a surrogate
/// pair.
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    let (string, end) = string_at(json, 0)?;
    (end == json.len()).then_some(string)
}

/// The content of the string that begins at `at`, and the position after it.
fn string_at(json: &str, at: usize) -> Option<(Cow<'_, str>, usize)> {
    let text = json.as_bytes();
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let plain = plain_end(text, at + 1);
    if text.get(plain) == Some(&b'"') {
        return Some((Cow::Borrowed(json.get(at + 1..plain)?), plain + 1));
    }
    let end = string_end(text, at)?;
    Some((Cow::Owned(unescape(json.get(at + 1..end - 1)?)?), end))
}

/// The strings of a JSON array of strings.
pub fn strings(json: &str) -> Option<Vec<Cow<'_, str>>> {
    items(json)?.into_iter().map(string).collect()
}

/// Whether `json` is exactly one JSON value that nests at most `depth` deep.
pub(crate) fn is_value(json: &str, depth: usize) -> bool {
    value_end(json.as_bytes(), 0, depth) == Some(json.len())
}

/// The position after the value that begins at `at`. Takes linear time and does not recurse.
fn value_end(text: &[u8], mut at: usize, depth: usize) -> Option<usize> {
    // The number of open levels, and one bit for each: whether it is an object.
    let (mut open, mut objects) = (0, 0_u128);
    loop {
        let first = *text.get(at)?;
        match first {
            b'{' | b'[' => {
                open += 1;
                if open > depth.min(DEEPEST) {
                    return None;
                }
                objects = objects << 1 | u128::from(first == b'{');
                at = space(text, at + 1);
                let empty = text.get(at) == Some(if first == b'{' { &b'}' } else { &b']' });
                if !empty {
                    at = if first == b'{' { name_end(text, at)? } else { at };
                    continue;
                }
            }
            b'"' => at = string_end(text, at)?,
            b'-' | b'0'..=b'9' => at = number_end(text, at)?,
            b't' => at = after_word(text, at, b"true")?,
            b'f' => at = after_word(text, at, b"false")?,
            b'n' => at = after_word(text, at, b"null")?,
            _ => return None,
        }
        // After a value, or at the bracket that closes an empty level.
        loop {
            if open == 0 {
                return Some(at);
            }
            at = space(text, at);
            let in_object = objects & 1 == 1;
            match (text.get(at)?, in_object) {
                (b',', true) => {
                    at = name_end(text, space(text, at + 1))?;
                    break;
                }
                (b',', false) => {
                    at = space(text, at + 1);
                    break;
                }
                (b'}', true) | (b']', false) => {
                    at += 1;
                    open -= 1;
                    objects >>= 1;
                }
                _ => return None,
            }
        }
    }
}

/// The position of the value that belongs to the name at `at`.
fn name_end(text: &[u8], at: usize) -> Option<usize> {
    after(text, space(text, string_end(text, at)?), b':')
}

/// The position after the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = (text.get(at) == Some(&b'"')).then_some(at + 1)?;
    loop {
        at = plain_end(text, at);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match text.get(at + 1)? {
                b'u' => {
                    hex(text.get(at + 2..at + 6)?)?;
                    at += 6;
                }
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// The position of the next quote, backslash or control character. Most bytes of a string are none
/// of these.
fn plain_end(text: &[u8], at: usize) -> usize {
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    at + text.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| is_plain(byte)).count())
}

/// The position after the number that begins at `at`.
fn number_end(text: &[u8], mut at: usize) -> Option<usize> {
    let digits = |mut at: usize| {
        let start = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Some(at)
}

/// The position after white space (RFC 8259 section 2).
fn space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The position after one character and the white space that follows it.
fn after(text: &[u8], at: usize, mark: u8) -> Option<usize> {
    (text.get(at) == Some(&mark)).then(|| space(text, at + 1))
}

fn after_word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// The value of hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// The content of a well-formed string, unescaped.
fn unescape(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        text.push_str(rest.get(..at)?);
        let (kind, tail) = rest.get(at + 1..)?.split_at_checked(1)?;
        rest = tail;
        text.push(match kind {
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let (character, tail) = code_point(tail)?;
                rest = tail;
                character
            }
            other => other.chars().next()?,
        });
    }
    text.push_str(rest);
    Some(text)
}

/// The character after `\u`, and the rest of the input. Characters above U+FFFF are two escapes.
fn code_point(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = digits.split_at_checked(4)?;
    let first = hex(first.as_bytes())?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let (second, rest) = rest.strip_prefix("\\u")?.split_at_checked(4)?;
    let second = hex(second.as_bytes()).filter(|second| (0xdc00..0xe000).contains(second))?;
    Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, rest))
}

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        // An escaped character is one byte, so the slices on both sides are valid UTF-8.
        out.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + 1;
        if byte < b' ' {
            out.push_str("\\u00");
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        } else {
            out.push('\\');
            out.push(char::from(byte));
        }
    }
    out.push_str(text.get(plain_from..).unwrap_or_default());
    out.push('"');
}

/// Appends a whole number.
pub fn push_number(out: &mut String, number: u64) {
    // The largest number has 20 digits.
    let (mut digits, mut rest, mut unused) = ([b'0'; 20], number, 20);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        (rest, unused) = (rest / 10, unused - 1);
        if rest == 0 {
            break;
        }
    }
    out.push_str(digits.get(unused..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default());
}
