// The table of sessions in MySQL. Written by `cargo xtask facts` from crates/okibi-mysql/src/schema.sql: change that.

/**
 * The table that holds the sessions, with its indexes, as `migrate()` creates it: one statement, which may be run any
 * number of times, as a migration of the app's own, say.
 */
export const SCHEMA = `\
-- Sessions as okibi keeps them in MySQL and MariaDB. The Rust and the TypeScript store use this same table, also at once.
-- Every column is compared byte by byte: upper and lower case, accents and spaces at the end all count.
CREATE TABLE IF NOT EXISTS okibi_sessions (
  \`key\`      VARBINARY(512) NOT NULL PRIMARY KEY, -- made from the session's id by SHA-256; opens nothing
  value      LONGBLOB       NOT NULL,             -- the record, byte for byte: what a compare-and-swap compares
  expires_at BIGINT         NOT NULL,             -- milliseconds since the Unix epoch; the row is dead from then on
  owner      BLOB,                                -- whose session it is, or NULL
  INDEX okibi_sessions_expires_at (expires_at),
  INDEX okibi_sessions_owner (owner(255))
) ENGINE = InnoDB;
`
