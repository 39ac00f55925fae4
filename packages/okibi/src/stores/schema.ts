// The table of sessions in SQLite and D1. Written by `cargo xtask facts` from crates/okibi-sqlite/src/schema.sql: change that.

/** The table, as the Rust store creates it. It may be run any number of times. */
export const SCHEMA = `\
-- Sessions of okibi in SQLite. The Rust store and the TypeScript store share this table.
CREATE TABLE IF NOT EXISTS okibi_sessions (
  key        TEXT    NOT NULL PRIMARY KEY, -- made from the session's id with SHA-256; opens nothing
  value      BLOB    NOT NULL,             -- the record, byte for byte: what a compare-and-swap compares
  expires_at INTEGER NOT NULL,             -- milliseconds since the Unix epoch; the row has expired from then on
  owner      TEXT                          -- the session's owner, or NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS okibi_sessions_expires_at ON okibi_sessions (expires_at);
CREATE INDEX IF NOT EXISTS okibi_sessions_owner ON okibi_sessions (owner) WHERE owner IS NOT NULL;
`
