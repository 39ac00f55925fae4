//! Replay: applies the log of changes to the current record.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{Engine, check::LONGEST_TEXT, plan::Plan};
use crate::{
    error::Refusal,
    id::{Handle, Id},
    random::Random,
    record::{Entry, Limits, Record},
    session::{Op, Values, input},
    text::Text,
    time::Timestamp,
};

/// The result of a replay.
pub(super) enum Replayed {
    Entries(Vec<Entry>),
    /// The update has a new input, so its function must run again.
    Recompute {
        token: u32,
        input: Option<Text>,
    },
}

impl Engine {
    /// The limits of a record.
    pub const fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// Replays the plan's changes of named values on `entries`, which belong to the flow's `basis`.
    /// The limits are checked after every change, so a long log costs no more than the largest
    /// record.
    pub(super) fn replay(&self, plan: &mut Plan, entries: Vec<Entry>, basis: u32) -> Result<Replayed, Refusal> {
        let Plan { log, computed, .. } = plan;
        let mut values = Values::of(entries);
        for op in log.iter() {
            match op {
                // The update saw the current values, and no earlier update in the log has a new
                // result.
                Op::Update { basis: seen, .. } if *seen == basis && computed.is_empty() => values.apply(op),
                Op::Update { token, name, .. } => {
                    let input = match name {
                        Some(name) => values.get(name).map(|entry| entry.value.clone()),
                        None => input(&values.clone().into_entries(), None),
                    };
                    match computed.iter().find(|known| known.token == *token) {
                        Some(known) if known.input == input => values.apply_patch(&known.patch),
                        _ => return Ok(Replayed::Recompute { token: *token, input }),
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

    /// A record of a session that begins now.
    pub(super) fn begin(&self, random: &mut dyn Random, now: Timestamp) -> Result<Record, Refusal> {
        let handle = if self.policy.can().own_handles { Some(Handle::from_bytes(random.take()?)) } else { None };
        Ok(Record {
            handle,
            created: now,
            last_active: now,
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

    /// The bytes of the record, if they are within the limits.
    pub(super) fn encode(&self, record: &Record, id: Option<&Id>, random: &mut dyn Random) -> Result<Bytes, Refusal> {
        let bytes = self.policy.encode(record, id, random.take()?)?;
        if bytes.len() > self.policy.limits.bytes { Err(Refusal::RecordTooLarge) } else { Ok(bytes) }
    }

    /// Applies the changes of the session itself, not of its values. Returns whether the session's
    /// lifetime changed.
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
                // With an idle timeout, the activity of this write already sets the end.
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

    /// The idle and the absolute timeout start again. If the session has its own absolute timeout, that
    /// is used.
    pub(super) fn restart(&self, record: &mut Record, now: Timestamp) {
        let own = record.absolute.map(|absolute| Some(absolute).filter(|absolute| !absolute.is_zero()));
        record.created = now;
        record.deadline = own.unwrap_or(self.policy.lifetime.absolute).map(|absolute| now.plus(absolute));
    }
}

/// A label as it is stored: at most 256 bytes, cut at a character; an empty label is no label. Apps
/// often store the User-Agent header in it, and a long one must not fail a login.
fn cut_label(label: &Text) -> Option<Text> {
    let text = label.as_str();
    match text.floor_char_boundary(LONGEST_TEXT) {
        0 => None,
        end if end == text.len() => Some(label.clone()),
        end => text.get(..end).map(Text::from),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use alloc::{format, vec::Vec};

    use super::{super::flow::Flow, Engine};
    use crate::{
        error::Refusal,
        log::parse_log,
        policy::config::Config,
        random::{RANDOM_BYTES, RandomBytes},
        record::Limits,
        session::{Json, Op},
        text::{Text, comparisons},
        time::Timestamp,
    };

    fn set(number: usize) -> Op {
        Op::Set(Text::from(format!("name {number}")), Json(Text::from("1")))
    }

    /// The number of name comparisons that a commit of this log takes, and its refusal.
    fn commit(engine: &Engine, log: Vec<Op>) -> (usize, Option<Refusal>) {
        let mut refused = None;
        let comparisons = comparisons::of(|| {
            let random = &mut RandomBytes(&[7; RANDOM_BYTES]);
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
    fn m10_a_refused_log_costs_no_more_than_one_that_fits() {
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
