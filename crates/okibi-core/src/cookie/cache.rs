//! What keeps answers with a session out of shared caches: Vary and Cache-Control.

use alloc::string::String;

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

/// The Cache-Control header that an answer with a Set-Cookie needs; `None` if `present` keeps shared caches out itself.
///
/// `public, max-age=60` does not, and is replaced; `private` and `no-store` do (CVE-2023-30861). `private="field"` does
/// not either: it keeps only that field out (RFC 9111 section 5.2.2.7).
pub fn cache_control(present: &str) -> Option<&'static str> {
    let mut directives = present.split(',').map(|directive| directive.trim_matches([' ', '\t']));
    let kept_out = directives
        .any(|directive| directive.eq_ignore_ascii_case("private") || directive.eq_ignore_ascii_case("no-store"));
    (!kept_out).then_some("no-store")
}
