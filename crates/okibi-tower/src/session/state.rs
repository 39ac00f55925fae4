//! What one request knows of its session and did to it.

use http::{HeaderMap, HeaderValue, header};
use okibi_core::{
    Engine, Entry, Flow, Limits, MOST_UPDATES, Op, Owner, Patch, Record, Refusal, Text, Timestamp, Values, apply,
};

use super::updates::{Function, Update, Updates};
use crate::Error;

/// Stands for a name where an update reads the whole session.
const WHOLE: Text = Text::from_static("");

/// The basis of an update that saw no session that there is, so it runs again.
const NO_BASIS: u32 = u32::MAX;

/// What one request knows of its session and did to it.
#[expect(clippy::struct_excessive_bools, reason = "facts of one request, each independent of the others")]
pub(super) struct State {
    cookies: Cookies,
    stage: Stage,
    pub(super) flow: Flow,
    /// The cookies that other sessions inside have sent.
    pub(super) sent_inside: Vec<String>,
    /// The changes that are not committed yet.
    pub(super) log: Vec<Op>,
    /// How many changes left the log, less those that were put between others: a place in it stays findable.
    left: usize,
    /// The functions of the log's updates.
    pub(super) updates: Updates,
    next_token: u32,
    /// What a handler sees, once the log is too long to be gone through each time.
    view: Option<Box<Values>>,
    /// The names that the log puts values under and the bytes of both, each counted as often as it occurs.
    logged: (usize, usize),
    /// The bytes of the stored names and values, once somebody asked.
    stored_size: Option<usize>,
    /// Counts changes of what a handler sees, so that an update notices one.
    pub(super) version: u32,
    /// Someone looked at the session or changed it.
    pub(super) accessed: bool,
    /// What was looked at was a live session.
    pub(super) saw_live: bool,
    /// The request is no activity.
    pub(super) is_quiet: bool,
    /// The head has left, or is about to: no more changes.
    pub(super) closed: bool,
}

/// A log longer than this is not gone through for each question.
const LONG: usize = 32;

/// How far the session was looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asleep,
    Opened,
    Loaded,
}

/// What lies under a name, as a handler sees it.
#[derive(PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: Text,
    pub(super) flash: bool,
}

/// What is left to do before the head leaves.
pub(crate) enum Closing {
    /// Nobody asked for the session.
    Untouched,
    /// Nothing is to be written.
    Clean,
    /// Something may have to be.
    Commit,
}

/// The request's Cookie headers. There is nearly always one at most.
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

