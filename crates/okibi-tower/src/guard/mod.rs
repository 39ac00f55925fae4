//! The guard in front of what only some visitors may see.

mod future;
mod layer;
mod service;

pub use self::{
    future::GuardFuture,
    layer::{Guard, guard},
    service::GuardService,
};
