//! The session of one request, for handlers and middleware.

mod commit;
mod inner;
mod lifecycle;
mod list;
mod numbers;
mod reentry;
mod session_of;
mod state;
mod updates;
mod values;

use std::{fmt, marker::PhantomData, sync::Arc};

pub(crate) use self::{
    inner::{Inner, Slot},
    state::FinalCommit,
};
pub use self::{lifecycle::Report, session_of::SessionOf};
use crate::{Error, shared::Shared};
use http::Extensions;

/// The session of one request.
///
/// In axum it is an extractor. Elsewhere [`Session::of`] gets it from the request's extensions.
/// Both load the session. After that, all methods are synchronous except [`take`](Self::take),
/// [`commit`](Self::commit) and those that list or revoke. Clones are cheap and share one session.
///
/// Changes are collected in a log and written once, before the response headers are sent. If
/// another request has changed the session meanwhile, the log is replayed on the current record. So
/// concurrent changes of different names all survive, and of two changes of the same name the later
/// commit wins. Use [`update`](Self::update) if the new value depends on the old one.
///
/// `K` is the kind of session, in an app with several. See [`Sessions::of`](crate::Sessions::of).
pub struct Session<K = ()> {
    inner: Arc<Inner>,
    kind: PhantomData<fn() -> K>,
}

impl<K: 'static> Session<K> {
    /// Loads the session of the request with these extensions.
    ///
    /// # Errors
    /// [`NoMiddleware`](crate::ErrorKind::NoMiddleware) if there is no session layer of this kind
    /// around the service; [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable) if the store
    /// fails.
    pub async fn of(extensions: &Extensions) -> Result<Self, Error> {
        let Some(slot) = Slot::find::<K>(extensions) else {
            let error = Error::no_middleware();
            crate::trace::failure(std::any::type_name::<K>(), "load", &error);
            return Err(error);
        };
        let session = Self { inner: Arc::clone(slot), kind: PhantomData };
        session.inner.load().await?;
        Ok(session)
    }
}

impl<K> Session<K> {
    /// Makes a session without a request, stored in memory. For unit tests of handlers.
    ///
    /// It is the session of a visitor without a cookie, with the default configuration.
    ///
    /// # Panics
    /// Never: the default configuration is valid.
    pub fn detached() -> Self {
        let shared = Arc::new(Shared::detached());
        Self {
            inner: Arc::new(Inner::new(shared, None, &http::Method::GET, &http::HeaderMap::new())),
            kind: PhantomData,
        }
    }
}

impl<K> Clone for Session<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), kind: PhantomData }
    }
}

/// Shows neither values nor the id.
impl<K> fmt::Debug for Session<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("inner", &self.inner).finish()
    }
}
