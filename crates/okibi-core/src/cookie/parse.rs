//! Reads the pairs of a Cookie header (RFC 6265bis section 4.2): one pass, no allocation, nothing trimmed but space and tab.

/// The name and value of each cookie in one header, in order.
///
/// A pair without `=` is a cookie without a name and is left out, as is one whose name is empty: `=__Host-x=1` must
/// never read as `__Host-x` (CVE-2023-23934). Quotes belong to the value. Names and values may hold any byte.
pub fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|&byte| byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        let name = trim(name);
        (!name.is_empty()).then(|| (name, trim(value.get(1..).unwrap_or_default())))
    })
}

/// Without leading and trailing space and tab; no other white space counts (CVE-2026-39410).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
