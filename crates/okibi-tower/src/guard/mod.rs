//! The guard in front of what only some visitors may see.

mod future;
#[expect(clippy::module_inception, reason = "one file each for guard, service and future")]
mod guard;
mod service;

pub use self::{future::GuardFuture, guard::Require, guard::require, service::Guard};
