//! Strings that share the bytes of a larger buffer: names and JSON values of a record.

use alloc::{borrow::Cow, string::String};
use core::{cmp::Ordering, fmt};

use bytes::Bytes;

/// A UTF-8 string that shares the buffer it was read from.
#[derive(Clone, Eq)]
pub struct Text(Bytes);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        comparisons::count();
        self.0 == other.0
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        comparisons::count();
        self.0.cmp(&other.0)
    }
}

impl Text {
    /// The string.
    pub fn as_str(&self) -> &str {
        // Every constructor takes a `str`, so the default is never used.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `part` as a slice of `whole` if it is inside it, or else a copy.
    pub(crate) fn share(whole: &Bytes, part: Cow<'_, str>) -> Self {
        match part {
            Cow::Borrowed(part) => {
                let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
                match start.checked_add(part.len()) {
                    Some(end) if end <= whole.len() => Self(whole.slice(start..end)),
                    _ => Self(Bytes::copy_from_slice(part.as_bytes())),
                }
            }
            Cow::Owned(part) => part.into(),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Text {
    /// A static string. It needs no allocation.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

impl fmt::Debug for Text {
    /// Does not show the string: it may be a session's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// Counts comparisons, so that a test can check that the work is linear.
#[cfg(test)]
pub(crate) mod comparisons {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        COMPARISONS.set(COMPARISONS.get() + 1);
    }

    /// The number of comparisons that `work` takes.
    pub(crate) fn of(work: impl FnOnce()) -> usize {
        let before = COMPARISONS.get();
        work();
        COMPARISONS.get() - before
    }
}
