//! A session as a handler sees it: the loaded values under the request's own changes, and those changes as a log.

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

/// The JSON text of one value.
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

/// What an `update` made of the session: new values by name, `None` for a name it removed.
pub type Patch = Vec<(Text, Option<Json>)>;

/// One thing that a request did to its session. The log of a request holds them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Puts a value under a name; it is no flash (any more).
    Set(Text, Json),
    /// Puts a value under a name that the next read of it removes.
    Flash(Text, Json),
    /// Removes a name.
    Remove(Text),
    /// Removes every name that is there at commit.
    Clear,
    /// A flash was read: removes the name, but only if it still is the same flash.
    ReadFlash(Text, Json),
    /// A function made new values of old ones; it is asked again if the old ones turn out to be others.
    Update {
        /// How the face finds the function again.
        token: u32,
        /// The one name it reads, or `None` if it reads the whole session.
        name: Option<Text>,
        /// What it made of the values that the request saw.
        patch: Patch,
        /// Which [`basis`](crate::Flow::basis) it saw.
        basis: u32,
    },
    /// A new id for a change of privilege; both clocks start anew.
    Rotate,
    /// A new id for a change of privilege that keeps the absolute deadline.
    RotateKeepingDeadline,
    /// A new id at equal privilege.
    RenewId,
    /// The end of the session. What follows in the log begins another.
    Destroy,
    /// How long this session lives without activity, in milliseconds.
    SetIdle(u64),
    /// How long this session lives at most, in milliseconds, counted from its beginning; `None`: as long as it is used. A
    /// rotation starts it anew.
    SetAbsolute(Option<u64>),
    /// Whether the cookie outlives the browser's own session.
    SetPersistent(bool),
    /// Whose session it is. A change of owner is a change of privilege, so it rotates.
    SetOwner(Option<Owner>),
    /// What lists call it.
    SetLabel(Option<Text>),
    /// Activity, now: the last-active time is written though no touch is due.
    Touch,
    /// This request is no activity, such as polling: it renews nothing. Its changes are written without moving the
    /// last-active time.
    NoActivity,
    /// The day on which the session ends, in milliseconds since the Unix epoch, where the dialect has no idle span.
    SetDeadline(Option<u64>),
    /// The id that the session's next new record gets, where the dialect lets the app choose.
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
    /// How long this session lives without activity.
    pub fn set_idle(idle: Duration) -> Self {
        Self::SetIdle(millis(idle))
    }

    /// How long this session lives at most.
    pub fn set_absolute(absolute: Option<Duration>) -> Self {
        Self::SetAbsolute(absolute.map(millis))
    }
}

/// Applies to `entries` what `op` does to named values. What it does to the session itself is the engine's business.
///
/// It looks through all entries, so for many changes use [`Values`].
pub fn apply(entries: &mut Vec<Entry>, op: &Op) {
    let mut values = Values::of(mem::take(entries));
    values.apply(op);
    *entries = values.into_entries();
}

/// Named values under many changes, each of which takes about as long however many there are.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// In their order; `None` where one was removed.
    entries: Vec<Option<Entry>>,
    /// Where each name is, once there are more changes than a search through all entries is good for.
    places: Option<Index>,
    searches: usize,
    count: usize,
    size: usize,
}

/// So many updates one commit takes: each may have to run again, one after the other.
pub const MOST_UPDATES: usize = 1024;

/// So many bytes a name has at most.
pub const LONGEST_NAME: usize = 256;

/// So many searches through all entries come before an index of them.
const SEARCHES: usize = 32;

impl Values {
    /// These values.
    pub fn of(entries: Vec<Entry>) -> Self {
        let (count, size) = (entries.len(), entries.iter().map(Entry::size).sum());
        Self { entries: entries.into_iter().map(Some).collect(), places: None, searches: 0, count, size }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many bytes their names and values have, which is less than a record of them has.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The value under `name`.
    pub fn get(&mut self, name: &Text) -> Option<&Entry> {
        let place = self.place(name)?;
        self.entries.get(place)?.as_ref()
    }

    /// What there is, in its order.
    #[expect(clippy::filter_map_identity, reason = "unlike flatten it collects in place")]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries.into_iter().filter_map(|entry| entry).collect()
    }

    /// Applies what `op` does to named values.
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

    /// Applies what an update made.
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

/// What an update of `name` (or of everything) reads: the value's JSON, or the whole data as one object. Flashes are not read.
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
