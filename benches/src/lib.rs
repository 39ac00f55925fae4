//! okibi and the session libraries of its neighbours, each in the same small app, to be measured side by side.

pub mod apps;
pub mod contest;
pub mod counting;
pub mod page;
pub mod rounds;
pub mod servers;
