//! The instances of both apps: the same route, the same answers, one backend behind.

mod axum;
mod hono;

use std::{net::SocketAddr, time::Duration};

use crate::backend::{Backend, Failure};

/// How long one call of the store may take: short, so that many outcomes are unknown.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a commit may take with all its conflicts.
pub(crate) const COMMIT_DEADLINE: Duration = Duration::from_secs(2);
/// How long a renewed id leads to its successor.
pub(crate) const GRACE: Duration = Duration::from_mins(1);
/// So long that no renewal is due within a run: then reading sends no cookie.
const IDLE: Duration = Duration::from_hours(24 * 100);
/// How many instances of each app there are.
const INSTANCES: usize = 2;

/// A running instance of an app. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Face {
    /// Such as `axum-0`.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _running: Running,
}

/// What keeps an instance running.
#[derive(Debug)]
enum Running {
    Here(#[expect(dead_code, reason = "it stops when it is dropped")] axum::Stopper),
    Process(#[expect(dead_code, reason = "it is killed when it is dropped")] hono::App),
}

/// Starts every instance that the backend can serve: two of the axum app, and two of the Hono app where another process
/// can share the backend.
///
/// # Errors
/// One does not start.
pub(crate) async fn start(backend: &dyn Backend) -> Result<Vec<Face>, Failure> {
    let mut faces = Vec::new();
    for instance in 0..INSTANCES {
        let (address, stopper) = axum::start(backend.sessions(instance).await?).await?;
        faces.push(Face { name: format!("axum-{instance}"), address, _running: Running::Here(stopper) });
    }
    for instance in 0..INSTANCES {
        let Some(store) = backend.hono(INSTANCES + instance) else { break };
        let (address, app) = hono::start(&store).await?;
        faces.push(Face { name: format!("hono-{instance}"), address, _running: Running::Process(app) });
    }
    Ok(faces)
}
