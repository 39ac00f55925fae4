//! Take: atomically removes and returns a stored value. Of concurrent requests exactly one gets it.

use alloc::boxed::Box;

use super::{
    Engine,
    base::{Base, Live},
    flow::Call,
    flow::Flow,
    plan::Rotation,
    step::Step,
    swap::Resolved,
    work::{AfterUndo, Stage, Task, Work},
};
use crate::{contract::Consistency, error::Refusal, random::Random, text::Text, time::Timestamp};

impl Engine {
    /// Removes the value under `name` from the stored session. If this request gets it,
    /// [`Flow::taken`] returns it afterwards.
    ///
    /// The request's own log must not change this name. The face returns such a value itself.
    ///
    /// # Errors
    /// [`Refusal::UnsupportedByStore`] if two requests could get the value,
    /// [`Refusal::StoreUnknown`] for a session in doubt.
    pub fn take(&self, flow: &mut Flow, name: Text, now: Timestamp, random: &mut dyn Random) -> Result<Step, Refusal> {
        self.may_take()?;
        flow.begin(false)?;
        flow.taken = None;
        let step = self.proceed(&mut Call { flow, now, random }, Work::new(Task::Take(name)))?;
        flow.count(&step);
        Ok(step)
    }

    /// Whether `take` is supported.
    ///
    /// # Errors
    /// [`Refusal::UnsupportedByStore`] for a sealed cookie and for a store without
    /// compare-and-swap.
    pub fn may_take(&self) -> Result<(), Refusal> {
        let swaps = !self.is_sealed() && self.policy.consistency == Consistency::Strong;
        if swaps { Ok(()) } else { Err(Refusal::UnsupportedByStore) }
    }

    /// Processes the answer to the swap.
    pub(super) fn take_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::Taking { record, value }, Resolved::Written(bytes)) => {
                let id = call.flow.live().and_then(|live| live.id.clone()).ok_or(Refusal::OutOfOrder)?;
                self.set_live(call, Live::stored(Some(id), bytes, record), false)?;
                call.flow.basis = call.flow.basis.wrapping_add(1);
                call.flow.taken = Some(value);
                Ok(Step::Done)
            }
            (_, Resolved::Conflict(there)) => self.conflict(call, work, there),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    pub(super) fn take_next(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        let Task::Take(name) = &work.task else { return Err(Refusal::OutOfOrder) };
        let live = match (&call.flow.base, call.flow.presented.clone()) {
            (Base::Live(live), _) => live,
            (Base::Unread, Some(id)) => return Ok(self.start_load(call.flow, work, id)),
            _ => return Ok(Step::Done),
        };
        if live.adopted {
            // An adopted session is written in this dialect first. Then one request takes the
            // value.
            let record = live.record.clone();
            return self.rotate(call, work, record, Rotation::Renew);
        }
        if work.new_record.is_some() {
            return self.undo_rotation(call, work, AfterUndo::Proceed);
        }
        let Some(value) = live.record.get(name.as_str()).map(|entry| entry.value.clone()) else {
            return Ok(Step::Done);
        };
        let entries = live.record.entries.iter().filter(|entry| entry.name != *name).cloned().collect();
        let record = live.record.with_entries(entries);
        let id = live.id.clone().ok_or(Refusal::OutOfOrder)?;
        let write = self.write(&record, &id, call.random)?;
        self.start_swap(call.flow, work, Stage::Taking { record, value }, write)
    }
}
