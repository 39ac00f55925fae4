//! Loads the session, then calls the service or returns the denial.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Guard;
use crate::{Session, shared::BoxFuture};

/// The head of an allowed request, or the response to a denied one.
type Verdict = Result<Parts, Response<Bytes>>;

pin_project! {
    /// The response future of a [`GuardService`](super::GuardService).
    pub struct GuardFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        stage: Stage<S::Future>,
        waiting: Option<(S, B)>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Checking { verdict: BoxFuture<Verdict> },
        Serving { #[pin] inner: F },
    }
}

impl<S: Service<Request<B>>, B> GuardFuture<S, B> {
    pub(super) fn new<K: 'static>(service: S, request: Request<B>, guard: Guard<K>) -> Self {
        let (parts, body) = request.into_parts();
        let verdict = Box::pin(async move {
            match Session::<K>::of(&parts.extensions).await {
                Ok(session) if guard.allows(&session) => Ok(parts),
                Ok(_) => Err(guard.deny(&parts)),
                Err(error) => Err(error.to_response()),
            }
        });
        Self { stage: Stage::Checking { verdict }, waiting: Some((service, body)) }
    }
}

impl<S, B, R> Future for GuardFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProjection::Checking { verdict } => match ready!(verdict.as_mut().poll(context)) {
                    Err(denial) => return Poll::Ready(Ok(denial.map(R::from))),
                    Ok(parts) => {
                        let Some((mut service, body)) = this.waiting.take() else { return Poll::Pending };
                        let inner = service.call(Request::from_parts(parts, body));
                        this.stage.set(Stage::Serving { inner });
                    }
                },
                StageProjection::Serving { inner } => return inner.poll(context),
            }
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for GuardFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardFuture").field("passing", &self.waiting.is_none()).finish_non_exhaustive()
    }
}
