//! Record v1: a stored session, and the marker that a rotation leaves. Both are readable JSON.

use alloc::{borrow::Cow, collections::BinaryHeap, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;
use okibi_crypto::base64;

use crate::{
    codec::fields,
    id::{Handle, Owner, StoreKey, decode_exact},
    json,
    text::Text,
    time::{Timestamp, millis},
};

/// The limits of a record. A record above them is not decoded and not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an encoded record. Default 65 536.
    pub bytes: usize,
    /// Names in a session. Default 1024.
    pub names: usize,
    /// Nesting depth of a value. Default 32.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, names: 1024, depth: 32 }
    }
}

/// The bytes are not a record. The error does not show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session record")]
pub struct Undecodable;

/// One named value of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Text,
    /// The value as JSON, kept as received. So a number that Rust wrote is not changed by a
    /// JavaScript handler that only reads it.
    pub value: Text,
    /// Whether reading the value removes it.
    pub flash: bool,
}

impl Entry {
    /// The number of bytes of the name and the value.
    pub fn size(&self) -> usize {
        self.name.as_str().len() + self.value.as_str().len()
    }
}

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The public name. A sealed session of an older dialect has none.
    pub handle: Option<Handle>,
    /// When the session began.
    pub created: Timestamp,
    /// The last-active time, as of the last touch.
    pub last_active: Timestamp,
    /// The idle timeout.
    pub idle: Duration,
    /// The absolute deadline.
    pub deadline: Option<Timestamp>,
    /// The session's own absolute timeout, which starts again at a rotation. Zero: the session has
    /// no absolute timeout. `None`: the configured one.
    pub absolute: Option<Duration>,
    /// Whether the cookie is kept when the browser closes.
    pub persistent: bool,
    /// The owner.
    pub owner: Option<Owner>,
    /// The app's name for the session, shown in lists.
    pub label: Option<Text>,
    /// The named values, oldest name first.
    pub entries: Vec<Entry>,
    /// Members that this version does not know, kept as received.
    pub unknown: Vec<(Text, Text)>,
}

fields!(Entry { name, value, flash });
fields!(Record { handle, created, last_active, idle, deadline, absolute, persistent, owner, label, entries, unknown });

/// Why a session moved to another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// A change of privilege. The old id opens nothing.
    Rotated,
    /// A new id at equal privilege. The old id opens the session for a grace period.
    Renewed,
}

/// What is stored under the old store key for a short time after a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Why the session moved.
    pub moved: Moved,
    /// Until when the marker counts.
    pub until: Timestamp,
    /// The new id, encrypted with a key derived from the old id. Only for a renewal.
    pub next: Option<Bytes>,
    /// The successor's store key, so that a destroy of the old session also destroys the successor.
    /// It opens nothing.
    pub successor: Option<StoreKey>,
}

/// What can be stored under a store key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A session.
    Record(Record),
    /// The marker of a session that moved or ended.
    Marker(Marker),
}

impl Record {
    /// When the session ends without further activity: the idle or the absolute timeout, whichever
    /// comes first.
    pub fn expires_at(&self) -> Timestamp {
        let idle = self.last_active.plus(self.idle);
        self.deadline.map_or(idle, |deadline| deadline.min(idle))
    }

