//! The response future: runs the service, commits the session, then returns the response.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use pin_project_lite::pin_project;

use crate::{
    Error, headers,
    session::{FinalCommit, Inner},
    shared::{BoxFuture, Shared},
};

pin_project! {
    /// The response future of a [`SessionService`](super::SessionService). It returns the response
    /// after the session's commit.
    pub struct SessionFuture<F, R, E> {
        #[pin]
        inner: Option<F>,
        refused: Option<Error>,
        session: Option<Arc<Inner>>,
        pending: Option<PendingCommit<R, E>>,
    }
}

/// The result of the inner service, while the commit is running.
struct PendingCommit<R, E> {
    result: Result<Response<R>, E>,
    commit: BoxFuture<Result<(), Error>>,
}

impl<F, R, E> SessionFuture<F, R, E> {
    pub(super) const fn new(inner: F, session: Option<Arc<Inner>>) -> Self {
        Self { inner: Some(inner), refused: None, session, pending: None }
    }

    /// The response to a request that must not reach the inner service.
    pub(super) const fn refused(error: Error) -> Self {
        Self { inner: None, refused: Some(error), session: None, pending: None }
    }
}

impl<F, R, E> Future for SessionFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.pending.is_none() {
            let Some(inner) = this.inner.as_pin_mut() else {
                let refused = this.refused.take();
                return refused.map_or(Poll::Pending, |error| Poll::Ready(Ok(Shared::answer(&error))));
            };
            let result = ready!(inner.poll(context));
            let Some(session) = this.session else { return Poll::Ready(result) };
            let failed = session.outcome(result.as_ref().ok().map(Response::status)).failed;
            match session.before_headers(failed) {
                FinalCommit::Unused => return Poll::Ready(result),
                FinalCommit::NotNeeded => return Poll::Ready(result.map(|response| sent(session, response))),
                FinalCommit::Needed => {
                    let session = Arc::clone(session);
                    let commit = Box::pin(async move { session.commit_final(failed).await });
                    *this.pending = Some(PendingCommit { result, commit });
                }
            }
        }
        let Some(pending) = this.pending else { return Poll::Pending };
        let committed = ready!(pending.commit.as_mut().poll(context));
        let (Some(PendingCommit { result, .. }), Some(session)) = (this.pending.take(), this.session) else {
            return Poll::Pending;
        };
        Poll::Ready(result.map(|response| match committed {
            Ok(()) => sent(session, response),
            // No part of the app's response is sent: no location, no cookie, no cache header.
            Err(error) => refusal(session, &error),
        }))
    }
}

/// The response with the session's headers.
fn sent<R: From<Bytes>>(session: &Inner, mut response: Response<R>) -> Response<R> {
    let (cookies, accessed, is_live) = session.header_inputs();
    session.forward_cookies(&cookies);
    match headers::add(&mut response, cookies, accessed, is_live) {
        Ok(()) => response,
        Err(error) => Shared::answer(&session.fail(error)),
    }
}

/// The response to a failed commit. Sessions of inner layers are already committed, so their
/// cookies are sent.
fn refusal<R: From<Bytes>>(session: &Inner, error: &Error) -> Response<R> {
    let mut response = Shared::answer(error);
    match headers::add(&mut response, session.inner_cookies(), false, false) {
        Ok(()) => sent(session, response),
        Err(error) => Shared::answer(&session.fail(error)),
    }
}

impl<F, R, E> fmt::Debug for SessionFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").field("committing", &self.pending.is_some()).finish_non_exhaustive()
    }
}
