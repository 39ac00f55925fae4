// The table of sessions in SQLite and D1. Written by `cargo xtask facts` from crates/okibi-sqlite/src/schema.sql: change that.

/** The table, as the Rust store creates it. It may be run any number of times. */
export const SCHEMA = `\
-- Sessions as okibi keeps them in SQLite. The Rust and the TypeScript store use this same table, also at once.
CREATE TABLE IF NOT EXISTS okibi_sessions (
  key        TEXT    NOT NULL PRIMARY KEY, -- made from the session's id by SHA-256; opens nothing
  value      BLOB    NOT NULL,             -- the record, byte for byte: what a compare-and-swap compares
  expires_at INTEGER NOT NULL,             -- milliseconds since the Unix epoch; the row is dead from then on
  owner      TEXT                          -- whose session it is, or NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS okibi_sessions_expires_at ON okibi_sessions (expires_at);
CREATE INDEX IF NOT EXISTS okibi_sessions_owner ON okibi_sessions (owner) WHERE owner IS NOT NULL;
`
