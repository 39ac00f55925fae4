//! Replay: the log of changes on whatever record is current.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{Engine, close::Plan};
use crate::{
    error::Refusal,
    id::{Handle, Id},
    json,
    policy::{SHORTEST_IDLE, idle_fits},
    random::Random,
    record::{Entry, Limits, Record},
    session::{LONGEST_NAME, MOST_UPDATES, Op, Patch, Values, input},
    state::fields,
    text::Text,
    time::Timestamp,
};

const LONGEST_TEXT: usize = 256;

/// What an update made of what it read. It counts for as long as the update reads the same.
#[derive(Clone)]
pub(super) struct Computed {
    pub(super) token: u32,
    pub(super) input: Option<Text>,
    pub(super) patch: Patch,
}

fields!(Computed { token, input, patch });

/// What came of a replay.
pub(super) enum Replayed {
    Entries(Vec<Entry>),
    /// This update reads something new and must be asked again.
    Ask {
        token: u32,
        input: Option<Text>,
    },
}

impl Engine {
    /// What a record may be at most.
    pub const fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// Replays the plan's changes of named values on `entries`, which are those of the flow's `basis`. The limits hold after every
    /// change, so that a long log costs no more than the record that it could make.
    pub(super) fn replay(&self, plan: &mut Plan, entries: Vec<Entry>, basis: u32) -> Result<Replayed, Refusal> {
        let Plan { log, computed, .. } = plan;
        let mut values = Values::of(entries);
        for op in log.iter() {
            match op {
                // It saw what is there, and nothing before it in the log came out otherwise than the request saw it.
                Op::Update { basis: seen, .. } if *seen == basis && computed.is_empty() => values.apply(op),
                Op::Update { token, name, .. } => {
                    let input = match name {
                        Some(name) => values.get(name).map(|entry| entry.value.clone()),
                        None => input(&values.clone().into_entries(), None),
                    };
                    match computed.iter().find(|known| known.token == *token) {
                        Some(known) if known.input == input => values.apply_patch(&known.patch),
                        _ => return Ok(Replayed::Ask { token: *token, input }),
                    }
                }
                _ => values.apply(op),
            }
            if values.count() > self.policy.limits.names {
                return Err(Refusal::TooManyNames);
            }
            if values.size() > self.policy.limits.bytes {
                return Err(Refusal::RecordTooLarge);
            }
        }
        Ok(Replayed::Entries(values.into_entries()))
    }

    /// A session that begins now.
    pub(super) fn begin(&self, random: &mut Random, now: Timestamp) -> Result<Record, Refusal> {
        let handle = if self.policy.can().own_handles { Some(Handle::from_bytes(random.take()?)) } else { None };
        Ok(Record {
            handle,
            created: now,
            active: now,
            idle: self.policy.lifetime.idle,
            deadline: self.policy.lifetime.absolute.map(|absolute| now.plus(absolute)),
            absolute: None,
            persistent: self.policy.persistent,
            owner: None,
            label: None,
            entries: Vec::new(),
            unknown: Vec::new(),
        })
    }

    /// The record's bytes, if it is within the limits.
    pub(super) fn encode(&self, record: &Record, id: Option<&Id>, random: &mut Random) -> Result<Bytes, Refusal> {
        let bytes = self.policy.encode(record, id, random.take()?)?;
        if bytes.len() > self.policy.limits.bytes { Err(Refusal::RecordTooLarge) } else { Ok(bytes) }
    }

