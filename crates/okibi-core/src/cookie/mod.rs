//! Cookie header text in, Set-Cookie text out (RFC 6265bis).

pub(crate) mod cache;
pub(crate) mod chunk;
pub(crate) mod parse;
pub(crate) mod write;
