//! okibi and other session libraries, each in the same small app, for comparison.

pub mod apps;
pub mod contest;
pub mod counting;
pub mod page;
pub mod rounds;
pub mod servers;