    /// Refuses a log that could never be written. A commit asks this too; a face asks it where the change is made.
    ///
    /// # Errors
    /// What is wrong with the first change that could not be written.
    pub fn check(&self, log: &[Op]) -> Result<(), Refusal> {
        if log.iter().filter(|op| matches!(op, Op::Update { .. })).count() > MOST_UPDATES {
            return Err(Refusal::TooManyUpdates);
        }
        log.iter().try_for_each(|op| match op {
            op if !self.policy.accepts(op) => Err(Refusal::NotInDialect),
            Op::UseId(id) => self.policy.chosen_id(id.as_str()).map(|_| ()),
            Op::Set(name, value) | Op::Flash(name, value) => {
                self.check_name(name)?;
                self.check_value(value.0.as_str())
            }
            Op::Update { name, patch, .. } => {
                name.iter().try_for_each(|name| self.check_name(name))?;
                self.check_patch(patch)
            }
            Op::SetIdle(millis) if !idle_fits(Duration::from_millis(*millis)) => Err(Refusal::InvalidSpan),
            Op::SetAbsolute(Some(millis)) if Duration::from_millis(*millis) < SHORTEST_IDLE => {
                Err(Refusal::InvalidAbsolute)
            }
            Op::SetOwner(Some(owner)) => check_text(owner.as_str()),
            _ => Ok(()),
        })
    }

    /// Refuses what an update made if it could never be written.
    ///
    /// # Errors
    /// What is wrong with the first value that could not be written.
    pub fn check_patch(&self, patch: &Patch) -> Result<(), Refusal> {
        patch.iter().try_for_each(|(name, value)| {
            self.check_name(name)?;
            value.iter().try_for_each(|value| self.check_value(value.0.as_str()))
        })
    }

    /// Applies what the log says of the session itself; whether it moved the session's lifetime.
    pub(super) fn apply_to_session(&self, record: &mut Record, log: &[Op]) -> bool {
        let mut moved = false;
        for op in log {
            match op {
                Op::SetIdle(millis) => {
                    record.idle = Duration::from_millis(*millis).max(self.policy.can().shortest_idle);
                    moved = true;
                }
                Op::SetAbsolute(absolute) => {
                    let absolute = absolute.map(Duration::from_millis);
                    record.absolute = Some(absolute.unwrap_or_default());
                    record.deadline = absolute.map(|absolute| record.created.plus(absolute));
                    moved = true;
                }
                Op::SetPersistent(persistent) => {
                    record.persistent = *persistent;
                    moved = true;
                }
                // Where there is a span, the activity of this very change sets the end anew.
                Op::SetDeadline(deadline) if self.policy.lifetime.idle == Duration::MAX => {
                    record.deadline = deadline.map(Timestamp::from_millis);
                    moved = true;
                }
                Op::SetOwner(owner) => record.owner.clone_from(owner),
                Op::SetLabel(label) => record.label = label.as_ref().and_then(cut_label),
                _ => {}
            }
        }
        moved
    }

    /// Both clocks start anew. A session that was given an absolute span for itself keeps that.
    pub(super) fn restart(&self, record: &mut Record, now: Timestamp) {
        let own = record.absolute.map(|absolute| Some(absolute).filter(|absolute| !absolute.is_zero()));
        record.created = now;
        record.deadline = own.unwrap_or(self.policy.lifetime.absolute).map(|absolute| now.plus(absolute));
    }

    /// Refuses a span that another one would cut off in silence.
    pub(super) fn check_spans(&self, record: &Record, log: &[Op], now: Timestamp) -> Result<(), Refusal> {
        let sets_one = log.iter().any(|op| matches!(op, Op::SetIdle(_) | Op::SetAbsolute(_)));
        if !sets_one || !self.policy.can().two_clocks {
            return Ok(());
        }
        let (idle, absolute) = (record.idle, record.deadline.map(|deadline| deadline.since(record.created)));
        match absolute {
            Some(absolute) if absolute < idle => Err(Refusal::IdleBeyondAbsolute { idle, absolute }),
            Some(absolute) if record.created.plus(absolute) <= now => Err(Refusal::InvalidAbsolute),
            // Notes of ends are kept for the configured span, and nobody who follows a rotation knows another.
            absolute
                if self.policy.revocations && absolute.is_none_or(|own| Some(own) > self.policy.lifetime.absolute) =>
            {
                Err(Refusal::AbsoluteBeyondNotes)
            }
            _ => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "sibling of check_value")]
    fn check_name(&self, name: &Text) -> Result<(), Refusal> {
        if name.as_str().len() > LONGEST_NAME { Err(Refusal::InvalidName) } else { Ok(()) }
    }

