//! The typed name of a session's value.

use std::{any::type_name, fmt, marker::PhantomData};

use okibi_core::Text;

/// The name of a value in a session, with the value's type.
///
/// Define it once as a constant. Then the compiler checks every read and write:
///
/// ```
/// use okibi_tower::{Name, Session};
///
/// const VISITS: Name<u32> = Name::new("visits");
///
/// # fn handler(session: Session) -> Result<(), okibi_tower::Error> {
/// let visits: Option<u32> = session.get(VISITS)?;
/// session.set(VISITS, &7)?;
/// # Ok(())
/// # }
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail,E0277
/// # use okibi_tower::{Name, Session};
/// # const VISITS: Name<u32> = Name::new("visits");
/// # fn handler(session: Session) -> Result<(), okibi_tower::Error> {
/// session.set(VISITS, "seven")?;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0308
/// # use okibi_tower::{Name, Session};
/// # const VISITS: Name<u32> = Name::new("visits");
/// # fn handler(session: Session) -> Result<(), okibi_tower::Error> {
/// let visits: Option<String> = session.get(VISITS)?;
/// # Ok(())
/// # }
/// ```
///
/// A name can also be made at run time:
///
/// ```
/// use okibi_tower::{Name, Session};
///
/// # fn handler(session: Session, id: u64) -> Result<(), okibi_tower::Error> {
/// let name = format!("cart:{id}");
/// let items: Vec<String> = session.get(Name::of(&name))?.unwrap_or_default();
/// # Ok(())
/// # }
/// ```
pub struct Name<'a, T> {
    text: Chars<'a>,
    is_lenient: bool,
    value: PhantomData<fn() -> T>,
}

/// A static string is stored without an allocation.
#[derive(Clone, Copy)]
enum Chars<'a> {
    Static(&'static str),
    Borrowed(&'a str),
}

impl<T> Name<'static, T> {
    /// Makes a name of at most 256 bytes. Using a longer name is an error.
    pub const fn new(text: &'static str) -> Self {
        Self { text: Chars::Static(text), is_lenient: false, value: PhantomData }
    }
}

impl<'a, T> Name<'a, T> {
    /// Makes a name at run time, of at most 256 bytes. Using a longer name is an error.
    pub const fn of(text: &'a str) -> Self {
        Self { text: Chars::Borrowed(text), is_lenient: false, value: PhantomData }
    }

    /// The same name, but a stored value of another type counts as absent. Use it if the type of a
    /// value has changed, or if another service writes the value.
    ///
    /// `get` and `take` then return `None` and report the event `misfit`, and `update` begins with
    /// `None`. The stored value stays until another one is written. By default such a value is an
    /// error of the kind [`Mismatch`](crate::ErrorKind::Mismatch).
    #[must_use]
    pub const fn or_absent(self) -> Self {
        Self { is_lenient: true, ..self }
    }

    pub(crate) const fn is_lenient(self) -> bool {
        self.is_lenient
    }

    /// The name as a string.
    pub const fn as_str(self) -> &'a str {
        match self.text {
            Chars::Static(text) | Chars::Borrowed(text) => text,
        }
    }

    pub(crate) fn text(self) -> Text {
        match self.text {
            Chars::Static(text) => Text::from_static(text),
            Chars::Borrowed(text) => Text::from(text),
        }
    }
}

impl<T> Clone for Name<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Name<'_, T> {}

impl<T> fmt::Debug for Name<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name<{}>({:?})", type_name::<T>(), self.as_str())
    }
}
