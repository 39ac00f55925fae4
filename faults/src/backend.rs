//! What the rig asks of a backend, and of a fault that can be done to it.

use std::{error::Error, future::Future, pin::Pin};

use okibi::Sessions;
use serde_json::Value;

use crate::random::Random;

/// A boxed future, so that backends and faults can stand behind pointers.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the rig itself could not go on: a server that does not start, a fault that cannot be injected or healed.
///
/// It ends the run as a failure of the rig. A store's faults never come this way: they show in the apps' answers.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A running backend: one place for sessions that all instances of both apps share, and the faults that it knows.
///
/// What it started (servers, proxies, folders) ends when it is dropped.
pub trait Backend: Send + Sync {
    /// The word after `--backend`.
    fn name(&self) -> &'static str;

    /// The sessions of one instance of the axum app, over a client of its own: `Sessions::new(store)` and no more. The rig
    /// sets timeouts and handlers, the same for every backend.
    ///
    /// `instance` counts from 0. A backend may lead each instance through a proxy of its own.
    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>>;

    /// How one instance of the Hono app opens the same place, as JSON that `faults/hono/stores.mjs` reads. `None`: another
    /// process cannot share it.
    fn hono(&self, instance: usize) -> Option<Value>;

    /// What can be done to it. Empty: nothing can.
    fn faults(&self) -> &[Box<dyn Fault>];
}

/// One kind of fault.
pub trait Fault: Send + Sync {
    /// The word for it in `--faults` and in what a run prints. Each is there once in a backend.
    fn name(&self) -> &'static str;

    /// Whether writes that were acknowledged before or during it may be gone afterwards, as a replica that is promoted
    /// lacks what had not reached it. Then the checker asks nothing of what was written before its end.
    fn loses_writes(&self) -> bool {
        false
    }

    /// Injects the fault, lets it last for a time drawn from `random` (some hundred milliseconds to some seconds), heals
    /// it, and returns when the backend can be used again.
    ///
    /// One strike at a time. What it chooses (how long, which node, which proxy) it draws from `random` alone, so that a
    /// seed repeats it. If the future is dropped, the backend is dropped right after it.
    ///
    /// # Errors
    /// It could not be injected or healed.
    fn strike<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>>;
}

/// A backend that is being started.
pub type Starting = BoxFuture<'static, Result<Box<dyn Backend>, Failure>>;

/// A kind of backend, and how to start one.
pub struct Kind {
    /// The word after `--backend`.
    pub name: &'static str,
    /// Starts it: servers, schema, proxies.
    pub start: fn() -> Starting,
}
