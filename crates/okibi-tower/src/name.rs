//! The typed name of a session's value.

use std::{any::type_name, fmt, marker::PhantomData};

use okibi_core::Text;

/// The name of a value in a session, and the value's type.
///
/// Make it a constant and use it everywhere, so that the compiler checks every reader and writer:
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
pub struct Name<T> {
    text: &'static str,
    is_lenient: bool,
    value: PhantomData<fn() -> T>,
}

impl<T> Name<T> {
    /// A name of at most 256 bytes. A longer one is refused where it is used.
    pub const fn new(text: &'static str) -> Self {
        Self { text, is_lenient: false, value: PhantomData }
    }

    /// The same name, where a stored value that does not fit the type is absent: for a value whose type has changed, or that another
    /// service writes. `get` and `take` then find nothing, which an event says, and `update` begins with `None`. The value stays as
    /// it is until something else is written. Without this, such a value is an error of the kind
    /// [`Mismatch`](crate::ErrorKind::Mismatch).
    #[must_use]
    pub const fn or_absent(self) -> Self {
        Self { is_lenient: true, ..self }
    }

    pub(crate) const fn is_lenient(self) -> bool {
        self.is_lenient
    }

    /// The name itself.
    pub const fn as_str(self) -> &'static str {
        self.text
    }

    pub(crate) const fn text(self) -> Text {
        Text::from_static(self.text)
    }
}

impl<T> Clone for Name<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Name<T> {}

impl<T> fmt::Debug for Name<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name<{}>({:?})", type_name::<T>(), self.text)
    }
}
