//! The state of one request's session: the loaded record and the request's changes.

use http::{HeaderMap, HeaderValue, header};
use okibi_core::{
    Engine, Entry, Flow, Limits, MOST_UPDATES, Op, Owner, Patch, Record, Refusal, Text, Timestamp, Values, apply,
};

use super::updates::{Function, Update, Updates};
use crate::Error;

/// The name of an update that reads the whole session.
const WHOLE_SESSION: Text = Text::from_static("");

/// The basis of an update that has not seen the current session. The engine runs it again.
const NO_BASIS: u32 = u32::MAX;

/// The state of one request's session.
#[expect(clippy::struct_excessive_bools, reason = "facts of one request, each independent of the others")]
pub(super) struct RequestState {
    cookies: Cookies,
    stage: Stage,
    pub(super) flow: Flow,
    /// The cookies that sessions of inner layers have sent.
    pub(super) inner_cookies: Vec<String>,
    /// The changes that are not committed yet.
    pub(super) log: Vec<Op>,
    /// How many changes were removed from the front of the log, minus those inserted later. A mark
    /// minus this number is an index into the log.
    removed: usize,
    /// The functions of the log's updates.
    pub(super) updates: Updates,
    next_token: u32,
    /// The values that a handler sees. Computed only if the log is long.
    view: Option<Box<Values>>,
    /// How many values the log sets, and the bytes of their names and values. A name that is set
    /// twice counts twice.
    logged: (usize, usize),
    /// The bytes of the stored names and values, computed at the first use.
    stored_size: Option<usize>,
    /// Grows with each change of the visible values, so that an update notices it.
    pub(super) version: u32,
    /// Whether the session was read or changed.
    pub(super) accessed: bool,
    /// Whether the session was live when it was accessed.
    pub(super) accessed_live: bool,
    /// Whether the request is marked as no activity.
    pub(super) is_no_activity: bool,
    /// Whether the response headers are sent or about to be sent. Then changes are refused.
    pub(super) headers_sent: bool,
}

/// If the log is longer than this, `view` is computed instead of applying the log for each read.
const LONG_LOG: usize = 32;

/// How far the session was looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unread,
    Opened,
    Loaded,
}

/// A value as a handler sees it.
#[derive(PartialEq, Eq)]
pub(super) struct VisibleValue {
    pub(super) value: Text,
    pub(super) flash: bool,
}

/// Whether a commit is needed before the response headers are sent.
pub(crate) enum FinalCommit {
    /// The request did not use the session.
    Unused,
    /// There is nothing to write.
    NotNeeded,
    /// There may be something to write.
    Needed,
}

/// The request's Cookie headers. Most requests have none or one.
enum Cookies {
    None,
    One(HeaderValue),
    Many(Vec<HeaderValue>),
}

