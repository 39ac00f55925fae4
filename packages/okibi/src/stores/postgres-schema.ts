// The table of sessions in Postgres. Written by `cargo xtask facts` from crates/okibi-postgres/src/schema.sql: change that.

/** The table, as the Rust store creates it. It may be run any number of times. */
export const SCHEMA = `\
-- Sessions of okibi in Postgres. The Rust store and the TypeScript store share this table.
CREATE TABLE IF NOT EXISTS okibi_sessions (
  key        text COLLATE "C" NOT NULL PRIMARY KEY, -- made from the session's id with SHA-256; opens nothing
  value      bytea            NOT NULL,             -- the record, byte for byte: what a compare-and-swap compares
  expires_at bigint           NOT NULL,             -- milliseconds since the Unix epoch; the row has expired from then on
  owner      text COLLATE "C"                       -- the session's owner, or NULL
) WITH (fillfactor = 80); -- room for the next version of a row on its page, so that most updates touch no index
CREATE INDEX IF NOT EXISTS okibi_sessions_expires_at ON okibi_sessions (expires_at);
CREATE INDEX IF NOT EXISTS okibi_sessions_owner ON okibi_sessions (owner) WHERE owner IS NOT NULL;
`
