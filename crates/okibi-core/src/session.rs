//! A session as a handler sees it: the loaded values with the request's own changes, and these
//! changes as a log.

mod index;

use alloc::{string::String, vec::Vec};
use core::{mem, time::Duration};

use self::index::Index;
use crate::{
    codec::{Codec, variants},
    id::Owner,
    record::{Entry, push_data},
    text::Text,
    time::millis,
};

/// One value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub Text);

impl Codec for Json {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Codec::get(from).map(Self)
    }
}

/// The result of an `update`: new values by name, and `None` for a removed name.
pub type Patch = Vec<(Text, Option<Json>)>;

/// One operation of a request on its session. The log of a request has them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Sets a value. If the name was a flash, it is not one any more.
    Set(Text, Json),
    /// Sets a value that the next read removes.
    Flash(Text, Json),
    /// Removes a name.
    Remove(Text),
    /// Removes all names that exist at commit.
    Clear,
    /// A flash was read. Removes the name, but only if it is still the same flash.
    ReadFlash(Text, Json),
    /// A function computed new values from the current ones. If the current values have changed, it
    /// runs again.
    Update {
        /// The face's token of the function.
        token: u32,
        /// The name that it reads, or `None` if it reads the whole session.
        name: Option<Text>,
        /// The result for the values that the request saw.
        patch: Patch,
        /// The [`basis`](crate::Flow::basis) of those values.
        basis: u32,
    },
    /// A new id for a change of privilege. The idle and the absolute timeout start again.
    Rotate,
    /// A new id for a change of privilege. The absolute deadline stays.
    RotateKeepingDeadline,
    /// A new id at equal privilege.
    RenewId,
    /// Destroys the session. The rest of the log begins a new one.
    Destroy,
    /// Sets the session's idle timeout, in milliseconds.
    SetIdle(u64),
    /// Sets the session's absolute timeout, in milliseconds since the session began; `None`: no
    /// absolute timeout. It starts again at a rotation.
    SetAbsolute(Option<u64>),
    /// Sets whether the cookie is kept when the browser closes.
    SetPersistent(bool),
    /// Sets the owner. A change of owner is a change of privilege, so it rotates.
    SetOwner(Option<Owner>),
    /// Sets the label, which is shown in lists.
    SetLabel(Option<Text>),
    /// Writes the last-active time, even if no touch is due.
    Touch,
    /// The request is no activity, for example polling. Its changes are written, but the
    /// last-active time stays.
    NoActivity,
    /// Sets the end of the session, in milliseconds since the Unix epoch, in a dialect without an
    /// idle timeout.
    SetDeadline(Option<u64>),
    /// Sets the id of the session's next new record, in a dialect that lets the app choose.
    UseId(Text),
}

variants!(Op {
    0 => Set(name, value),
    1 => Flash(name, value),
    2 => Remove(name),
    3 => Clear,
    4 => ReadFlash(name, value),
    5 => Update { token, name, patch, basis },
    6 => Rotate,
    7 => RotateKeepingDeadline,
    8 => RenewId,
    9 => Destroy,
    10 => SetIdle(millis),
    11 => SetPersistent(persistent),
    12 => SetOwner(owner),
    13 => SetLabel(label),
    14 => Touch,
    15 => SetDeadline(deadline),
    16 => UseId(id),
    17 => NoActivity,
    18 => SetAbsolute(millis),
});

impl Op {
    /// Sets the session's idle timeout.
    pub fn set_idle(idle: Duration) -> Self {
        Self::SetIdle(millis(idle))
    }

    /// Sets the session's absolute timeout.
    pub fn set_absolute(absolute: Option<Duration>) -> Self {
        Self::SetAbsolute(absolute.map(millis))
    }
}

/// Applies to `entries` the change of named values in `op`. The engine applies changes of the
/// session itself.
///
/// It searches all entries. For many changes use [`Values`].
pub fn apply(entries: &mut Vec<Entry>, op: &Op) {
    let mut values = Values::of(mem::take(entries));
    values.apply(op);
    *entries = values.into_entries();
}

