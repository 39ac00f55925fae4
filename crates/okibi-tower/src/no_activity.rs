//! A layer that marks the requests of a route as no activity.

use std::{
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::session::Slot;

/// Marks the requests of a route as no activity, for example polling or health checks. They do not
/// extend the session. See [`Session::no_activity`](crate::Session::no_activity).
///
/// Put it inside or outside the session layer. Without a session layer it has no effect: outside of
/// the layer it cannot know whether there is one.
///
/// ```
/// use axum::{Router, routing::get};
/// use okibi_tower::{Session, no_activity};
///
/// async fn time_left(session: Session) -> String {
///     format!("{:?}", session.expires_at())
/// }
///
/// let app: Router = Router::new().route("/time-left", get(time_left).route_layer(no_activity()));
/// ```
pub const fn no_activity() -> NoActivity {
    NoActivity { kind: PhantomData }
}

/// A layer that marks requests as no activity. Made by [`no_activity`].
#[must_use = "it marks nothing until it is added to a service"]
pub struct NoActivity<K = ()> {
    kind: PhantomData<fn() -> K>,
}

impl<K> NoActivity<K> {
    /// Applies to the session of another kind, see [`Sessions::of`](crate::Sessions::of).
    pub const fn of<Other>(self) -> NoActivity<Other> {
        NoActivity { kind: PhantomData }
    }
}

impl<K, S> Layer<S> for NoActivity<K> {
    type Service = NoActivityService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        NoActivityService { inner, kind: PhantomData }
    }
}

impl<K> Clone for NoActivity<K> {
    fn clone(&self) -> Self {
        Self { kind: PhantomData }
    }
}

impl<K> fmt::Debug for NoActivity<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoActivity")
    }
}

/// A service that marks its requests as no activity. Made by [`NoActivity`].
pub struct NoActivityService<S, K = ()> {
    inner: S,
    kind: PhantomData<fn() -> K>,
}

impl<S, K, B> Service<Request<B>> for NoActivityService<S, K>
where
    S: Service<Request<B>>,
    K: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // An outer session layer has put its session into the extensions. An inner one finds the
        // mark.
        match Slot::find::<K>(request.extensions()) {
            Some(session) => session.no_activity(),
            None => {
                request.extensions_mut().insert(NoActivityMark::<K> { kind: PhantomData });
            }
        }
        self.inner.call(request)
    }
}

impl<S: Clone, K> Clone for NoActivityService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), kind: PhantomData }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for NoActivityService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoActivityService").field("inner", &self.inner).finish()
    }
}

/// The mark in a request's extensions.
pub(crate) struct NoActivityMark<K> {
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for NoActivityMark<K> {
    fn clone(&self) -> Self {
        Self { kind: PhantomData }
    }
}
