//! okibi and other session libraries, each in the same small app, for comparison.

pub mod apps;
pub mod contest;
pub mod counting;
pub mod growth;
pub mod http;
pub mod rounds;
pub mod servers;
pub mod sqlite_peer;

pub use okibi_bench_kit::page;