/// Named values for many changes. The cost of a change does not grow with the number of values.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// In order; `None` for a removed entry.
    entries: Vec<Option<Entry>>,
    /// The index by name. It is built after [`SEARCHES`] searches.
    places: Option<Index>,
    searches: usize,
    count: usize,
    size: usize,
}

/// The most updates of one commit. After a conflict, each may run again.
pub const MOST_UPDATES: usize = 1024;

/// The most bytes of a name.
pub const LONGEST_NAME: usize = 256;

/// The number of searches through all entries before an index is built.
const SEARCHES: usize = 32;

impl Values {
    /// Values with these entries.
    pub fn of(entries: Vec<Entry>) -> Self {
        let (count, size) = (entries.len(), entries.iter().map(Entry::size).sum());
        Self { entries: entries.into_iter().map(Some).collect(), places: None, searches: 0, count, size }
    }

    /// The number of values.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The number of bytes of all names and values. An encoded record of them is larger.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The entry under `name`.
    pub fn get(&mut self, name: &Text) -> Option<&Entry> {
        let place = self.place(name)?;
        self.entries.get(place)?.as_ref()
    }

    /// The entries, in order.
    #[expect(clippy::filter_map_identity, reason = "unlike flatten it collects in place")]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries.into_iter().filter_map(|entry| entry).collect()
    }

    /// Applies the change of named values in `op`.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Set(name, value) => self.put(name, value, false),
            Op::Flash(name, value) => self.put(name, value, true),
            Op::Remove(name) => self.remove(name),
            Op::Clear | Op::Destroy => *self = Self::default(),
            Op::ReadFlash(name, seen) => self.remove_flash(name, seen),
            Op::Update { patch, .. } => self.apply_patch(patch),
            _ => {}
        }
    }

    /// Applies the result of an update.
    pub(crate) fn apply_patch(&mut self, patch: &Patch) {
        for (name, value) in patch {
            match value {
                Some(value) => self.put(name, value, false),
                None => self.remove(name),
            }
        }
    }

    fn remove_flash(&mut self, name: &Text, seen: &Json) {
        if self.get(name).is_some_and(|entry| entry.flash && entry.value == seen.0) {
            self.remove(name);
        }
    }

    fn place(&mut self, name: &Text) -> Option<usize> {
        if self.places.is_none() && self.searches >= SEARCHES {
            self.places = Some(Index::of(&self.entries));
        }
        if let Some(places) = &self.places {
            return places.find(&self.entries, name);
        }
        self.searches += 1;
        self.entries.iter().position(|entry| entry.as_ref().is_some_and(|entry| entry.name == *name))
    }

    fn put(&mut self, name: &Text, value: &Json, flash: bool) {
        let place = self.place(name);
        let entry = Entry { name: name.clone(), value: value.0.clone(), flash };
        self.size += entry.size();
        if let Some(old) = place.and_then(|place| self.entries.get_mut(place)?.as_mut()) {
            self.size -= old.size();
            old.value = entry.value;
            old.flash = flash;
            return;
        }
        self.entries.push(Some(entry));
        if let Some(places) = &mut self.places {
            places.insert(&self.entries, self.entries.len() - 1);
        }
        self.count += 1;
    }

    fn remove(&mut self, name: &Text) {
        let Some(place) = self.place(name) else { return };
        if let Some(places) = &mut self.places {
            places.remove(&self.entries, place);
        }
        let Some(entry) = self.entries.get_mut(place).and_then(Option::take) else { return };
        self.size -= entry.size();
        self.count -= 1;
    }
}

/// The input of an update of `name`, or of everything: the value's JSON, or all data as one object.
/// Flashes are not included.
pub fn input(entries: &[Entry], name: Option<&Text>) -> Option<Text> {
    if let Some(name) = name {
        entries.iter().find(|entry| entry.name == *name).map(|entry| entry.value.clone())
    } else {
        let mut text = String::new();
        let plain: Vec<Entry> = entries.iter().filter(|entry| !entry.flash).cloned().collect();
        push_data(&mut text, &plain);
        Some(text.into())
    }
}