    /// The entry under `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.as_str() == name)
    }

    /// The same session with other values.
    pub(crate) fn with_entries(&self, entries: Vec<Entry>) -> Self {
        Self {
            entries,
            owner: self.owner.clone(),
            label: self.label.clone(),
            unknown: self.unknown.clone(),
            handle: self.handle,
            created: self.created,
            last_active: self.last_active,
            idle: self.idle,
            deadline: self.deadline,
            absolute: self.absolute,
            persistent: self.persistent,
        }
    }

    /// The record's bytes. `tag` must be random, so that no two writes are equal.
    pub fn encode(&self, tag: [u8; 8]) -> Bytes {
        let mut out = Writer::new(self.size_hint(), tag);
        if let Some(handle) = &self.handle {
            out.member("h").push_encoded(handle.as_bytes());
        }
        out.member("c").push_time(self.created);
        out.member("a").push_time(self.last_active);
        json::push_number(out.member("i").text(), millis(self.idle));
        if let Some(deadline) = self.deadline {
            out.member("x").push_time(deadline);
        }
        if let Some(absolute) = self.absolute {
            json::push_number(out.member("o").text(), millis(absolute));
        }
        if self.persistent {
            out.member("p").text().push_str("true");
        }
        if let Some(owner) = &self.owner {
            json::push_string(out.member("u").text(), owner.as_str());
        }
        if let Some(label) = &self.label {
            json::push_string(out.member("l").text(), label.as_str());
        }
        push_data(out.member("d").text(), &self.entries);
        if self.entries.iter().any(|entry| entry.flash) {
            let text = out.member("f").text();
            text.push('[');
            for (index, entry) in self.entries.iter().filter(|entry| entry.flash).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                json::push_string(text, entry.name.as_str());
            }
            text.push(']');
        }
        for (name, value) in &self.unknown {
            out.member(name.as_str()).text().push_str(value.as_str());
        }
        out.finish()
    }

    fn size_hint(&self) -> usize {
        let entries: usize =
            self.entries.iter().map(|entry| 8 + 2 * entry.name.as_str().len() + entry.value.as_str().len()).sum();
        let unknown: usize =
            self.unknown.iter().map(|(name, value)| 4 + name.as_str().len() + value.as_str().len()).sum();
        let owner = self.owner.as_ref().map_or(0, |owner| owner.as_str().len() + 8);
        let label = self.label.as_ref().map_or(0, |label| label.as_str().len() + 8);
        160 + entries + unknown + owner + label
    }
}

impl Marker {
    /// The marker's bytes. `tag` must be random.
    pub fn encode(&self, tag: [u8; 8]) -> Bytes {
        let mut out = Writer::new(256, tag);
        out.member("r").text().push_str(match self.moved {
            Moved::Rotated => "\"rotate\"",
            Moved::Renewed => "\"renew\"",
        });
        out.member("until").push_time(self.until);
        if let Some(next) = &self.next {
            out.member("n").push_encoded(next);
        }
        if let Some(successor) = &self.successor {
            json::push_string(out.member("s").text(), successor.as_str());
        }
        out.finish()
    }
}

/// Appends the named values as one JSON object.
pub fn push_data(text: &mut String, entries: &[Entry]) {
    text.push('{');
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        json::push_string(text, entry.name.as_str());
        text.push(':');
        text.push_str(entry.value.as_str());
    }
    text.push('}');
}

/// Decodes stored bytes.
///
/// # Errors
/// [`Undecodable`] for anything that is not record v1 within the limits. It never panics and never
/// returns a partial record.
pub fn decode(bytes: &Bytes, limits: &Limits) -> Result<Stored, Undecodable> {
    decode_stored(bytes, limits).ok_or(Undecodable)
}

fn decode_stored(bytes: &Bytes, limits: &Limits) -> Option<Stored> {
    if bytes.len() > limits.bytes {
        return None;
    }
    let mut members = RawRecord::default();
    let mut unknown = Vec::new();
    let read = json::each_member(core::str::from_utf8(bytes).ok()?, 1 + limits.depth, &mut |name, value| {
        let slot = match name.as_bytes() {
            b"v" => &mut members.version,
            b"w" => &mut members.tag,
            b"h" => &mut members.handle,
            b"c" => &mut members.created,
            b"a" => &mut members.last_active,
            b"i" => &mut members.idle,
            b"x" => &mut members.deadline,
            b"o" => &mut members.absolute,
            b"p" => &mut members.persistent,
            b"u" => &mut members.owner,
            b"l" => &mut members.label,
            b"d" => &mut members.data,
            b"f" => &mut members.flash,
            b"r" => &mut members.moved,
            b"until" => &mut members.until,
            b"n" => &mut members.next,
            b"s" => &mut members.successor,
            _ => {
                unknown.push((Text::share(bytes, name), Text::share(bytes, Cow::Borrowed(value))));
                return true;
            }
        };
        slot.replace(value).is_none()
    });
    if !read {
        return None;
    }
    if members.version? != "1" {
        return None;
    }
    decode_exact::<8>(json::string(members.tag?)?.as_bytes())?;
    if members.moved.is_some() { members.marker() } else { members.record(bytes, unknown, limits) }
}

