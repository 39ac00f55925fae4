//! The named values of a session: everything here is synchronous.

use std::{any::type_name, borrow::Borrow};

use okibi_core::{Json, Op, Text};
use serde::{Serialize, de::DeserializeOwned};

use super::Session;
use crate::{Error, ErrorKind, Name};

impl<K> Session<K> {
    /// The value under `name`. Reading a [`flash`](Self::flash) removes it, unless the request is a HEAD, whose answer shows
    /// nobody anything.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if something of another type is stored there.
    pub fn get<T: DeserializeOwned>(&self, name: Name<T>) -> Result<Option<T>, Error> {
        let Some(entry) = self.inner.seen().find(name.as_str()) else { return Ok(None) };
        let value = parse(name.as_str(), &entry.value).map_err(|error| self.inner.fail(error))?;
        if entry.flash {
            let mut state = self.inner.state();
            if state.find(name.as_str()).as_ref() != Some(&entry) {
                // Another handle of this request read it first.
                return Ok(None);
            }
            // After the head left a flash can still be seen, but not be removed any more.
            if !state.closed && !self.inner.is_head {
                state.push(Op::ReadFlash(name.text(), Json(entry.value)))?;
            }
        }
        Ok(Some(value))
    }

    /// Whether there is a value under `name`, of whatever type. It does not remove a flash.
    pub fn contains<T>(&self, name: Name<T>) -> bool {
        self.inner.seen().find(name.as_str()).is_some()
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
    /// [`InvalidValue`](ErrorKind::InvalidValue) if it cannot be written as JSON; [`HeadSent`](ErrorKind::HeadSent).
    pub fn set<T, V>(&self, name: Name<T>, value: &V) -> Result<(), Error>
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
    pub fn flash<T, V>(&self, name: Name<T>, value: &V) -> Result<(), Error>
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
    /// [`HeadSent`](ErrorKind::HeadSent).
    pub fn remove<T>(&self, name: Name<T>) -> Result<(), Error> {
        self.inner.push(Op::Remove(name.text()))
    }

    /// Removes every value. The session itself goes on; [`destroy`](Self::destroy) ends it.
    ///
    /// # Errors
    /// [`HeadSent`](ErrorKind::HeadSent).
    pub fn clear(&self) -> Result<(), Error> {
        self.inner.push(Op::Clear)
    }

    /// Puts what `function` makes of the value under `name` in its place, and returns it.
    ///
    /// No parallel change is lost: if the session turns out to have changed meanwhile, `function` runs again, on what is
    /// there by then. So what this returns is provisional until the commit, and `function` must do nothing but compute.
    /// If it panics when it runs again, the commit fails.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if something of another type is stored there, and those of [`set`](Self::set).
    pub fn update<T, F>(&self, name: Name<T>, mut function: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + 'static,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        // It captures nothing but `function`: then a function that captures nothing is kept without an allocation.
        let mut apply = move |name: &Text, current: Option<&Text>| {
            let current = current.map(|json| parse(name.as_str(), json)).transpose()?;
            let value = function(current);
            let json = to_json(name.as_str(), &value)?;
            Ok((value, vec![(name.clone(), Some(json))]))
        };
        let name = name.text();
        let inner = &self.inner;
        loop {
            let (version, current) = {
                let state = inner.seen();
                (state.version, state.find(name.as_str()))
            };
            // No lock is held here: the function may use this session.
            let computed = apply(&name, current.as_ref().map(|entry| &entry.value));
            let (value, patch) = computed.map_err(|error| inner.fail(error))?;
            inner.check(&patch)?;
            let state = inner.state();
            if state.version == version {
                let again = move |name: &Text, current: Option<&Text>| apply(name, current).map(|(_, patch)| patch);
                return inner.push_update(state, Some(name), patch, Box::new(again)).map(|()| value);
            }
        }
    }

    fn json<V: Serialize + ?Sized>(&self, name: &str, value: &V) -> Result<Json, Error> {
        to_json(name, value).map_err(|error| self.inner.fail(error))
    }
}

/// The value in its JSON. What serde says of a mismatch could show the value, so it is not passed on (S7).
pub(super) fn parse<T: DeserializeOwned>(name: &str, json: &Text) -> Result<T, Error> {
    serde_json::from_str(json.as_str()).map_err(|_| {
        let wanted = type_name::<T>();
        Error::new(
            ErrorKind::Mismatch,
            format!("session value {name:?}: what is stored is no {wanted}; use another name or remove the old value"),
        )
    })
}

pub(super) fn to_json<V: Serialize + ?Sized>(name: &str, value: &V) -> Result<Json, Error> {
    let json = serde_json::to_string(value).map_err(|_| {
        let given = type_name::<V>();
        Error::new(ErrorKind::InvalidValue, format!("session value {name:?}: this {given} cannot be written as JSON"))
    })?;
    Ok(Json(json.into()))
}
