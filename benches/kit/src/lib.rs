//! What the benches of this folder share: the pages of every app, an app with okibi, and three ways to ask an app.
//!
//! It is a crate of its own because okibi's SQLite store and the peers' SQLite stores need two
//! versions of one C library, which one program cannot have.

pub mod app;
pub mod crowd;
pub mod growth;
pub mod http;
pub mod page;
pub mod race;
pub mod site;

/// So many rounds, or two if the bench only has to show that it works (`cargo xtask bench --quick`).
pub fn rounds(usual: usize) -> usize {
    if std::env::var_os("OKIBI_BENCH_QUICK").is_some() { 2 } else { usual }
}