/// The members of a record or marker, each as JSON.
#[derive(Default)]
struct RawRecord<'a> {
    version: Option<&'a str>,
    tag: Option<&'a str>,
    handle: Option<&'a str>,
    created: Option<&'a str>,
    last_active: Option<&'a str>,
    idle: Option<&'a str>,
    deadline: Option<&'a str>,
    absolute: Option<&'a str>,
    persistent: Option<&'a str>,
    owner: Option<&'a str>,
    label: Option<&'a str>,
    data: Option<&'a str>,
    flash: Option<&'a str>,
    moved: Option<&'a str>,
    until: Option<&'a str>,
    next: Option<&'a str>,
    successor: Option<&'a str>,
}

impl RawRecord<'_> {
    fn marker(self) -> Option<Stored> {
        let moved = match self.moved? {
            "\"rotate\"" => Moved::Rotated,
            "\"renew\"" => Moved::Renewed,
            _ => return None,
        };
        let next = match self.next {
            Some(next) => Some(base64::from_url(json::string(next)?.as_bytes())?.into()),
            None => None,
        };
        let successor = match self.successor {
            Some(key) => Some(StoreKey::new(json::string(key)?)),
            None => None,
        };
        Some(Stored::Marker(Marker { moved, until: time(self.until?)?, next, successor }))
    }

    fn record(self, bytes: &Bytes, unknown: Vec<(Text, Text)>, limits: &Limits) -> Option<Stored> {
        // Sorted, so that each name is found by binary search.
        let flash: BinaryHeap<Cow<'_, str>> = self.flash.map_or(Some(Vec::new()), json::strings)?.into();
        let flash = flash.into_sorted_vec();
        let mut entries = Vec::new();
        let read = json::each_member(self.data?, limits.depth, &mut |name, value| {
            let flash = flash.binary_search(&name).is_ok();
            let (name, value) = (Text::share(bytes, name), Text::share(bytes, Cow::Borrowed(value)));
            entries.push(Entry { name, value, flash });
            entries.len() <= limits.names
        });
        if !read || has_duplicates(&entries) {
            return None;
        }
        Some(Stored::Record(Record {
            handle: Some(Handle::parse(json::string(self.handle?)?.as_ref())?),
            created: time(self.created?)?,
            last_active: time(self.last_active?)?,
            idle: Duration::from_millis(json::number(self.idle?)?),
            deadline: self.deadline.map_or(Some(None), |text| time(text).map(Some))?,
            absolute: match self.absolute {
                Some(text) => Some(Duration::from_millis(json::number(text)?)),
                None => None,
            },
            persistent: match self.persistent {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => return None,
            },
            owner: self.owner.map_or(Some(None), |text| json::string(text).map(|owner| Some(Owner::new(owner))))?,
            label: self.label.map_or(Some(None), |text| Some(Some(Text::share(bytes, json::string(text)?))))?,
            entries,
            unknown,
        }))
    }
}

pub(crate) fn has_duplicates(entries: &[Entry]) -> bool {
    if entries.len() <= 16 {
        let mut rest = entries;
        while let [entry, others @ ..] = rest {
            if others.iter().any(|other| other.name == entry.name) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    // A heap needs far less code than `sort`, which matters in WebAssembly.
    let names: BinaryHeap<&Text> = entries.iter().map(|entry| &entry.name).collect();
    names.into_sorted_vec().windows(2).any(|pair| pair.first() == pair.last())
}

fn time(text: &str) -> Option<Timestamp> {
    let millis = json::number(text)?;
    (millis <= Timestamp::MAX.as_millis()).then_some(Timestamp::from_millis(millis))
}

/// Writes the members of one JSON object. The version and the write tag come first.
struct Writer(String);

impl Writer {
    fn new(capacity: usize, tag: [u8; 8]) -> Self {
        let mut writer = Self(String::with_capacity(capacity));
        writer.0.push_str("{\"v\":1");
        writer.member("w").push_encoded(&tag);
        writer
    }

    fn member(&mut self, name: &str) -> &mut Self {
        self.0.push(',');
        json::push_string(&mut self.0, name);
        self.0.push(':');
        self
    }

    fn text(&mut self) -> &mut String {
        &mut self.0
    }

    fn push_encoded(&mut self, bytes: &[u8]) {
        self.0.push('"');
        base64::push_url(&mut self.0, bytes);
        self.0.push('"');
    }

    fn push_time(&mut self, time: Timestamp) {
        json::push_number(&mut self.0, time.as_millis());
    }

    fn finish(mut self) -> Bytes {
        self.0.push('}');
        Bytes::from(self.0)
    }
}
