//! The headers that keep responses with a session out of shared caches: Vary and Cache-Control.

use alloc::{string::String, vec::Vec};

use super::parse::trim;

/// The Vary header for a response, if the handler used the session; `None` if `present` is
/// sufficient.
pub fn vary(present: &str) -> Option<String> {
    let mut fields = present.as_bytes().split(|byte| *byte == b',').map(trim);
    if fields.any(|field| field == b"*" || field.eq_ignore_ascii_case(b"cookie")) {
        return None;
    }
    let mut kept = present.as_bytes();
    while let [b' ' | b'\t' | b',', rest @ ..] | [rest @ .., b' ' | b'\t' | b','] = kept {
        kept = rest;
    }
    let mut merged = String::from(text(kept));
    merged.push_str(if merged.is_empty() { "Cookie" } else { ", Cookie" });
    Some(merged)
}

/// The Cache-Control header for a response; `None` if `present` is sufficient.
///
/// `sends_cookie`: the response has a Set-Cookie, so it must not be stored. It gets `no-store`,
/// unless `present` says `private` or `no-store` (CVE-2023-30861). `private="field"` is not
/// sufficient: it only excludes that field (RFC 9111 section 5.2.2.7).
///
/// `is_live`: the handler used a live session, so no shared cache may store the response. `public`
/// and `s-maxage` become `private`.
pub fn cache_control(present: &str, sends_cookie: bool, is_live: bool) -> Option<String> {
    let (directives, is_whole) = directives(present.as_bytes());
    let is = |directive: &[u8], name: &str| directive.eq_ignore_ascii_case(name.as_bytes());
    let kept_out = is_whole && directives.iter().any(|directive| is(directive, "private") || is(directive, "no-store"));
    if sends_cookie && !kept_out {
        return Some("no-store".into());
    }
    let is_shared = |directive: &[u8]| {
        let end = directive.iter().position(|byte| *byte == b'=').unwrap_or(directive.len());
        let name = trim(directive.get(..end).unwrap_or_default());
        is(name, "public") || is(name, "s-maxage")
    };
    if !(sends_cookie || is_live) || (is_whole && !directives.iter().any(|directive| is_shared(directive))) {
        return None;
    }
    let mut merged = String::from(if kept_out { "" } else { "private" });
    for directive in directives.iter().filter(|directive| is_whole && !is_shared(directive) && !directive.is_empty()) {
        if !merged.is_empty() {
            merged.push_str(", ");
        }
        merged.push_str(text(directive));
    }
    Some(merged)
}

/// The directives of a header, split at the commas outside quoted strings. The flag says whether
/// all quotes are closed.
fn directives(header: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let directives = header.split(|byte| {
        let ends = *byte == b',' && !is_quoted;
        if *byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        ends
    });
    let directives = directives.map(trim).collect();
    (directives, !is_quoted)
}

/// A part of a string. (Searching in strings instead of bytes would add 2 KB to the WebAssembly
/// module.)
fn text(part: &[u8]) -> &str {
    // The cut is at ASCII characters, so the default is never used.
    core::str::from_utf8(part).unwrap_or_default()
}
