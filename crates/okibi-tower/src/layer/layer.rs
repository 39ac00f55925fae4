//! The layer that adds a session to every request.

use std::{fmt, marker::PhantomData, sync::Arc};

use tower_layer::Layer;

use super::SessionService;
use crate::{Directory, shared::Shared};

/// Adds a session to every request of a service, and commits its changes before the response
/// headers are sent. Made by [`Sessions::layer`](crate::Sessions::layer).
///
/// A request that does not use its session makes no store call and gets no header.
///
/// Layers may be nested. An inner layer with the same cookie name does nothing if it is a clone of
/// the outer one, or has the same options and the same store (clones of one [`Arc`]). If it
/// differs, every request fails with an error of the kind [`Config`](crate::ErrorKind::Config). The
/// same error is returned for a cookie with the name of a chunk of another layer's sealed cookie,
/// such as `x.1` for the cookie `x`, and for two layers with different cookies that have one store
/// and one namespace: an id of one would open the other.
pub struct SessionLayer<K = ()> {
    shared: Arc<Shared>,
    kind: PhantomData<fn() -> K>,
}

impl<K> SessionLayer<K> {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), kind: PhantomData }
    }

    /// Returns a [`Directory`], which lists and revokes the sessions of an owner outside any
    /// request.
    pub fn directory(&self) -> Directory {
        Directory::new(Arc::clone(&self.shared))
    }
}

impl<K, S> Layer<S> for SessionLayer<K> {
    type Service = SessionService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, Arc::clone(&self.shared))
    }
}

impl<K> Clone for SessionLayer<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), kind: PhantomData }
    }
}

impl<K> fmt::Debug for SessionLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("cookie", &self.shared.engine.cookie_name()).finish_non_exhaustive()
    }
}
