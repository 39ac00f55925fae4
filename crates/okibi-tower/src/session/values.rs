//! The named values of a session. All methods here are synchronous.

use std::{any::type_name, borrow::Borrow};

use okibi_core::{Json, Op, Patch, Refusal, Text};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Inner, Session,
    numbers::{self, Unserializable},
    reentry::RunningUpdate,
};
use crate::{Error, ErrorKind, Name, trace};

impl<K> Session<K> {
    /// The value under `name`. Reading a [`flash`](Self::flash) removes it, except in a HEAD
    /// request, because its response has no body.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if the stored value has another type, unless the name is
    /// [`or_absent`](Name::or_absent).
    pub fn get<T: DeserializeOwned>(&self, name: Name<'_, T>) -> Result<Option<T>, Error> {
        let Some(entry) = self.inner.accessed().find(name.as_str()) else { return Ok(None) };
        let value = match parse(name.as_str(), &entry.value) {
            Err(_) if name.is_lenient() => {
                trace::misfit(&self.inner.shared, name.as_str());
                return Ok(None);
            }
            value => value.map_err(|error| self.inner.fail(error))?,
        };
        if entry.flash {
            let mut state = self.inner.state();
            if state.find(name.as_str()).as_ref() != Some(&entry) {
                // Another clone of this session has read it first.
                return Ok(None);
            }
            // After the response headers are sent, a flash can be read, but not removed.
            if !state.headers_sent && !self.inner.is_head {
                state.push(Op::ReadFlash(name.text(), Json(entry.value)), self.inner.shared.engine.limits())?;
            }
        }
        Ok(Some(value))
    }

    /// Whether there is a value under `name`, of any type. It does not remove a flash.
    pub fn has<T>(&self, name: Name<'_, T>) -> bool {
        self.inner.accessed().find(name.as_str()).is_some()
    }

    /// Whether there is a value under `name` that fits. For a guard.
    pub(crate) fn has_fitting(&self, name: &str, fits: fn(&str) -> bool) -> bool {
        let Some(entry) = self.inner.accessed().find(name) else { return false };
        let is_fitting = fits(entry.value.as_str());
        if !is_fitting {
            trace::misfit(&self.inner.shared, name);
        }
        is_fitting
    }

    /// The names of all values.
    pub fn names(&self) -> Vec<String> {
        self.inner.accessed().entries().into_iter().map(|entry| entry.name.as_str().to_owned()).collect()
    }

