//! The instances of both apps: the same route and the same answers, on one backend.

mod axum;
mod hono;

use std::{net::SocketAddr, time::Duration};

use crate::backend::{Backend, Failure};

/// Store timeout: short, so that many outcomes are unknown.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(500);
/// Commit timeout, including all conflicts.
pub(crate) const COMMIT_DEADLINE: Duration = Duration::from_secs(2);
/// Grace period of a renewed id.
pub(crate) const GRACE: Duration = Duration::from_mins(1);
/// Long enough that no renewal is due within a run, so a read sends no cookie.
const IDLE: Duration = Duration::from_hours(24 * 100);
/// Number of instances of each app.
const INSTANCES: usize = 2;

/// A running instance of an app. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Face {
    /// For example `axum-0`.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: SocketAddr,
    _running: Running,
}

/// The running process or server.
#[derive(Debug)]
enum Running {
    Here(#[expect(dead_code, reason = "it stops when it is dropped")] axum::Stopper),
    Process(#[expect(dead_code, reason = "it is killed when it is dropped")] hono::App),
}

/// Starts all instances that the backend supports: two of the axum app, and two of the Hono app if
/// another process can share the backend.
///
/// # Errors
/// An instance does not start.
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