impl State {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        Self {
            cookies: Cookies::of(headers),
            stage: Stage::Asleep,
            flow: Flow::default(),
            sent_inside: Vec::new(),
            log: Vec::new(),
            left: 0,
            updates: Updates::default(),
            next_token: 0,
            view: None,
            logged: (0, 0),
            stored_size: None,
            version: 0,
            accessed: false,
            saw_live: false,
            is_quiet: false,
            closed: false,
        }
    }

    /// Reads the cookies, the first time that someone asks for the session.
    pub(super) fn open(&mut self, engine: &Engine, now: Timestamp) {
        if self.stage == Stage::Asleep {
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
        self.renewed();
    }

    /// Logs a change, unless the session would be too large with it.
    pub(super) fn push(&mut self, op: Op, limits: &Limits) -> Result<(), Error> {
        if self.closed {
            return Err(Error::headers_sent());
        }
        match &op {
            Op::Set(name, value) | Op::Flash(name, value) => {
                self.make_room(std::iter::once((name, &value.0)), limits)?;
            }
            Op::Update { patch, .. } => {
                self.make_room(patch.iter().filter_map(|(name, value)| Some((name, &value.as_ref()?.0))), limits)?;
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

    /// Keeps the function of an update that was logged.
    pub(super) fn keep(&mut self, token: u32, name: Option<Text>, function: Function) {
        self.updates.keep(Update { token, name: name.unwrap_or(WHOLE), function });
    }

    /// Refuses what would make the session too large. Most are so small that nothing need be counted exactly.
    fn make_room<'a>(
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

    /// All that a handler sees, by name.
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

    /// What is stored, or which changes are still to be committed, is another now.
    pub(super) fn renewed(&mut self) {
        self.view = None;
        self.stored_size = None;
        if self.log.is_empty() {
            self.logged = (0, 0);
        }
        self.version = self.version.wrapping_add(1);
    }

    pub(super) fn close(&mut self, engine: &Engine, failed: bool, now: impl FnOnce() -> Timestamp) -> Closing {
        self.closed = true;
        if self.stage == Stage::Asleep {
            return Closing::Untouched;
        }
        // After a failure only a cookie is left to be looked at again that an earlier commit decided.
        let may_be_due = !failed || !self.flow.set_cookies().is_empty();
        let due = || may_be_due && self.flow.record().is_some() && engine.is_touch_due(&self.flow, now());
        if self.flow.is_in_doubt() || !self.log.is_empty() || due() { Closing::Commit } else { Closing::Clean }
    }

    /// The first `count` changes of the log are committed. Returns the functions that are not needed any more, to be
    /// dropped where no lock is held.
    pub(super) fn committed(&mut self, count: usize) -> Updates {
        let count = count.min(self.log.len());
        self.log.drain(..count);
        self.left = self.left.wrapping_add(count);
        for op in &mut self.log {
            // What came while the commit was under way saw the committed changes as they were before a conflict.
            if let Op::Update { basis, .. } = op {
                *basis = NO_BASIS;
            }
        }
        self.renewed();
        self.updates.retire(&self.log)
    }

    /// What a handler sees under `name`: the stored value under this request's own changes.
    pub(super) fn find(&mut self, name: &str) -> Option<Found> {
        if self.log.len() > LONG {
            let entry = self.view().get(&name.into())?;
            return Some(Found { value: entry.value.clone(), flash: entry.flash });
        }
        self.find_with(name, &self.log)
    }

    /// The stored value under `name`, under these changes.
    fn find_with(&self, name: &str, log: &[Op]) -> Option<Found> {
        let stored = self.flow.entries().iter().find(|entry| entry.name.as_str() == name);
        if !log.iter().any(|op| touches(op, name)) {
            return stored.map(|entry| Found { value: entry.value.clone(), flash: entry.flash });
        }
        let mut entries: Vec<Entry> = stored.cloned().into_iter().collect();
        log.iter().filter(|op| touches(op, name)).for_each(|op| apply(&mut entries, op));
        let entry = entries.into_iter().find(|entry| entry.name.as_str() == name);
        entry.map(|entry| Found { value: entry.value, flash: entry.flash })
    }

    /// The end of the log now. What is changed from here on is later than this mark.
    pub(super) fn mark(&self) -> usize {
        self.left.wrapping_add(self.log.len())
    }

    /// Where a mark lies in the log by now.
    fn place(&self, mark: usize) -> usize {
        mark.wrapping_sub(self.left).min(self.log.len())
    }

    /// What a handler saw under `name` at a mark.
    pub(super) fn find_at(&self, name: &str, mark: usize) -> Option<Found> {
        self.find_with(name, self.log.get(..self.place(mark)).unwrap_or_default())
    }

    /// Whether what was under `name` at a mark is this request's own: it set it or took it away. What it only updated is not.
    pub(super) fn is_own(&self, name: &str, mark: usize) -> bool {
        let log = self.log.get(..self.place(mark)).unwrap_or_default();
        log.iter().any(|op| touches(op, name) && !matches!(op, Op::Update { .. }))
    }

    /// Removes what was under `name` at a mark. What was changed later stays.
    pub(super) fn remove_at(&mut self, name: &Text, mark: usize) {
        let place = self.place(mark);
        self.log.insert(place, Op::Remove(name.clone()));
        self.left = self.left.wrapping_sub(1);
        self.renewed();
    }

    /// The stored value under `name` was taken: the updates of it that this request made before a mark are over with that.
    /// Returns those of this one name, in order.
    pub(super) fn take_updates(&mut self, name: &Text, mark: usize) -> Vec<u32> {
        let later = self.log.split_off(self.place(mark));
        let mut tokens = Vec::new();
        self.log.retain(|op| match op {
            Op::Update { token, name: Some(updated), .. } if updated == name => {
                tokens.push(*token);
                false
            }
            _ => true,
        });
        self.left = self.left.wrapping_add(tokens.len());
        let is_touched = self.log.iter().any(|op| touches(op, name.as_str()));
        self.log.extend(later);
        if is_touched {
            // An update of the whole session must not put it back when it runs again.
            self.remove_at(name, mark);
        }
        self.renewed();
        tokens
    }

    /// All that a handler sees.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut values = Values::of(self.flow.entries().to_vec());
        for op in &self.log {
            values.apply(op);
        }
        values.into_entries()
    }

    /// The stored session, unless this request ended it.
    pub(super) fn record(&self) -> Option<&Record> {
        self.flow.record().filter(|_| !self.log.contains(&Op::Destroy))
    }

    /// The stored session that this request ended and has not committed yet.
    pub(super) fn ended(&self) -> Option<&Record> {
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

/// Whether `op` can change what lies under `name`.
fn touches(op: &Op, name: &str) -> bool {
    match op {
        Op::Set(changed, _) | Op::Flash(changed, _) | Op::Remove(changed) | Op::ReadFlash(changed, _) => {
            changed.as_str() == name
        }
        Op::Update { patch, .. } => patch.iter().any(|(changed, _)| changed.as_str() == name),
        Op::Clear | Op::Destroy => true,
        _ => false,
    }
}
