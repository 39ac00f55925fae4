//! Puts a session around a service.

use std::{fmt, marker::PhantomData, sync::Arc};

use tower_layer::Layer;

use super::SessionService;
use crate::{Directory, shared::Shared};

/// Puts a session around a service: every request can ask for it, and what it changed is committed before its answer
/// leaves. Made by [`Sessions::layer`](crate::Sessions::layer).
///
/// A request that does not ask for its session costs no store call and its answer gets no header. A layer inside this one whose
/// cookie has the same name lets everything pass through if it is a clone or is made alike: the same options and the same store
/// (clones of one [`Arc`]). The outer one is in charge. If it differs in anything that makes it another session it is an error of
/// the kind [`Config`](crate::ErrorKind::Config) at every request. So is a layer whose cookie has the name of a chunk of another
/// layer's sealed cookie, such as `x.1` beside `x`.
pub struct SessionLayer<K = ()> {
    shared: Arc<Shared>,
    kind: PhantomData<fn() -> K>,
}

impl<K> SessionLayer<K> {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), kind: PhantomData }
    }

    /// Lists and ends sessions by their owner, outside any request: for admin pages.
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
