//! Sessions in Redis or Valkey.
#![forbid(unsafe_code)]
