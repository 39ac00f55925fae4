//! Parses Cookie headers and writes Set-Cookie headers (RFC 6265bis).

pub(crate) mod cache;
pub(crate) mod chunk;
pub(crate) mod parse;
pub(crate) mod write;
