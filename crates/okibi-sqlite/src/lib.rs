//! Sessions in SQLite, the durable embedded default of okibi.
