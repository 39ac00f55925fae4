//! The session layer.

mod future;
#[expect(clippy::module_inception, reason = "one file each for layer, service and future, as in tower-http")]
mod layer;
mod service;

pub use self::{future::SessionFuture, layer::SessionLayer, service::SessionService};
