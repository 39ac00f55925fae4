//! A service that gives every request a session.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::SessionFuture;
use crate::{
    no_activity::NoActivityMark,
    session::{Inner, Slot},
    shared::Shared,
    trace,
};

/// A service that gives every request a session. Made by [`SessionLayer`](super::SessionLayer).
pub struct SessionService<S, K = ()> {
    inner: S,
    shared: Arc<Shared>,
    kind: PhantomData<fn() -> K>,
}

impl<S, K> SessionService<S, K> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared, kind: PhantomData }
    }
}

impl<S, K, B, R> Service<Request<B>> for SessionService<S, K>
where
    S: Service<Request<B>, Response = Response<R>>,
    K: 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match Slot::has_same_session::<K>(request.extensions(), &self.shared) {
            Ok(false) => {}
            Ok(true) => return SessionFuture::new(self.inner.call(request), None),
            Err(error) => {
                trace::failure(self.shared.engine.cookie_name(), "layer", &error);
                return SessionFuture::refused(error);
            }
        }
        let outer = Slot::innermost(request.extensions());
        let session = Arc::new(Inner::new(Arc::clone(&self.shared), outer, request.method(), request.headers()));
        if request.extensions().get::<NoActivityMark<K>>().is_some() {
            session.no_activity();
        }
        Slot::put::<K>(request.extensions_mut(), Arc::clone(&session));
        SessionFuture::new(self.inner.call(request), Some(session))
    }
}

impl<S: Clone, K> Clone for SessionService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared), kind: PhantomData }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for SessionService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
