//! The answer on its way out: it leaves only after the commit.

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
    Error, head,
    session::{Closing, Inner},
    shared::{BoxFuture, Shared},
};

pin_project! {
    /// The answer of a [`SessionService`](super::SessionService). It leaves only after the session's commit.
    pub struct SessionFuture<F, R, E> {
        #[pin]
        inner: Option<F>,
        refused: Option<Error>,
        session: Option<Arc<Inner>>,
        held: Option<Held<R, E>>,
    }
}

/// What the inner service answered, kept until the commit is made.
struct Held<R, E> {
    result: Result<Response<R>, E>,
    commit: BoxFuture<Result<(), Error>>,
}

impl<F, R, E> SessionFuture<F, R, E> {
    pub(super) const fn new(inner: F, session: Option<Arc<Inner>>) -> Self {
        Self { inner: Some(inner), refused: None, session, held: None }
    }

    /// The answer to a request that must not reach the inner service.
    pub(super) const fn refused(error: Error) -> Self {
        Self { inner: None, refused: Some(error), session: None, held: None }
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
        if this.held.is_none() {
            let Some(inner) = this.inner.as_pin_mut() else {
                let refused = this.refused.take();
                return refused.map_or(Poll::Pending, |error| Poll::Ready(Ok(Shared::answer(&error))));
            };
            let result = ready!(inner.poll(context));
            let Some(session) = this.session else { return Poll::Ready(result) };
            let failed = session.outcome(result.as_ref().ok().map(Response::status)).failed;
            match session.close(failed) {
                Closing::Untouched => return Poll::Ready(result),
                Closing::Clean => return Poll::Ready(result.map(|response| sent(session, response))),
                Closing::Commit => {
                    let session = Arc::clone(session);
                    let commit = Box::pin(async move { session.commit_last(failed).await });
                    *this.held = Some(Held { result, commit });
                }
            }
        }
        let Some(held) = this.held else { return Poll::Pending };
        let committed = ready!(held.commit.as_mut().poll(context));
        let (Some(Held { result, .. }), Some(session)) = (this.held.take(), this.session) else { return Poll::Pending };
        Poll::Ready(result.map(|response| match committed {
            Ok(()) => sent(session, response),
            // Nothing of the app's answer leaves: no location, no cookie, no caching.
            Err(error) => refusal(session, &error),
        }))
    }
}

/// The answer with what the session adds to its head.
fn sent<R: From<Bytes>>(session: &Inner, mut response: Response<R>) -> Response<R> {
    let (cookies, accessed, is_live) = session.head();
    session.tell_outer(&cookies);
    match head::add(&mut response, cookies, accessed, is_live) {
        Ok(()) => response,
        Err(error) => Shared::answer(&session.fail(error)),
    }
}

/// The answer to a commit that failed. Other sessions inside have made theirs: their cookies leave.
fn refusal<R: From<Bytes>>(session: &Inner, error: &Error) -> Response<R> {
    let mut response = Shared::answer(error);
    match head::add(&mut response, session.sent_inside(), false, false) {
        Ok(()) => sent(session, response),
        Err(error) => Shared::answer(&session.fail(error)),
    }
}

impl<F, R, E> fmt::Debug for SessionFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").field("committing", &self.held.is_some()).finish_non_exhaustive()
    }
}