    /// Stores `value` under `name`. A borrowed form of the value is allowed:
    ///
    /// ```
    /// use okibi_tower::{Name, Session};
    ///
    /// const USER: Name<String> = Name::new("user");
    ///
    /// let session: Session = Session::detached();
    /// session.set(USER, "ada")?;
    /// assert_eq!(session.get(USER)?.as_deref(), Some("ada"));
    /// # Ok::<(), okibi_tower::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidValue`](ErrorKind::InvalidValue) if the value cannot be written as JSON, which has
    /// neither NaN nor infinities;
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn set<T, V>(&self, name: Name<'_, T>, value: &V) -> Result<(), Error>
    where
        T: Borrow<V>,
        V: Serialize + ?Sized,
    {
        let value = self.json(name.as_str(), value)?;
        self.inner.push(Op::Set(name.text(), value))
    }

    /// Stores `value` under `name` for one read: the next [`get`](Self::get), in this request or a
    /// later one, removes it.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn flash<T, V>(&self, name: Name<'_, T>, value: &V) -> Result<(), Error>
    where
        T: Borrow<V>,
        V: Serialize + ?Sized,
    {
        let value = self.json(name.as_str(), value)?;
        self.inner.push(Op::Flash(name.text(), value))
    }

    /// Removes the value under `name`.
    ///
    /// # Errors
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn remove<T>(&self, name: Name<'_, T>) -> Result<(), Error> {
        self.inner.push(Op::Remove(name.text()))
    }

    /// Removes all values. The session stays; [`destroy`](Self::destroy) ends it.
    ///
    /// # Errors
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn clear(&self) -> Result<(), Error> {
        self.inner.push(Op::Clear)
    }

    /// Replaces the value under `name` by the result of `function`, and returns it.
    ///
    /// No concurrent change is lost: if the session has changed meanwhile, the commit runs
    /// `function` again on the current value. So the returned value is provisional until the
    /// commit, and `function` must have no side effects. If it panics when it runs again, the
    /// commit fails. It may read this session, but not change it.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if the stored value has another type, unless the name is
    /// [`or_absent`](Name::or_absent); the errors of [`set`](Self::set).
    pub fn update<T, F>(&self, name: Name<'_, T>, function: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + 'static,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        if name.is_lenient() {
            self.update_with::<T, F, true>(name, function)
        } else {
            self.update_with::<T, F, false>(name, function)
        }
    }

    fn update_with<T, F, const LENIENT: bool>(&self, name: Name<'_, T>, mut function: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + 'static,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        // The closures capture only `function`. So a function without captures is stored without an
        // allocation.
        let inner = &self.inner;
        if inner.shared.environment.safe_integers {
            let apply =
                move |name: &Text, current: Option<&Text>| run::<T, F, LENIENT>(&mut function, name, current, true);
            return inner.update(name.text(), apply);
        }
        inner.update(name.text(), move |name: &Text, current: Option<&Text>| {
            run::<T, F, LENIENT>(&mut function, name, current, false)
        })
    }

    fn json<V: Serialize + ?Sized>(&self, name: &str, value: &V) -> Result<Json, Error> {
        to_json(name, value, self.inner.shared.environment.safe_integers).map_err(|error| self.inner.fail(error))
    }
}

impl Inner {
    /// Runs the function of an update until no other clone has changed the session meanwhile, then
    /// logs the update.
    fn update<T>(
        &self,
        name: Text,
        mut apply: impl FnMut(&Text, Option<&Text>) -> Result<(T, Patch), Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.check_not_in_update()?;
        for _ in 0..MAX_TRIES {
            let (version, current) = {
                let mut state = self.accessed();
                (state.version, state.find(name.as_str()))
            };
            // No lock is held here, because the function may read this session.
            let running = RunningUpdate::of(self);
            let computed = apply(&name, current.as_ref().map(|entry| &entry.value));
            drop(running);
            let (value, patch) = computed.map_err(|error| self.fail(error))?;
            self.check(&patch)?;
            let state = self.state();
            if state.version == version {
                let again = move |name: &Text, current: Option<&Text>| apply(name, current).map(|(_, patch)| patch);
                return self.push_update(state, Some(name), patch, Box::new(again)).map(|()| value);
            }
        }
        Err(self.fail(Refusal::Conflict))
    }
}

/// How often an update runs its function at most, if other clones keep changing the session
/// meanwhile.
pub(super) const MAX_TRIES: usize = 1000;

/// Runs the function of an update once. `LENIENT`: a value that does not fit is absent.
fn run<T, F, const LENIENT: bool>(
    function: &mut F,
    name: &Text,
    current: Option<&Text>,
    safe: bool,
) -> Result<(T, Patch), Error>
where
    T: Serialize + DeserializeOwned,
    F: FnMut(Option<T>) -> T,
{
    let current = current.map(|json| parse(name.as_str(), json)).transpose();
    let value = function(if LENIENT { current.unwrap_or_default() } else { current? });
    let json = to_json(name.as_str(), &value, safe)?;
    Ok((value, vec![(name.clone(), Some(json))]))
}

/// Parses a value. Serde's error message may contain the value, so it is not used.
pub(super) fn parse<T: DeserializeOwned>(name: &str, json: &Text) -> Result<T, Error> {
    serde_json::from_str(json.as_str()).map_err(|_| {
        let wanted = type_name::<T>();
        Error::new(
            ErrorKind::Mismatch,
            format!(
                "session value {name:?}: the stored value is no {wanted}; use another name or remove the old value"
            ),
        )
    })
}

pub(super) fn to_json<V: Serialize + ?Sized>(name: &str, value: &V, safe: bool) -> Result<Json, Error> {
    let refuse = |why: Unserializable| {
        let given = type_name::<V>();
        Error::new(ErrorKind::InvalidValue, format!("session value {name:?}: this {given} {why}"))
    };
    numbers::check(value, safe).map_err(refuse)?;
    let json = serde_json::to_string(value).map_err(|_| refuse(Unserializable::Failed))?;
    Ok(Json(json.into()))
}
