//! Record v1: a stored session, and the marker that a rotation leaves. Both are readable JSON.

use alloc::{borrow::Cow, collections::BinaryHeap, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;
use okibi_crypto::base64;

use crate::{
    codec::fields,
    id::{Handle, Owner, StoreKey, decode_exact},
    json::{self, Reader},
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
            out.key(",\"h\":").push_encoded(handle.as_bytes());
        }
        out.key(",\"c\":").push_time(self.created);
        out.key(",\"a\":").push_time(self.last_active);
        json::push_number(out.key(",\"i\":").text(), millis(self.idle));
        if let Some(deadline) = self.deadline {
            out.key(",\"x\":").push_time(deadline);
        }
        if let Some(absolute) = self.absolute {
            json::push_number(out.key(",\"o\":").text(), millis(absolute));
        }
        if self.persistent {
            out.key(",\"p\":").text().push_str("true");
        }
        if let Some(owner) = &self.owner {
            json::push_string(out.key(",\"u\":").text(), owner.as_str());
        }
        if let Some(label) = &self.label {
            json::push_string(out.key(",\"l\":").text(), label.as_str());
        }
        push_data(out.key(",\"d\":").text(), &self.entries);
        if self.entries.iter().any(|entry| entry.flash) {
            let text = out.key(",\"f\":").text();
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
            let text = out.text();
            text.push(',');
            json::push_string(text, name.as_str());
            text.push(':');
            text.push_str(value.as_str());
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
        out.key(",\"r\":").text().push_str(match self.moved {
            Moved::Rotated => "\"rotate\"",
            Moved::Renewed => "\"renew\"",
        });
        out.key(",\"until\":").push_time(self.until);
        if let Some(next) = &self.next {
            out.key(",\"n\":").push_encoded(next);
        }
        if let Some(successor) = &self.successor {
            json::push_string(out.key(",\"s\":").text(), successor.as_str());
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
    let mut members = Members::default();
    let mut reader = Reader::new(core::str::from_utf8(bytes).ok()?);
    reader.object(&mut |name, reader| members.read(name, reader, bytes, limits)?.then_some(()))?;
    if !reader.is_at_end() {
        return None;
    }
    members.version?;
    members.tag?;
    if members.moved.is_some() { members.marker() } else { members.record(bytes) }
}

/// The members of a record or marker.
#[derive(Default)]
struct Members<'a> {
    version: Option<()>,
    tag: Option<[u8; 8]>,
    handle: Option<Handle>,
    created: Option<u64>,
    last_active: Option<u64>,
    idle: Option<u64>,
    deadline: Option<u64>,
    absolute: Option<u64>,
    persistent: Option<bool>,
    owner: Option<Cow<'a, str>>,
    label: Option<Cow<'a, str>>,
    entries: Option<Vec<Entry>>,
    flash: Option<Vec<Text>>,
    moved: Option<Moved>,
    until: Option<u64>,
    next: Option<Cow<'a, str>>,
    successor: Option<Cow<'a, str>>,
    unknown: Vec<(Text, Text)>,
}

impl<'a> Members<'a> {
    /// Reads the value of one member. Returns false if the member is repeated, and `None` if its
    /// value is malformed.
    fn read(&mut self, name: Cow<'a, str>, reader: &mut Reader<'a>, bytes: &Bytes, limits: &Limits) -> Option<bool> {
        let number = match name.as_bytes() {
            b"c" => &mut self.created,
            b"a" => &mut self.last_active,
            b"i" => &mut self.idle,
            b"x" => &mut self.deadline,
            b"o" => &mut self.absolute,
            b"until" => &mut self.until,
            _ => return self.read_other(name, reader, bytes, limits),
        };
        Some(number.replace(reader.number()?).is_none())
    }

    fn read_other(
        &mut self,
        name: Cow<'a, str>,
        reader: &mut Reader<'a>,
        bytes: &Bytes,
        limits: &Limits,
    ) -> Option<bool> {
        let string = match name.as_bytes() {
            b"v" => return (reader.number()? == 1).then(|| self.version.replace(()).is_none()),
            b"w" => return Some(self.tag.replace(decode_exact(reader.string()?.as_bytes())?).is_none()),
            b"h" => return Some(self.handle.replace(Handle::parse(&reader.string()?)?).is_none()),
            b"p" => return Some(self.persistent.replace(reader.boolean()?).is_none()),
            b"r" => {
                let moved = match reader.string()?.as_ref() {
                    "rotate" => Moved::Rotated,
                    "renew" => Moved::Renewed,
                    _ => return None,
                };
                return Some(self.moved.replace(moved).is_none());
            }
            b"d" => {
                let mut entries = Vec::new();
                reader.object(&mut |name, reader| {
                    let value = Text::share(bytes, Cow::Borrowed(reader.value(limits.depth)?));
                    entries.push(Entry { name: Text::share(bytes, name), value, flash: false });
                    (entries.len() <= limits.names).then_some(())
                })?;
                return Some(self.entries.replace(entries).is_none());
            }
            b"f" => {
                let mut flash = Vec::new();
                reader.array(&mut |reader| {
                    flash.push(Text::share(bytes, reader.string()?));
                    Some(())
                })?;
                return Some(self.flash.replace(flash).is_none());
            }
            b"u" => &mut self.owner,
            b"l" => &mut self.label,
            b"n" => &mut self.next,
            b"s" => &mut self.successor,
            _ => {
                let value = Text::share(bytes, Cow::Borrowed(reader.value(1 + limits.depth)?));
                self.unknown.push((Text::share(bytes, name), value));
                return Some(true);
            }
        };
        Some(string.replace(reader.string()?).is_none())
    }

    fn marker(self) -> Option<Stored> {
        let next = match self.next {
            Some(next) => Some(base64::from_url(next.as_bytes())?.into()),
            None => None,
        };
        let successor = self.successor.map(StoreKey::new);
        Some(Stored::Marker(Marker { moved: self.moved?, until: time(self.until?)?, next, successor }))
    }

    fn record(self, bytes: &Bytes) -> Option<Stored> {
        let mut entries = self.entries?;
        if has_duplicates(&entries) {
            return None;
        }
        if let Some(flash) = self.flash {
            // Sorted, so that each name is found by binary search.
            let flash = sorted(&mut flash.iter());
            for entry in &mut entries {
                entry.flash = flash.binary_search(&&entry.name).is_ok();
            }
        }
        Some(Stored::Record(Record {
            handle: Some(self.handle?),
            created: time(self.created?)?,
            last_active: time(self.last_active?)?,
            idle: Duration::from_millis(self.idle?),
            deadline: self.deadline.map_or(Some(None), |deadline| time(deadline).map(Some))?,
            absolute: self.absolute.map(Duration::from_millis),
            persistent: self.persistent.unwrap_or_default(),
            owner: self.owner.map(Owner::new),
            label: self.label.map(|label| Text::share(bytes, label)),
            entries,
            unknown: self.unknown,
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
    sorted(&mut entries.iter().map(|entry| &entry.name)).windows(2).any(|pair| pair.first() == pair.last())
}

/// The names in order. A heap needs far less code than `sort`, which matters in WebAssembly.
fn sorted<'a>(names: &mut dyn Iterator<Item = &'a Text>) -> Vec<&'a Text> {
    names.collect::<BinaryHeap<_>>().into_sorted_vec()
}

fn time(millis: u64) -> Option<Timestamp> {
    (millis <= Timestamp::MAX.as_millis()).then_some(Timestamp::from_millis(millis))
}

/// Writes the members of one JSON object. The version and the write tag come first.
struct Writer(String);

impl Writer {
    fn new(capacity: usize, tag: [u8; 8]) -> Self {
        let mut writer = Self(String::with_capacity(capacity));
        writer.key("{\"v\":1,\"w\":").push_encoded(&tag);
        writer
    }

    /// Appends what precedes a value: a comma, the name and a colon.
    fn key(&mut self, key: &str) -> &mut Self {
        self.0.push_str(key);
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
