//! The session of one request, as handlers and middleware touch it.

mod commit;
mod inner;
mod life;
mod list;
mod numbers;
mod reentry;
mod state;
mod updates;
mod values;
mod whole;

use std::{fmt, marker::PhantomData, sync::Arc};

pub(crate) use self::{
    inner::{Inner, Slot},
    state::Closing,
};
pub use self::{life::Report, whole::SessionOf};
use crate::{Error, shared::Shared};
use http::Extensions;

/// The session of one request.
///
/// In axum it is an extractor. Anywhere else [`Session::of`] gets it from the request's extensions. Both load it, which
/// is the only time that reading waits: after that everything but [`take`](Self::take), [`commit`](Self::commit) and the
/// lists is synchronous. Clones are cheap and are the same session.
///
/// Changes are kept as a log and written once, before the answer leaves. If another request changed the session
/// meanwhile, the log is replayed on what is there by then: changes of different names all survive, and of the same name
/// the later commit wins. Use [`update`](Self::update) where the new value depends on the old one.
///
/// `K` tells several sessions in one app apart; see [`Sessions::of`](crate::Sessions::of).
pub struct Session<K = ()> {
    inner: Arc<Inner>,
    kind: PhantomData<fn() -> K>,
}

impl<K: 'static> Session<K> {
    /// The session of the request that has these extensions, loaded.
    ///
    /// # Errors
    /// [`NoMiddleware`](crate::ErrorKind::NoMiddleware) without a session layer of this kind around the service;
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable) if the store failed.
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
    /// A session without a request, in memory: for unit tests of handlers.
    ///
    /// It behaves like that of a visitor without a cookie, with the default configuration.
    ///
    /// # Panics
    /// Never: the default configuration is possible.
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

/// Never what the session holds, nor its id.
impl<K> fmt::Debug for Session<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("inner", &self.inner).finish()
    }
}
