//! A session as a handler sees it: the loaded values under the request's own changes, and those changes as a log.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::{
    id::Owner,
    record::{Entry, push_data},
    state::{State, variants},
    text::Text,
    time::millis,
};

/// The JSON text of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub Text);

impl State for Json {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        State::get(from).map(Self)
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
    /// Activity, now: the session is renewed though no renewal is due.
    Touch,
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
pub fn apply(entries: &mut Vec<Entry>, op: &Op) {
    match op {
        Op::Set(name, value) => put(entries, name, value, false),
        Op::Flash(name, value) => put(entries, name, value, true),
        Op::Remove(name) => remove(entries, name),
        Op::Clear | Op::Destroy => entries.clear(),
        Op::ReadFlash(name, seen) => {
            if entries.iter().any(|entry| entry.flash && entry.name == *name && entry.value == seen.0) {
                remove(entries, name);
            }
        }
        Op::Update { patch, .. } => apply_patch(entries, patch),
        Op::Rotate
        | Op::RotateKeepingDeadline
        | Op::RenewId
        | Op::SetIdle(_)
        | Op::SetAbsolute(_)
        | Op::SetPersistent(_)
        | Op::SetOwner(_)
        | Op::SetLabel(_)
        | Op::Touch
        | Op::SetDeadline(_)
        | Op::UseId(_) => {}
    }
}

/// Applies what an update made.
pub(crate) fn apply_patch(entries: &mut Vec<Entry>, patch: &Patch) {
    for (name, value) in patch {
        match value {
            Some(value) => put(entries, name, value, false),
            None => remove(entries, name),
        }
    }
}

fn put(entries: &mut Vec<Entry>, name: &Text, value: &Json, flash: bool) {
    match entries.iter_mut().find(|entry| entry.name == *name) {
        Some(entry) => {
            entry.value = value.0.clone();
            entry.flash = flash;
        }
        None => entries.push(Entry { name: name.clone(), value: value.0.clone(), flash }),
    }
}

fn remove(entries: &mut Vec<Entry>, name: &Text) {
    entries.retain(|entry| entry.name != *name);
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
