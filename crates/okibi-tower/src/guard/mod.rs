//! The guard: a layer that only lets sessions with a certain value through.

mod future;
mod layer;
mod service;

pub use self::{
    future::GuardFuture,
    layer::{Guard, guard},
    service::GuardService,
};
