//! What one request knows of its session and did to it.

use http::{HeaderMap, HeaderValue, header};
use okibi_core::{Engine, Entry, Flow, Op, Owner, Patch, Record, Text, Timestamp, apply};

use super::updates::{Function, Update, Updates};
use crate::Error;

/// Stands for a name where an update reads the whole session.
const WHOLE: Text = Text::from_static("");

/// What one request knows of its session and did to it.
pub(super) struct State {
    cookies: Cookies,
    stage: Stage,
    pub(super) flow: Flow,
    /// The changes that are not committed yet.
    pub(super) log: Vec<Op>,
    /// The functions of the log's updates.
    pub(super) updates: Updates,
    next_token: u32,
    /// Counts changes of what a handler sees, so that an update notices one.
    pub(super) version: u32,
    /// Someone looked at the session or changed it.
    pub(super) accessed: bool,
    /// The head has left, or is about to: no more changes.
    pub(super) closed: bool,
    /// A commit is under way, was abandoned, or its outcome is unknown.
    pub(super) in_doubt: bool,
}

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
            log: Vec::new(),
            updates: Updates::default(),
            next_token: 0,
            version: 0,
            accessed: false,
            closed: false,
            in_doubt: false,
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
    }

    /// Logs a change.
    pub(super) fn push(&mut self, op: Op) -> Result<(), Error> {
        if self.closed {
            return Err(Error::head_sent());
        }
        self.log.push(op);
        self.version = self.version.wrapping_add(1);
        Ok(())
    }

    /// Logs an update with the function that made it.
    pub(super) fn push_update(&mut self, name: Option<Text>, patch: Patch, function: Function) {
        let token = self.next_token;
        self.log.push(Op::Update { token, name: name.clone(), patch, basis: self.flow.basis() });
        self.next_token = token.wrapping_add(1);
        self.version = self.version.wrapping_add(1);
        self.updates.keep(Update { token, name: name.unwrap_or(WHOLE), function });
    }

    pub(super) fn close(&mut self, engine: &Engine, failed: bool, now: impl FnOnce() -> Timestamp) -> Closing {
        self.closed = true;
        if self.stage == Stage::Asleep {
            return Closing::Untouched;
        }
        // After a failure only a cookie is left to be looked at again that an earlier commit decided.
        let may_be_due = !failed || !self.flow.set_cookies().is_empty();
        let due = || may_be_due && self.flow.record().is_some() && engine.is_renewal_due(&self.flow, now());
        if self.in_doubt || !self.log.is_empty() || due() { Closing::Commit } else { Closing::Clean }
    }

    /// The first `count` changes of the log are committed. Returns the functions that are not needed any more, to be
    /// dropped where no lock is held.
    pub(super) fn committed(&mut self, count: usize) -> Updates {
        self.log.drain(..count.min(self.log.len()));
        self.version = self.version.wrapping_add(1);
        self.updates.retire(&self.log)
    }

    /// What a handler sees under `name`: the stored value under this request's own changes.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let stored = self.flow.entries().iter().find(|entry| entry.name.as_str() == name);
        if !self.touched(name) {
            return stored.map(|entry| Found { value: entry.value.clone(), flash: entry.flash });
        }
        let mut entries: Vec<Entry> = stored.cloned().into_iter().collect();
        self.log.iter().filter(|op| touches(op, name)).for_each(|op| apply(&mut entries, op));
        let entry = entries.into_iter().find(|entry| entry.name.as_str() == name);
        entry.map(|entry| Found { value: entry.value, flash: entry.flash })
    }

    /// Whether the log changes `name`.
    pub(super) fn touched(&self, name: &str) -> bool {
        self.log.iter().any(|op| touches(op, name))
    }

    /// All that a handler sees.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.flow.entries().to_vec();
        self.log.iter().for_each(|op| apply(&mut entries, op));
        entries
    }

    /// The stored session, unless this request ended it.
    pub(super) fn record(&self) -> Option<&Record> {
        self.flow.record().filter(|_| !self.log.contains(&Op::Destroy))
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