impl Cookies {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::COOKIE).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(only), None) => Self::One(only.clone()),
            _ => Self::Many(headers.get_all(header::COOKIE).iter().cloned().collect()),
        }
    }

    fn as_slice(&self) -> &[HeaderValue] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl RequestState {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        Self {
            cookies: Cookies::of(headers),
            stage: Stage::Unread,
            flow: Flow::default(),
            inner_cookies: Vec::new(),
            log: Vec::new(),
            removed: 0,
            updates: Updates::default(),
            next_token: 0,
            view: None,
            logged: (0, 0),
            stored_size: None,
            version: 0,
            accessed: false,
            accessed_live: false,
            is_no_activity: false,
            headers_sent: false,
        }
    }

    /// Reads the cookies at the first use of the session.
    pub(super) fn open(&mut self, engine: &Engine, now: Timestamp) {
        if self.stage == Stage::Unread {
            self.flow = engine.open(self.cookies.as_slice().iter().map(HeaderValue::as_bytes), now);
            self.stage = Stage::Opened;
            self.cookies = Cookies::None;
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.stage == Stage::Loaded
    }

    pub(super) fn loaded(&mut self) {
        self.stage = Stage::Loaded;
        self.invalidate();
    }

    /// Logs a change, unless the session would be too large with it.
    pub(super) fn push(&mut self, op: Op, limits: &Limits) -> Result<(), Error> {
        if self.headers_sent {
            return Err(Error::headers_sent());
        }
        match &op {
            Op::Set(name, value) | Op::Flash(name, value) => {
                self.check_size(std::iter::once((name, &value.0)), limits)?;
            }
            Op::Update { patch, .. } => {
                self.check_size(patch.iter().filter_map(|(name, value)| Some((name, &value.as_ref()?.0))), limits)?;
            }
            _ => {}
        }
        if let Some(view) = &mut self.view {
            view.apply(&op);
        }
        self.log.push(op);
        self.version = self.version.wrapping_add(1);
        Ok(())
    }

    /// Logs an update, unless there are too many already or the session would be too large.
    pub(super) fn push_update(&mut self, name: Option<Text>, patch: Patch, limits: &Limits) -> Result<u32, Error> {
        if self.updates.len() >= MOST_UPDATES {
            return Err(Refusal::TooManyUpdates.into());
        }
        let token = self.next_token;
        self.push(Op::Update { token, name, patch, basis: self.flow.basis() }, limits)?;
        self.next_token = token.wrapping_add(1);
        Ok(token)
    }

    /// Stores the function of a logged update.
    pub(super) fn keep(&mut self, token: u32, name: Option<Text>, function: Function) {
        self.updates.keep(Update { token, name: name.unwrap_or(WHOLE_SESSION), function });
    }

    /// Refuses changes that make the session too large. If an upper bound of the size is within the
    /// limits, the exact size is not computed.
    fn check_size<'a>(
        &mut self,
        puts: impl Iterator<Item = (&'a Text, &'a Text)> + Clone,
        limits: &Limits,
    ) -> Result<(), Error> {
        let size_of = |name: &Text, value: &Text| name.as_str().len() + value.as_str().len();
        let size: usize = puts.clone().map(|(name, value)| size_of(name, value)).sum();
        self.logged.0 += puts.clone().count();
        self.logged.1 += size;
        let entries = self.flow.entries();
        let stored = *self
            .stored_size
            .get_or_insert_with(|| entries.iter().map(|entry| size_of(&entry.name, &entry.value)).sum());
        if entries.len() + self.logged.0 <= limits.names && stored + self.logged.1 <= limits.bytes {
            return Ok(());
        }
        let view = self.view();
        let (mut count, mut size) = (view.count(), view.size() + size);
        for (name, _) in puts {
            match view.get(name) {
                Some(old) => size -= name.as_str().len() + old.value.as_str().len(),
                None => count += 1,
            }
        }
        if count > limits.names {
            return Err(Refusal::TooManyNames.into());
        }
        if size > limits.bytes { Err(Refusal::RecordTooLarge.into()) } else { Ok(()) }
    }

    /// All values that a handler sees, by name.
    fn view(&mut self) -> &mut Values {
        let (flow, log) = (&self.flow, &self.log);
        self.view.get_or_insert_with(|| {
            let mut values = Values::of(flow.entries().to_vec());
            for op in log {
                values.apply(op);
            }
            Box::new(values)
        })
    }

    /// Drops what was computed from the stored record and the log, after one of them changed.
    pub(super) fn invalidate(&mut self) {
        self.view = None;
        self.stored_size = None;
        if self.log.is_empty() {
            self.logged = (0, 0);
        }
        self.version = self.version.wrapping_add(1);
    }

    pub(super) fn before_headers(
        &mut self,
        engine: &Engine,
        failed: bool,
        now: impl FnOnce() -> Timestamp,
    ) -> FinalCommit {
        self.headers_sent = true;
        if self.stage == Stage::Unread {
            return FinalCommit::Unused;
        }
        // After a failure, only a cookie of an earlier commit may need another one.
        let may_be_due = !failed || !self.flow.set_cookies().is_empty();
        let due = || may_be_due && self.flow.record().is_some() && engine.is_touch_due(&self.flow, now());
        if self.flow.is_in_doubt() || !self.log.is_empty() || due() {
            FinalCommit::Needed
        } else {
            FinalCommit::NotNeeded
        }
    }

    /// The first `count` changes of the log are committed. Returns the functions that are not
    /// needed any more. Drop them without holding a lock.
    pub(super) fn committed(&mut self, count: usize) -> Updates {
        let count = count.min(self.log.len());
        self.log.drain(..count);
        self.removed = self.removed.wrapping_add(count);
        for op in &mut self.log {
            // An update that was logged during the commit has seen the committed values before a
            // conflict changed them.
            if let Op::Update { basis, .. } = op {
                *basis = NO_BASIS;
            }
        }
        self.invalidate();
        self.updates.retain_pending(&self.log)
    }

    /// The value under `name` that a handler sees: the stored value with this request's changes.
    pub(super) fn find(&mut self, name: &str) -> Option<VisibleValue> {
        if self.log.len() > LONG_LOG {
            let entry = self.view().get(&name.into())?;
            return Some(VisibleValue { value: entry.value.clone(), flash: entry.flash });
        }
        self.find_with(name, &self.log)
    }

    /// The stored value under `name` with these changes.
    fn find_with(&self, name: &str, log: &[Op]) -> Option<VisibleValue> {
        let stored = self.flow.entries().iter().find(|entry| entry.name.as_str() == name);
        if !log.iter().any(|op| can_change(op, name)) {
            return stored.map(|entry| VisibleValue { value: entry.value.clone(), flash: entry.flash });
        }
        let mut entries: Vec<Entry> = stored.cloned().into_iter().collect();
        log.iter().filter(|op| can_change(op, name)).for_each(|op| apply(&mut entries, op));
        let entry = entries.into_iter().find(|entry| entry.name.as_str() == name);
        entry.map(|entry| VisibleValue { value: entry.value, flash: entry.flash })
    }

    /// A mark at the end of the log. Later changes are logged after it.
    pub(super) fn mark(&self) -> usize {
        self.removed.wrapping_add(self.log.len())
    }

    /// The index of a mark in the log.
    fn index_of(&self, mark: usize) -> usize {
        mark.wrapping_sub(self.removed).min(self.log.len())
    }

    /// The value under `name` that a handler saw at a mark.
    pub(super) fn find_at(&self, name: &str, mark: usize) -> Option<VisibleValue> {
        self.find_with(name, self.log.get(..self.index_of(mark)).unwrap_or_default())
    }

    /// Whether the value under `name` at a mark is this request's own: the request has set or
    /// removed it, not only updated it.
    pub(super) fn is_own_value(&self, name: &str, mark: usize) -> bool {
        let log = self.log.get(..self.index_of(mark)).unwrap_or_default();
        log.iter().any(|op| can_change(op, name) && !matches!(op, Op::Update { .. }))
    }

    /// Removes the value under `name` as of a mark. Later changes stay.
    pub(super) fn remove_at(&mut self, name: &Text, mark: usize) {
        let index = self.index_of(mark);
        self.log.insert(index, Op::Remove(name.clone()));
        self.removed = self.removed.wrapping_sub(1);
        self.invalidate();
    }

    /// Removes this request's updates of `name` before a mark, after the stored value was taken.
    /// Returns the tokens of those updates, in order.
    pub(super) fn take_updates(&mut self, name: &Text, mark: usize) -> Vec<u32> {
        let later = self.log.split_off(self.index_of(mark));
        let mut tokens = Vec::new();
        self.log.retain(|op| match op {
            Op::Update { token, name: Some(updated), .. } if updated == name => {
                tokens.push(*token);
                false
            }
            _ => true,
        });
        self.removed = self.removed.wrapping_add(tokens.len());
        let is_touched = self.log.iter().any(|op| can_change(op, name.as_str()));
        self.log.extend(later);
        if is_touched {
            // An update of the whole session must not store the value again when it runs again.
            self.remove_at(name, mark);
        }
        self.invalidate();
        tokens
    }

    /// All values that a handler sees.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut values = Values::of(self.flow.entries().to_vec());
        for op in &self.log {
            values.apply(op);
        }
        values.into_entries()
    }

    /// The stored session, unless this request has destroyed it.
    pub(super) fn record(&self) -> Option<&Record> {
        self.flow.record().filter(|_| !self.log.contains(&Op::Destroy))
    }

    /// The stored session that this request has destroyed, before the commit.
    pub(super) fn destroyed(&self) -> Option<&Record> {
        self.flow.record().filter(|_| self.log.contains(&Op::Destroy))
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        let stored = self.flow.record().and_then(|record| record.owner.as_ref());
        self.log.iter().fold(stored, |owner, op| match op {
            Op::SetOwner(owner) => owner.as_ref(),
            Op::Destroy => None,
            _ => owner,
        })
    }

    /// Whether there is a session, or will be one after the commit.
    pub(super) fn is_live(&self) -> bool {
        self.record().is_some() || self.owner().is_some() || !self.entries().is_empty()
    }
}

/// Whether `op` can change the value under `name`.
fn can_change(op: &Op, name: &str) -> bool {
    match op {
        Op::Set(changed, _) | Op::Flash(changed, _) | Op::Remove(changed) | Op::ReadFlash(changed, _) => {
            changed.as_str() == name
        }
        Op::Update { patch, .. } => patch.iter().any(|(changed, _)| changed.as_str() == name),
        Op::Clear | Op::Destroy => true,
        _ => false,
    }
}
