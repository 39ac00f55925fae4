//! Chunks: a sealed value in several cookies, `name`, `name.1` … `name.4`. It opens only if all are
//! present.

use alloc::{string::String, vec::Vec};

use super::write::MAX_PAIR;

/// The most cookies that one value is split into.
pub(crate) const MOST: usize = 5;
/// The suffixes of the cookies' names, in order.
pub(crate) const SUFFIXES: [&str; MOST] = ["", ".1", ".2", ".3", ".4"];

/// Splits `value` into at most `most` cookies, named `name` plus suffix; `None` if it does not fit.
///
/// A single cookie has the value itself. Of several cookies, the first begins with their number and
/// a dot. Base64url has no dot.
pub(crate) fn split(name: &str, value: &str, most: usize) -> Option<Vec<String>> {
    let room = |suffix: &str| MAX_PAIR.saturating_sub(name.len() + suffix.len());
    if value.len() <= room("") {
        return Some(alloc::vec![String::from(value)]);
    }
    let (mut rest, mut chunks) = (value, Vec::new());
    for suffix in SUFFIXES.iter().take(most) {
        // The number is one digit and is known only at the end.
        let prefix = if chunks.is_empty() { "0." } else { "" };
        let (part, tail) = rest.split_at_checked(rest.len().min(room(suffix).saturating_sub(prefix.len())))?;
        let mut chunk = String::with_capacity(prefix.len() + part.len());
        chunk.push_str(prefix);
        chunk.push_str(part);
        chunks.push(chunk);
        rest = tail;
        if rest.is_empty() {
            let count = char::from_digit(u32::try_from(chunks.len()).ok()?, 10)?;
            let first = chunks.first_mut()?;
            let mut counted = String::with_capacity(first.len());
            counted.push(count);
            counted.push_str(first.get(1..)?);
            *first = counted;
            return Some(chunks);
        }
    }
    None
}

/// The number of cookies in the first chunk.
pub(crate) fn count(first: &[u8]) -> usize {
    match first {
        [digit @ b'2'..=b'5', b'.', ..] => usize::from(digit - b'0'),
        _ => 1,
    }
}

/// Joins the chunks. `chunks` has the value for each suffix, if the request has it. Unused values
/// are ignored.
pub(crate) fn join(chunks: &[Option<&[u8]>; MOST]) -> Option<Vec<u8>> {
    let first = chunks.first().copied().flatten()?;
    let count = count(first);
    let first = if count > 1 { first.get(2..)? } else { first };
    let mut value = Vec::with_capacity(first.len() * count);
    value.extend_from_slice(first);
    for chunk in chunks.iter().take(count).skip(1) {
        value.extend_from_slice((*chunk)?);
    }
    Some(value)
}
