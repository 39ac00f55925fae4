//! The limits: checks whether a log, a value or a time span can be written.

use core::time::Duration;

use super::Engine;
use crate::{
    error::Refusal,
    json,
    policy::{SHORTEST_IDLE, idle_fits},
    record::Record,
    session::{LONGEST_NAME, MOST_UPDATES, Op, Patch},
    text::Text,
    time::Timestamp,
};

/// The most bytes of an owner or a label.
pub(super) const LONGEST_TEXT: usize = 256;

impl Engine {
    /// Refuses a log that can never be written. A commit calls this. A face calls it when the
    /// handler makes the change.
    ///
    /// # Errors
    /// The refusal of the first change that cannot be written.
    pub fn check(&self, log: &[Op]) -> Result<(), Refusal> {
        if log.iter().filter(|op| matches!(op, Op::Update { .. })).count() > MOST_UPDATES {
            return Err(Refusal::TooManyUpdates);
        }
        log.iter().try_for_each(|op| match op {
            op if !self.policy.accepts(op) => Err(Refusal::UnsupportedByDialect),
            Op::UseId(id) => self.policy.chosen_id(id.as_str()).map(|_| ()),
            Op::Set(name, value) | Op::Flash(name, value) => {
                self.check_name(name)?;
                self.check_value(value.0.as_str())
            }
            Op::Update { name, patch, .. } => {
                name.iter().try_for_each(|name| self.check_name(name))?;
                self.check_patch(patch)
            }
            Op::SetIdle(millis) if !idle_fits(Duration::from_millis(*millis)) => Err(Refusal::InvalidTimeout),
            Op::SetAbsolute(Some(millis)) if Duration::from_millis(*millis) < SHORTEST_IDLE => {
                Err(Refusal::InvalidAbsolute)
            }
            Op::SetOwner(Some(owner)) => check_text(owner.as_str()),
            _ => Ok(()),
        })
    }

    /// Refuses the result of an update if it can never be written.
    ///
    /// # Errors
    /// The refusal of the first value that cannot be written.
    pub fn check_patch(&self, patch: &Patch) -> Result<(), Refusal> {
        patch.iter().try_for_each(|(name, value)| {
            self.check_name(name)?;
            value.iter().try_for_each(|value| self.check_value(value.0.as_str()))
        })
    }

    /// Refuses an idle or absolute timeout span that another time span would cut short.
    pub(super) fn check_spans(&self, record: &Record, log: &[Op], now: Timestamp) -> Result<(), Refusal> {
        let sets_one = log.iter().any(|op| matches!(op, Op::SetIdle(_) | Op::SetAbsolute(_)));
        if !sets_one || !self.policy.can().own_spans {
            return Ok(());
        }
        let (idle, absolute) = (record.idle, record.deadline.map(|deadline| deadline.since(record.created)));
        match absolute {
            Some(absolute) if absolute < idle => Err(Refusal::IdleBeyondAbsolute { idle, absolute }),
            Some(absolute) if record.created.plus(absolute) <= now => Err(Refusal::InvalidAbsolute),
            // Revocations are kept for the configured absolute timeout, because the absolute timeout of a
            // successor is unknown.
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

fn check_text(text: &str) -> Result<(), Refusal> {
    if (1..=LONGEST_TEXT).contains(&text.len()) { Ok(()) } else { Err(Refusal::InvalidOwner) }
}
