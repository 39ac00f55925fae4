//! A session as one struct. The fields are the names of the values.

use std::{any::type_name, collections::BTreeMap, fmt, marker::PhantomData};

use okibi_core::{Json, Patch, Refusal, Text, input};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Session,
    numbers::{self, Unserializable},
    reentry::RunningUpdate,
    values::MAX_TRIES,
};
use crate::{Error, ErrorKind, trace};

/// A session as a struct. Each field is a value.
///
/// A field without a stored value has its value of `T::default()`. So has a field with a stored
/// value that does not fit, because the field's type has changed. Then an event names the field,
/// and the stored value stays until the field is changed.
///
/// An update writes only the fields that it changed, so concurrent updates of different fields both
/// survive. Other names in the session do not change. Flashes are not part of the struct.
///
/// ```
/// use okibi_tower::{Session, SessionOf};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Cart {
///     items: Vec<String>,
///     coupon: Option<String>,
/// }
///
/// let cart: SessionOf<Cart> = Session::detached().into();
/// cart.update(|cart| cart.items.push("kindling".into()))?;
/// assert_eq!(cart.get()?.items, ["kindling"]);
/// # Ok::<(), okibi_tower::Error>(())
/// ```
pub struct SessionOf<T, K = ()> {
    session: Session<K>,
    data: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Default + 'static, K> SessionOf<T, K> {
    /// The whole struct.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch) if each stored field fits, but not all of them together.
    pub fn get(&self) -> Result<T, Error> {
        let inner = &self.session.inner;
        let current = input(&inner.accessed().entries(), None);
        read(current.as_ref(), &|name| trace::misfit(&inner.shared, name)).map_err(|error| inner.fail(error))
    }

    /// Changes the struct and returns it. Only the fields that `function` changed are written.
    ///
    /// As with [`Session::update`], the commit runs `function` again if the session has changed
    /// meanwhile. So the returned value is provisional until the commit, and `function` must have
    /// no side effects.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); [`InvalidValue`](ErrorKind::InvalidValue) if `T` does not
    /// serialize as a struct or map; [`HeadersSent`](ErrorKind::HeadersSent).
    pub fn update<F>(&self, mut function: F) -> Result<T, Error>
    where
        F: FnMut(&mut T) + Send + 'static,
    {
        let inner = &self.session.inner;
        inner.check_not_in_update()?;
        let safe = inner.shared.environment.safe_integers;
        let mut apply = move |current: Option<&Text>| {
            let mut data: T = read(current, &|_| {})?;
            let before = fields(&data)?;
            function(&mut data);
            numbers::check(&data, false).map_err(unfit::<T>)?;
            let patch = changes(&before, &fields(&data)?);
            // A field that does not change may have a large integer that was stored before.
            if safe
                && patch.iter().any(|(_, value)| value.as_ref().is_some_and(|json| numbers::is_unsafe(json.0.as_str())))
            {
                return Err(unfit::<T>(Unserializable::Unsafe));
            }
            Ok((data, patch))
        };
        for _ in 0..MAX_TRIES {
            let (version, current) = {
                let state = inner.accessed();
                (state.version, input(&state.entries(), None))
            };
            // No lock is held here, because the function may read this session.
            let running = RunningUpdate::of(inner);
            let applied = apply(current.as_ref());
            drop(running);
            let (data, patch) = applied.map_err(|error: Error| inner.fail(error))?;
            inner.check(&patch)?;
            let state = inner.state();
            if state.version == version {
                let again = move |_: &Text, current: Option<&Text>| apply(current).map(|(_, patch)| patch);
                return inner.push_update(state, None, patch, Box::new(again)).map(|()| data);
            }
        }
        Err(inner.fail(Refusal::Conflict))
    }

    /// The session.
    pub const fn session(&self) -> &Session<K> {
        &self.session
    }
}

impl<T, K> From<Session<K>> for SessionOf<T, K> {
    fn from(session: Session<K>) -> Self {
        Self { session, data: PhantomData }
    }
}

impl<T, K> Clone for SessionOf<T, K> {
    fn clone(&self) -> Self {
        self.session.clone().into()
    }
}

impl<T, K> fmt::Debug for SessionOf<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionOf").field(&self.session).finish()
    }
}

/// The fields of a struct, each as JSON.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Makes the struct from the stored fields. The default supplies those that are missing or do not
/// fit.
fn read<T: Serialize + DeserializeOwned + Default>(data: Option<&Text>, misfit: &dyn Fn(&str)) -> Result<T, Error> {
    let default = fields(&T::default())?;
    let stored = match data {
        Some(data) => serde_json::from_str::<Fields>(data.as_str()).map_err(|_| mismatch::<T>())?,
        None => Fields::new(),
    };
    let with = |stored: &Fields| -> Result<T, Error> {
        let mut all = default.clone();
        all.extend(stored.iter().map(|(name, value)| (name.clone(), value.clone())));
        let text = serde_json::to_string(&all).map_err(|_| mismatch::<T>())?;
        serde_json::from_str(&text).map_err(|_| mismatch::<T>())
    };
    if let Ok(data) = with(&stored) {
        return Ok(data);
    }
    let fits = |name: &String, value: &mut Box<RawValue>| {
        let fits = with(&Fields::from([(name.clone(), value.clone())])).is_ok();
        if !fits {
            misfit(name);
        }
        fits
    };
    let mut fitting = stored;
    fitting.retain(fits);
    with(&fitting)
}

fn fields<T: Serialize>(data: &T) -> Result<Fields, Error> {
    let text = serde_json::to_string(data).map_err(|_| no_struct::<T>())?;
    serde_json::from_str(&text).map_err(|_| no_struct::<T>())
}

/// The changes between two structs: new values, and removed names.
fn changes(before: &Fields, after: &Fields) -> Patch {
    let is_new = |name: &str, value: &RawValue| before.get(name).is_none_or(|old| old.get() != value.get());
    let written = after.iter().filter(|(name, value)| is_new(name, value));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let written = written.map(|(name, value)| (name.as_str().into(), Some(Json(value.get().into()))));
    written.chain(gone.map(|name| (name.as_str().into(), None))).collect()
}

/// Serde's error message may contain a value, so it is not used.
fn mismatch<T>() -> Error {
    let wanted = type_name::<T>();
    Error::new(ErrorKind::Mismatch, format!("session: the stored values do not fit into {wanted}"))
}

fn unfit<T>(why: Unserializable) -> Error {
    let given = type_name::<T>();
    Error::new(ErrorKind::InvalidValue, format!("session: this {given} {why}"))
}

fn no_struct<T>() -> Error {
    let given = type_name::<T>();
    Error::new(ErrorKind::InvalidValue, format!("session: {given} cannot be written as a JSON object; use a struct"))
}
