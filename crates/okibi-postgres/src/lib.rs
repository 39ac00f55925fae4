//! Sessions in Postgres.
#![forbid(unsafe_code)]
