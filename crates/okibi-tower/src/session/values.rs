//! The named values of a session: everything here is synchronous.

use std::{any::type_name, borrow::Borrow};

use okibi_core::{Json, Op, Patch, Refusal, Text};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Inner, Session,
    numbers::{self, Unfit},
    reentry::Running,
};
use crate::{Error, ErrorKind, Name, trace};

impl<K> Session<K> {
    /// The value under `name`. Reading a [`flash`](Self::flash) removes it, unless the request is a HEAD, whose answer shows
    /// nobody anything.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if something of another type is stored there, unless the name says
    /// [`or_absent`](Name::or_absent).
    pub fn get<T: DeserializeOwned>(&self, name: Name<'_, T>) -> Result<Option<T>, Error> {
        let Some(entry) = self.inner.seen().find(name.as_str()) else { return Ok(None) };
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
                // Another handle of this request read it first.
                return Ok(None);
            }
            // After the head left a flash can still be seen, but not be removed any more.
            if !state.closed && !self.inner.is_head {
                state.push(Op::ReadFlash(name.text(), Json(entry.value)), self.inner.shared.engine.limits())?;
            }
        }
        Ok(Some(value))
    }

    /// Whether there is a value under `name`, of whatever type. It does not remove a flash.
    pub fn has<T>(&self, name: Name<'_, T>) -> bool {
        self.inner.seen().find(name.as_str()).is_some()
    }

    /// Whether the value under `name` fits; for a guard.
    pub(crate) fn has_fitting(&self, name: &str, fits: fn(&str) -> bool) -> bool {
        let Some(entry) = self.inner.seen().find(name) else { return false };
        let is_fitting = fits(entry.value.as_str());
        if !is_fitting {
            trace::misfit(&self.inner.shared, name);
        }
        is_fitting
    }

    /// The names of all values.
    pub fn names(&self) -> Vec<String> {
        self.inner.seen().entries().into_iter().map(|entry| entry.name.as_str().to_owned()).collect()
    }

    /// Puts `value` under `name`. A borrowed form of the value will do:
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
    /// [`InvalidValue`](ErrorKind::InvalidValue) if it cannot be written as JSON, which has neither NaN nor infinities;
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn set<T, V>(&self, name: Name<'_, T>, value: &V) -> Result<(), Error>
    where
        T: Borrow<V>,
        V: Serialize + ?Sized,
    {
        let value = self.json(name.as_str(), value)?;
        self.inner.push(Op::Set(name.text(), value))
    }

    /// Puts `value` under `name` for one reading: the next [`get`](Self::get), in this request or a later one, removes it.
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

    /// Removes what is under `name`.
    ///
    /// # Errors
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn remove<T>(&self, name: Name<'_, T>) -> Result<(), Error> {
        self.inner.push(Op::Remove(name.text()))
    }

    /// Removes every value. The session itself goes on; [`destroy`](Self::destroy) ends it.
    ///
    /// # Errors
    /// [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn clear(&self) -> Result<(), Error> {
        self.inner.push(Op::Clear)
    }

    /// Puts what `function` makes of the value under `name` in its place, and returns it.
    ///
    /// No parallel change is lost: if the session turns out to have changed meanwhile, `function` runs again, on what is
    /// there by then. So what this returns is provisional until the commit, and `function` must do nothing but compute.
    /// If it panics when it runs again, the commit fails. It may look at this session, but not change it.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if something of another type is stored there, unless the name says
    /// [`or_absent`](Name::or_absent), and those of [`set`](Self::set).
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
        // They capture nothing but `function`: then a function that captures nothing is kept without an allocation.
        let inner = &self.inner;
        if inner.shared.outside.safe_integers {
            let apply =
                move |name: &Text, current: Option<&Text>| run::<T, F, LENIENT>(&mut function, name, current, true);
            return inner.update(name.text(), apply);
        }
        inner.update(name.text(), move |name: &Text, current: Option<&Text>| {
            run::<T, F, LENIENT>(&mut function, name, current, false)
        })
    }

    fn json<V: Serialize + ?Sized>(&self, name: &str, value: &V) -> Result<Json, Error> {
        to_json(name, value, self.inner.shared.outside.safe_integers).map_err(|error| self.inner.fail(error))
    }
}

impl Inner {
    /// Runs the function of an update until nobody else of this request came in between, and logs it.
    fn update<T>(
        &self,
        name: Text,
        mut apply: impl FnMut(&Text, Option<&Text>) -> Result<(T, Patch), Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.may_change()?;
        for _ in 0..MOST_TRIES {
            let (version, current) = {
                let mut state = self.seen();
                (state.version, state.find(name.as_str()))
            };
            // No lock is held here: the function may look at this session.
            let running = Running::of(self);
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

/// How often the function of an update runs at most because other handles of the same request change its session.
pub(super) const MOST_TRIES: usize = 1000;

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

/// The value in its JSON. What serde says of a mismatch could show the value, so it is not passed on.
pub(super) fn parse<T: DeserializeOwned>(name: &str, json: &Text) -> Result<T, Error> {
    serde_json::from_str(json.as_str()).map_err(|_| {
        let wanted = type_name::<T>();
        Error::new(
            ErrorKind::Mismatch,
            format!("session value {name:?}: what is stored is no {wanted}; use another name or remove the old value"),
        )
    })
}

pub(super) fn to_json<V: Serialize + ?Sized>(name: &str, value: &V, safe: bool) -> Result<Json, Error> {
    let refuse = |why: Unfit| {
        let given = type_name::<V>();
        Error::new(ErrorKind::InvalidValue, format!("session value {name:?}: this {given} {why}"))
    };
    numbers::check(value, safe).map_err(refuse)?;
    let json = serde_json::to_string(value).map_err(|_| refuse(Unfit::Failed))?;
    Ok(Json(json.into()))
}
