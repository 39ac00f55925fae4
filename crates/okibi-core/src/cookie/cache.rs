//! What keeps answers with a session out of shared caches: Vary and Cache-Control.

use alloc::{string::String, vec::Vec};

/// The Vary header that an answer needs whose making looked at the session; `None` if `present` already says it.
pub fn vary(present: &str) -> Option<String> {
    let mut fields = present.split(',').map(|field| field.trim_matches([' ', '\t']));
    if fields.any(|field| field == "*" || field.eq_ignore_ascii_case("cookie")) {
        return None;
    }
    let mut merged = String::from(present.trim_matches([' ', '\t', ',']));
    merged.push_str(if merged.is_empty() { "Cookie" } else { ", Cookie" });
    Some(merged)
}

/// The Cache-Control header that an answer needs; `None` if `present` will do.
///
/// `sends_cookie`: it has a Set-Cookie, so nothing keeps it: `no-store`, unless `present` says `private` or `no-store`
/// (CVE-2023-30861). `private="field"` does not suffice: it keeps only that field out (RFC 9111 section 5.2.2.7).
///
/// `is_live`: its making looked at a live session, so no shared cache keeps it: `public` and `s-maxage` become `private`.
pub fn cache_control(present: &str, sends_cookie: bool, is_live: bool) -> Option<String> {
    let (directives, is_whole) = directives(present);
    let is = |directive: &&str, name: &str| directive.eq_ignore_ascii_case(name);
    let kept_out = is_whole && directives.iter().any(|directive| is(directive, "private") || is(directive, "no-store"));
    if sends_cookie && !kept_out {
        return Some("no-store".into());
    }
    let is_shared = |directive: &&str| {
        let name = directive.split('=').next().unwrap_or_default().trim_matches([' ', '\t']);
        is(&name, "public") || is(&name, "s-maxage")
    };
    if !(sends_cookie || is_live) || (is_whole && !directives.iter().any(is_shared)) {
        return None;
    }
    let mut merged = String::from(if kept_out { "" } else { "private" });
    for directive in directives.iter().filter(|directive| is_whole && !is_shared(directive) && !directive.is_empty()) {
        if !merged.is_empty() {
            merged.push_str(", ");
        }
        merged.push_str(directive);
    }
    Some(merged)
}

/// The directives of a header: what is between commas that no quoted string holds. Whether its quotes match.
fn directives(header: &str) -> (Vec<&str>, bool) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let directives = header.split(|c: char| {
        let ends = c == ',' && !is_quoted;
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        ends
    });
    let directives = directives.map(|directive| directive.trim_matches([' ', '\t'])).collect();
    (directives, !is_quoted)
}