    fn check_value(&self, value: &str) -> Result<(), Refusal> {
        if json::is_value(value, self.policy.limits.depth) { Ok(()) } else { Err(Refusal::InvalidValue) }
    }
}

/// A label as it is kept: at most 256 bytes, cut at a character; an empty one is none. Apps put into it what a browser
/// says of itself, and that never fails a login.
fn cut_label(label: &Text) -> Option<Text> {
    let text = label.as_str();
    match text.floor_char_boundary(LONGEST_TEXT) {
        0 => None,
        end if end == text.len() => Some(label.clone()),
        end => text.get(..end).map(Text::from),
    }
}

fn check_text(text: &str) -> Result<(), Refusal> {
    if (1..=LONGEST_TEXT).contains(&text.len()) { Ok(()) } else { Err(Refusal::InvalidText) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use alloc::{format, vec::Vec};

    use super::{super::flow::Flow, Engine, Random};
    use crate::{
        error::Refusal,
        log::parse_log,
        policy::Config,
        random::RANDOM_BYTES,
        record::Limits,
        session::{Json, Op},
        text::{Text, work},
        time::Timestamp,
    };

    fn set(number: usize) -> Op {
        Op::Set(Text::from(format!("name {number}")), Json(Text::from("1")))
    }

    /// How many names are compared to commit this log, and what came of it.
    fn commit(engine: &Engine, log: Vec<Op>) -> (usize, Option<Refusal>) {
        let mut refused = None;
        let comparisons = work::of(|| {
            let random = &mut Random::new([7; RANDOM_BYTES]);
            let now = Timestamp::from_millis(1_700_000_000_000);
            refused = engine.commit(&mut Flow::default(), log, false, now, random).err();
        });
        (comparisons, refused)
    }

    #[test]
    fn m10_ten_times_the_changes_take_about_ten_times_the_work() {
        let limits = Limits { bytes: 16 * 1024 * 1024, names: 65_536, depth: 32 };
        let engine = Engine::new(Config { limits, ..Config::default() }).unwrap();
        let shapes: [fn(usize) -> Vec<Op>; 4] = [
            |n| (0..n).map(set).collect(),
            |n| (0..n).map(|number| set(number % 7)).collect(),
            |n| (0..n).flat_map(|number| [set(number), Op::Remove(Text::from(format!("name {number}")))]).collect(),
            |n| {
                let flash = |number| {
                    parse_log(format!(r#"[{{"flash":["{number}",1]}},{{"read_flash":["{number}",1]}}]"#).as_bytes())
                };
                (0..n).filter_map(flash).flatten().collect()
            },
        ];
        for (index, shape) in shapes.into_iter().enumerate() {
            let (few, refused) = commit(&engine, shape(2_000));
            assert_eq!(refused, None);
            let (many, refused) = commit(&engine, shape(20_000));
            assert_eq!(refused, None);
            assert!(many < 20 * few, "{index}: {few} comparisons, then {many}");
        }
    }

    #[test]
    fn m10_what_is_refused_costs_no_more_than_what_would_fit() {
        let engine = Engine::new(Config::default()).unwrap();
        let (fits, refused) = commit(&engine, (0..1_024).map(set).collect());
        assert_eq!(refused, None);
        let (too_many, refused) = commit(&engine, (0..100_000).map(set).collect());
        assert_eq!(refused, Some(Refusal::TooManyNames));
        assert!(too_many < 2 * fits, "{fits} comparisons, then {too_many}");
        let patch = Vec::new();
        let update = |token| Op::Update { token, name: None, patch: patch.clone(), basis: 0 };
        assert_eq!(commit(&engine, (0..1_025).map(update).collect()).1, Some(Refusal::TooManyUpdates));
        let large = Op::Set(Text::from("a"), Json(Text::from(format!("\"{}\"", "x".repeat(70_000)))));
        assert_eq!(commit(&engine, [large, Op::Clear].into()).1, Some(Refusal::RecordTooLarge));
    }
}
