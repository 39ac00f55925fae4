//! What all handles of one request's session share.

use std::{
    any::TypeId,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{Extensions, HeaderMap, Method, StatusCode};
use okibi_core::{Op, Outcome, Patch, Text};

use super::{
    reentry::is_inside_update_of,
    state::{Closing, State},
    updates::Function,
};
use crate::{Error, ErrorKind, shared::Shared};

/// One request's session: what is known of it, behind a lock, and a turn for those who ask the store.
pub(crate) struct Inner {
    pub(super) shared: Arc<Shared>,
    /// Held while the store is asked, so that two handles never commit at once.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The answer has no body (HEAD), so reading a flash does not remove it.
    pub(super) is_head: bool,
    /// The session of the layer around this one's.
    outer: Option<Arc<Self>>,
    /// Never held across an await or while a closure of the app runs.
    state: Mutex<State>,
}

impl Inner {
    pub(crate) fn new(shared: Arc<Shared>, outer: Option<Arc<Self>>, method: &Method, headers: &HeaderMap) -> Self {
        Self {
            shared,
            outer,
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State::new(headers)),
            is_head: *method == Method::HEAD,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, where something of the session is about to be shown: the answer then depends on the cookie.
    pub(super) fn seen(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.accessed = true;
        state.saw_live |= state.flow.record().is_some();
        state
    }

    pub(crate) fn fail(&self, error: impl Into<Error>) -> Error {
        self.shared.fail(error)
    }

    /// What became of the request, by its answer's status; `None`: the service erred.
    pub(crate) fn outcome(&self, status: Option<StatusCode>) -> Outcome {
        self.shared.outside.outcome(status)
    }

    /// The request is no activity.
    pub(crate) fn no_activity(&self) {
        self.state().is_quiet = true;
    }

    /// Logs a change.
    pub(super) fn push(&self, op: Op) -> Result<(), Error> {
        self.may_change()?;
        self.shared.engine.check(std::slice::from_ref(&op)).map_err(|refusal| self.fail(refusal))?;
        self.seen().push(op, self.shared.engine.limits()).map_err(|error| self.fail(error))
    }

    /// Refuses a change by the function of an update of this session: that would never come to an end.
    pub(super) fn may_change(&self) -> Result<(), Error> {
        if !is_inside_update_of(self) {
            return Ok(());
        }
        let text =
            "session update: its function changes the session; return the new value, and change other names outside it";
        Err(self.fail(Error::new(ErrorKind::UpdateChanges, text)))
    }

    /// Refuses what could never be written, where it is made.
    pub(super) fn check(&self, patch: &Patch) -> Result<(), Error> {
        self.shared.engine.check_patch(patch).map_err(|refusal| self.fail(refusal))
    }

    /// Logs an update with the function that made it. What the app gave is dropped with no lock held.
    pub(super) fn push_update(
        &self,
        mut state: MutexGuard<'_, State>,
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

    /// No more changes from here on. Says what is left to do before the head leaves.
    pub(crate) fn close(&self, failed: bool) -> Closing {
        let mut state = self.state();
        state.close(&self.shared.engine, failed, || self.shared.now())
    }

    /// Tells the sessions around this one of the cookies that it sends: they belong to a commit that was made, so they leave also
    /// if the commit of one of those fails.
    pub(crate) fn tell_outer(&self, cookies: &[String]) {
        for outer in std::iter::successors(self.outer.as_ref(), |outer| outer.outer.as_ref()) {
            outer.state().sent_inside.extend_from_slice(cookies);
        }
    }

    /// The cookies of other sessions inside, which an answer to a failure sends as well.
    pub(crate) fn sent_inside(&self) -> Vec<String> {
        std::mem::take(&mut self.state().sent_inside)
    }

    /// The cookies of what was committed, whether anyone looked at the session, and whether a live one was seen.
    pub(crate) fn head(&self) -> (Vec<String>, bool, bool) {
        let state = self.state();
        (state.flow.set_cookies().to_vec(), state.accessed, state.saw_live)
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

/// The sessions in a request's extensions, the innermost first, each with the kind by which handlers ask for it.
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

    /// What a layer is to do that would put a session of this kind into the request: whether one around it has its cookie
    /// already. That must be the same session.
    pub(crate) fn is_there<K: 'static>(extensions: &Extensions, shared: &Arc<Shared>) -> Result<bool, Error> {
        let cookie = shared.engine.cookie_name();
        let Some(slot) = Self::all(extensions).find(|slot| slot.inner.shared.engine.meets(&shared.engine)) else {
            return Ok(false);
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
