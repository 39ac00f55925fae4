//! The session layer: what stands between the server and the app.

mod future;
#[expect(clippy::module_inception, reason = "one file each for layer, service and future, as in tower-http")]
mod layer;
mod service;

pub use self::{future::SessionFuture, layer::SessionLayer, service::SessionService};
