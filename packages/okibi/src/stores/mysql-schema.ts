// The table of sessions in MySQL. Written by `cargo xtask facts` from crates/okibi-mysql/src/schema.sql: change that.

/**
 * The table that holds the sessions, with its indexes, as `migrate()` creates it: one statement, which may be run any
 * number of times, as a migration of the app's own, say.
 */
export const SCHEMA = `\
-- Sessions of okibi in MySQL and MariaDB. The Rust store and the TypeScript store share this table.
-- Every column is compared byte by byte: case, accents and trailing spaces count.
CREATE TABLE IF NOT EXISTS okibi_sessions (
  \`key\`      VARBINARY(512) NOT NULL PRIMARY KEY, -- made from the session's id with SHA-256; opens nothing
  value      LONGBLOB       NOT NULL,             -- the record, byte for byte: what a compare-and-swap compares
  expires_at BIGINT         NOT NULL,             -- milliseconds since the Unix epoch; the row has expired from then on
  owner      BLOB,                                -- the session's owner, or NULL
  INDEX okibi_sessions_expires_at (expires_at),
  INDEX okibi_sessions_owner (owner(255))
) ENGINE = InnoDB;
`
