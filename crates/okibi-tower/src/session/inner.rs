//! The part that all clones of a request's session share.

use std::{
    any::TypeId,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{Extensions, HeaderMap, Method, StatusCode};
use okibi_core::{Op, Outcome, Patch, Text};

use super::{
    reentry::is_inside_update_of,
    state::{FinalCommit, RequestState},
    updates::Function,
};
use crate::{Error, ErrorKind, shared::Shared};

/// One request's session: its state behind a lock, and a lock for tasks that call the store.
pub(crate) struct Inner {
    pub(super) shared: Arc<Shared>,
    /// Locked during store calls, so that two clones never commit concurrently.
    pub(super) store_lock: tokio::sync::Mutex<()>,
    /// Whether it is a HEAD request. Its response has no body, so reading a flash does not remove
    /// it.
    pub(super) is_head: bool,
    /// The session of the next outer layer.
    outer: Option<Arc<Self>>,
    /// Never locked across an await or while a closure of the app runs.
    state: Mutex<RequestState>,
}

impl Inner {
    pub(crate) fn new(shared: Arc<Shared>, outer: Option<Arc<Self>>, method: &Method, headers: &HeaderMap) -> Self {
        Self {
            shared,
            outer,
            store_lock: tokio::sync::Mutex::new(()),
            state: Mutex::new(RequestState::new(headers)),
            is_head: *method == Method::HEAD,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, RequestState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for an access to the session. The response then depends on the cookie.
    pub(super) fn accessed(&self) -> MutexGuard<'_, RequestState> {
        let mut state = self.state();
        state.accessed = true;
        state.accessed_live |= state.flow.record().is_some();
        state
    }

    pub(crate) fn fail(&self, error: impl Into<Error>) -> Error {
        self.shared.fail(error)
    }

    /// The outcome of the request by its response status. `None`: the service returned an error.
    pub(crate) fn outcome(&self, status: Option<StatusCode>) -> Outcome {
        self.shared.environment.outcome(status)
    }

    /// Marks the request as no activity.
    pub(crate) fn no_activity(&self) {
        self.state().is_no_activity = true;
    }

    /// Logs a change.
    pub(super) fn push(&self, op: Op) -> Result<(), Error> {
        self.check_not_in_update()?;
        self.shared.engine.check(std::slice::from_ref(&op)).map_err(|refusal| self.fail(refusal))?;
        self.accessed().push(op, self.shared.engine.limits()).map_err(|error| self.fail(error))
    }

    /// Refuses a change by the function of an update of this session: it would run without end.
    pub(super) fn check_not_in_update(&self) -> Result<(), Error> {
        if !is_inside_update_of(self) {
            return Ok(());
        }
        let text =
            "session update: its function changes the session; return the new value, and change other names outside it";
        Err(self.fail(Error::new(ErrorKind::UpdateChanges, text)))
    }

    /// Refuses a patch that could never be written.
    pub(super) fn check(&self, patch: &Patch) -> Result<(), Error> {
        self.shared.engine.check_patch(patch).map_err(|refusal| self.fail(refusal))
    }

    /// Logs an update with its function. The function is dropped without holding a lock.
    pub(super) fn push_update(
        &self,
        mut state: MutexGuard<'_, RequestState>,
        name: Option<Text>,
        patch: Patch,
        function: Function,
    ) -> Result<(), Error> {
        match state.push_update(name.clone(), patch, self.shared.engine.limits()) {
            Ok(token) => {
                state.keep(token, name, function);
                Ok(())
            }
            Err(error) => {
                drop(state);
                drop(function);
                Err(self.fail(error))
            }
        }
    }

    /// Allows no more changes. Returns whether a commit is needed before the response headers are
    /// sent.
    pub(crate) fn before_headers(&self, failed: bool) -> FinalCommit {
        let mut state = self.state();
        state.before_headers(&self.shared.engine, failed, || self.shared.now())
    }

    /// Passes the cookies of this session to the sessions of the outer layers. This session is
    /// committed, so its cookies are sent even if the commit of an outer session fails.
    pub(crate) fn forward_cookies(&self, cookies: &[String]) {
        for outer in std::iter::successors(self.outer.as_ref(), |outer| outer.outer.as_ref()) {
            outer.state().inner_cookies.extend_from_slice(cookies);
        }
    }

    /// The cookies of sessions of inner layers. The response to a failed commit sends them, too.
    pub(crate) fn inner_cookies(&self) -> Vec<String> {
        std::mem::take(&mut self.state().inner_cookies)
    }

    /// The cookies of the commits, whether the session was accessed, and whether it was live then.
    pub(crate) fn header_inputs(&self) -> (Vec<String>, bool, bool) {
        let state = self.state();
        (state.flow.set_cookies().to_vec(), state.accessed, state.accessed_live)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("cookie", &self.shared.engine.cookie_name())
            .field("flow", &self.state().flow)
            .finish_non_exhaustive()
    }
}

/// A session in a request's extensions, with its kind. A list, the innermost session first.
#[derive(Clone)]
pub(crate) struct Slot {
    kind: TypeId,
    inner: Arc<Inner>,
    outer: Option<Arc<Self>>,
}

impl Slot {
    /// Puts a session into a request.
    pub(crate) fn put<K: 'static>(extensions: &mut Extensions, inner: Arc<Inner>) {
        let outer = extensions.remove::<Self>().map(Arc::new);
        extensions.insert(Self { kind: TypeId::of::<K>(), inner, outer });
    }

    /// The innermost session.
    pub(crate) fn innermost(extensions: &Extensions) -> Option<Arc<Inner>> {
        extensions.get::<Self>().map(|slot| Arc::clone(&slot.inner))
    }

    /// The session of this kind.
    pub(crate) fn find<K: 'static>(extensions: &Extensions) -> Option<&Arc<Inner>> {
        Self::all(extensions).find(|slot| slot.kind == TypeId::of::<K>()).map(|slot| &slot.inner)
    }

    /// Whether an outer layer has put the same session into the request already. Fails if an outer
    /// session has the same cookie and differs, or another cookie and the same records.
    pub(crate) fn has_same_session<K: 'static>(extensions: &Extensions, shared: &Arc<Shared>) -> Result<bool, Error> {
        let cookie = shared.engine.cookie_name();
        let accepts = |slot: &&Self| {
            let (outer, inner) = (&slot.inner.shared.engine, &shared.engine);
            outer.cookie_name() != cookie && (outer.accepts_cookie_of(inner) || inner.accepts_cookie_of(outer))
        };
        if let Some(slot) = Self::all(extensions).find(accepts) {
            return Err(shared.fail(Error::accepted_of_another(slot.inner.shared.engine.cookie_name(), cookie)));
        }
        let Some(slot) = Self::all(extensions).find(|slot| slot.inner.shared.engine.meets(&shared.engine)) else {
            let same = Self::all(extensions).find(|slot| slot.inner.shared.shares_records(shared));
            return same.map_or(Ok(false), |slot| {
                Err(shared.fail(Error::same_namespace(slot.inner.shared.engine.cookie_name(), cookie)))
            });
        };
        let outer = slot.inner.shared.engine.cookie_name();
        if outer != cookie {
            return Err(shared.fail(Error::chunk_of_another(outer, cookie)));
        }
        let option = if slot.kind == TypeId::of::<K>() { slot.inner.shared.differs(shared) } else { Some("of") };
        option.map_or(Ok(true), |option| Err(shared.fail(Error::same_cookie(cookie, option))))
    }

    fn all(extensions: &Extensions) -> impl Iterator<Item = &Self> {
        std::iter::successors(extensions.get::<Self>(), |slot| slot.outer.as_deref())
    }
}
