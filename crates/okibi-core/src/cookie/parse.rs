//! Parses a Cookie header (RFC 6265bis section 4.2) in one pass without allocation. Only spaces and
//! tabs are trimmed.

/// The name and value of each cookie in a header, in order.
///
/// A pair without `=` or with an empty name is skipped: `=__Host-x=1` must not become `__Host-x`
/// (CVE-2023-23934). Quotes are part of the value. Names and values may have any byte.
pub fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|&byte| byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        let name = trim(name);
        (!name.is_empty()).then(|| (name, trim(value.get(1..).unwrap_or_default())))
    })
}

/// Removes leading and trailing spaces and tabs. Other white space stays (CVE-2026-39410).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
