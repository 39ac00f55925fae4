//! A service with a guard in front of it.

use std::{
    fmt, mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::{Guard, GuardFuture};

/// A service with a guard in front of it. Made by [`Guard`].
pub struct GuardService<S, K = ()> {
    inner: S,
    guard: Guard<K>,
}

impl<S, K> GuardService<S, K> {
    pub(super) const fn new(inner: S, guard: Guard<K>) -> Self {
        Self { inner, guard }
    }
}

impl<S, K, B, R> Service<Request<B>> for GuardService<S, K>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    K: 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = GuardFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // `poll_ready` was called on `self.inner`, so that service must be called, not the clone.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        GuardFuture::new(ready, request, self.guard.clone())
    }
}

impl<S: Clone, K> Clone for GuardService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: self.guard.clone() }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for GuardService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService").field("inner", &self.inner).field("guard", &self.guard).finish()
    }
}
