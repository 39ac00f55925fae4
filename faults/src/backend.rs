//! The interface of a backend, and of a fault that can be injected into it.

use std::{error::Error, future::Future, pin::Pin};

use okibi::Sessions;
use serde_json::Value;

use crate::random::Random;

/// A boxed future, so that backends and faults can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An error of the rig: a server does not start, or a fault cannot be injected or healed.
///
/// It ends the run as a failure of the rig. Faults of a store are no `Failure`: they show in the
/// apps' answers.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A running backend: one store that all instances of both apps share, and its faults.
///
/// Servers, proxies and folders that it started end when it is dropped.
pub trait Backend: Send + Sync {
    /// The name after `--backend`.
    fn name(&self) -> &'static str;

    /// The sessions of one instance of the axum app, over its own client: `Sessions::new(store)`
    /// without options. The rig sets timeouts and handlers, the same for every backend.
    ///
    /// `instance` counts from 0. A backend may connect each instance through its own proxy.
    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>>;

    /// How one instance of the Hono app opens the same store, as JSON that `faults/hono/stores.mjs`
    /// reads. `None`: another process cannot share it.
    fn hono(&self, instance: usize) -> Option<Value>;

    /// Its faults. Empty: it has none.
    fn faults(&self) -> &[Box<dyn Fault>];
}

/// One kind of fault.
pub trait Fault: Send + Sync {
    /// Its name in `--faults` and in the output of a run. Unique within a backend.
    fn name(&self) -> &'static str;

    /// Whether acknowledged writes from before or during the fault may be lost, as on a promoted
    /// replica that lagged. Then the checker expects nothing of writes from before its end.
    fn loses_writes(&self) -> bool {
        false
    }

    /// Injects the fault, keeps it for a time drawn from `random` (some hundred milliseconds to
    /// some seconds), heals it, and returns when the backend is usable again.
    ///
    /// Injections do not overlap. All choices (how long, which node, which proxy) are drawn from
    /// `random` only, so that a seed repeats them. If the future is dropped, the backend is dropped
    /// right after it.
    ///
    /// # Errors
    /// The fault could not be injected or healed.
    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>>;
}

/// A backend that is starting.
pub type Starting = BoxFuture<'static, Result<Box<dyn Backend>, Failure>>;

/// A kind of backend, and how to start one.
pub struct Kind {
    /// The name after `--backend`.
    pub name: &'static str,
    /// Starts it: servers, schema, proxies.
    pub start: fn() -> Starting,
}
