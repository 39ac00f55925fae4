//! Commit: turns the log of changes into one compare-and-swap and its cookie. After a conflict it
//! starts again with the record that is stored now.

use alloc::{boxed::Box, vec::Vec};

use bytes::Bytes;

use super::{
    Engine,
    base::{Base, Live},
    flow::Call,
    flow::Flow,
    lookup::{Lookup, MOST_HOPS},
    plan::{Computed, Plan, Rotation},
    replay::Replayed,
    step::Step,
    swap::{Resolved, not_deleted},
    work::{AfterUndo, Stage, Task, Work},
};
use crate::{
    contract::{Loaded, Write},
    dialect::ChosenId,
    error::{Event, Reason, Refusal},
    id::Id,
    random::Random,
    record::Record,
    session::Op,
    text::Text,
    time::Timestamp,
};

impl Engine {
    /// Commits the changes of the request so far. With an empty log it only writes a touch that is
    /// due.
    ///
    /// `failed`: the request [failed](crate::Outcome::failed), so only a destroy in the log is
    /// carried out.
    ///
    /// # Errors
    /// A change that cannot be written. The check comes before the first write.
    pub fn commit(
        &self,
        flow: &mut Flow,
        log: Vec<Op>,
        failed: bool,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Step, Refusal> {
        flow.begin(failed)?;
        let plan = Plan::new(log, failed);
        self.check(&plan.log)?;
        // A cookie of an earlier commit is checked again before it is sent, even if the request
        // failed.
        if failed && !plan.destroy && flow.set_cookies.is_empty() {
            return Ok(Step::Done);
        }
        let step = self.proceed(&mut Call { flow, now, random }, Work::new(Task::Commit(plan)))?;
        flow.count(&step);
        Ok(step)
    }

    /// The next step of a commit. No step is outstanding.
    pub(super) fn commit_next(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
        if plan.destroy {
            return self.destroy_session(call, work);
        }
        let rotates = plan.rotation(None) > Some(Rotation::Renew);
        match (&call.flow.base, call.flow.presented.clone()) {
            (Base::Unread | Base::Unchecked(_), _) if plan.log.is_empty() => Ok(Step::Done),
            // An adopted session is not written either. A later request writes it.
            (Base::Live(live), _)
                if plan.no_activity
                    && plan.log.is_empty()
                    && work.new_record.is_none()
                    && !self.owes_cookie(call.flow, live) =>
            {
                Ok(Step::Done)
            }
            (Base::Unchecked(_), _) => self.start_revocation_check(call.flow, work),
            (Base::Unread, Some(id)) => Ok(self.start_load(call.flow, work, id)),
            (Base::Blocked, _) if !rotates => {
                if !plan.log.is_empty() {
                    call.flow.event(Event::ChangesDropped);
                }
                Ok(Step::Done)
            }
            // A store that keeps nothing after expiry drops a session that expires during the
            // request.
            (Base::Live(live), _)
                if self.policy.can().kept_after_end.is_zero()
                    && live.record.expires_at() <= call.now
                    && work.new_record.is_none() =>
            {
                self.session_ended(call, work)
            }
            (Base::Live(_), _) => self.change(call, work),
            (Base::Unread | Base::Absent | Base::Blocked, _) => self.create(call, work),
        }
    }

    /// Processes the answers to the steps of a commit.
    pub(super) fn commit_answered(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::Creating { id, record }, Resolved::Written(bytes)) => {
                self.set_live(call, Live::stored(Some(id), bytes, record), true)?;
                Ok(Step::Done)
            }
            (Stage::Creating { .. }, Resolved::Conflict(there)) => {
                self.id_is_taken(&mut work, there);
                self.proceed(call, work)
            }
            (Stage::Writing { record, sends_cookie }, Resolved::Written(bytes)) => {
                let id = call.flow.live().and_then(|live| live.id.clone()).ok_or(Refusal::OutOfOrder)?;
                self.set_live(call, Live::stored(Some(id), bytes, record), sends_cookie)?;
                Ok(Step::Done)
            }
            (Stage::Writing { .. }, Resolved::Conflict(there)) => self.conflict(call, work, there),
            (Stage::Recomputing { token, input }, Resolved::Recomputed(patch)) => {
                self.check_patch(&patch)?;
                let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
                plan.computed.retain(|known| known.token != token);
                plan.computed.push(Computed { token, input, patch });
                self.proceed(call, work)
            }
            (Stage::Adopting { record, cookies }, Resolved::Deleted) => {
                Self::set_sealed(call.flow, record, cookies);
                Ok(Step::Done)
            }
            (Stage::Adopting { .. }, Resolved::Failed(fault)) => Err(not_deleted(fault)),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// Another request wrote first. The task continues with the record that is stored now: a commit
    /// replays its log on it (`change`), and a take reads its value from it.
    pub(super) fn conflict(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        there: Option<Bytes>,
    ) -> Result<Step, Refusal> {
        let id = call.flow.live().and_then(|live| live.id.clone()).ok_or(Refusal::OutOfOrder)?;
        let there = there.map(|bytes| Loaded { bytes, expires_at: None });
        match there.map(|loaded| self.classify(call, &loaded, &id)) {
            Some(Lookup::Live(mut live)) => {
                live.keep_key_of(call.flow.live());
                call.flow.replace(Base::Live(live));
                call.flow.event(Event::Conflict);
                self.proceed(call, work)
            }
            Some(Lookup::Moved(next)) if work.hops < MOST_HOPS => {
                work.hops += 1;
                Ok(self.start_load(call.flow, work, next))
            }
            seen => {
                if let Some(Lookup::Absent(Reason::Undecodable)) = seen {
                    call.flow.refuse(Reason::Undecodable);
                }
                self.session_ended(call, work)
            }
        }
    }

    /// The new id is in use. Another id is tried, unless the app chose this id and the dialect
    /// overwrites the record.
    pub(super) fn id_is_taken(&self, work: &mut Work, there: Option<Bytes>) {
        let Task::Commit(plan) = &mut work.task else { return };
        let overwrites = plan.chosen.is_some() && self.policy.can().chosen_id == ChosenId::Overwrites;
        if overwrites { work.replaced = there } else { plan.chosen = None }
    }

    /// Creates the first record of a session under a new id.
    fn create(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
        let entries = match self.replay(plan, Vec::new(), call.flow.basis)? {
            Replayed::Entries(entries) => entries,
            Replayed::Recompute { token, input } => return Ok(start_recompute(call.flow, work, token, input)),
        };
        let mut record = self.begin(call.random, call.now)?;
        record.entries = entries;
        self.apply_to_session(&mut record, &plan.log);
        self.check_spans(&record, &plan.log, call.now)?;
        if record.entries.is_empty() && record.owner.is_none() && plan.chosen.is_none() {
            // A session without data gets no record and no cookie, unless the app chose its id.
            return Ok(Step::Done);
        }
        if self.is_sealed() {
            return self.seal(call, record);
        }
        let id = self.next_id(Some(plan), call.random)?;
        if record.handle.is_none() {
            record.handle = Some(id.derived_handle());
        }
        let write = self.write(&record, &id, call.random)?;
        self.start_swap(call.flow, work, Stage::Creating { id, record }, write)
    }

    /// The id of a new record: the app's choice, or a new random id.
    pub(super) fn next_id(&self, plan: Option<&Plan>, random: &mut dyn Random) -> Result<Id, Refusal> {
        match plan.and_then(|plan| plan.chosen.as_ref()) {
            Some(chosen) => self.policy.chosen_id(chosen.as_str()),
            None => Ok(self.policy.new_id(random.take()?)),
        }
    }

    /// Writes the changes to a live session.
    fn change(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let (Task::Commit(plan), Base::Live(live)) = (&mut work.task, &call.flow.base) else {
            return Err(Refusal::OutOfOrder);
        };
        let is_late = self.is_late(call.flow, live, call.now);
        let rotation = if plan.failed { None } else { plan.rotation_of(live) };
        let rotation = rotation.filter(|rotation| !(is_late && *rotation == Rotation::Renew));
        let due = self.is_due(call.flow, plan, &live.record, call.now);
        let owes_cookie = !is_late && self.owes_cookie(call.flow, live);
        if rotation.is_none() && work.new_record.is_some() {
            return self.undo_rotation(call, work, AfterUndo::Proceed);
        }
        if rotation.is_none() && plan.changes_nothing() && !due {
            if is_late {
                call.flow.set_cookies.clear();
            }
            return self.reload_for_cookie(call, work, owes_cookie);
        }
        let entries = match self.replay(plan, live.record.entries.clone(), call.flow.basis)? {
            Replayed::Entries(entries) => entries,
            Replayed::Recompute { token, input } => return Ok(start_recompute(call.flow, work, token, input)),
        };
        let mut record = live.record.with_entries(entries);
        if rotation == Some(Rotation::Rotate) && self.policy.can().own_spans {
            self.restart(&mut record, call.now);
        }
        let moved = self.apply_to_session(&mut record, &plan.log);
        self.check_spans(&record, &plan.log, call.now)?;
        if let Some(rotation) = rotation {
            return self.rotate(call, work, record, rotation);
        }
        let renewed = moved || due;
        if (renewed && !plan.no_activity) || self.policy.can().writes_touch {
            self.touch(&mut record, &plan.log, call.now);
        }
        if self.is_sealed() {
            let only_renews = plan.changes_nothing();
            if self.must_check_revocation(call.flow, &work) {
                return self.start_revocation_check(call.flow, work);
            }
            return match self.seal(call, record) {
                // The session was sealed under a higher limit. A request that only reads it must
                // not fail, so the session stays as it is until it expires.
                Err(Refusal::CookieTooLarge) if only_renews => Ok(Step::Done),
                sealed => sealed,
            };
        }
        let id = live.id.clone().ok_or(Refusal::OutOfOrder)?;
        let write = self.write(&record, &id, call.random)?;
        let sends_cookie = !is_late && (renewed || owes_cookie || self.policy.sends_cookie_on_write());
        if is_late {
            call.flow.set_cookies.clear();
        }
        self.start_swap(call.flow, work, Stage::Writing { record, sends_cookie }, write)
    }

    /// Nothing is to be written. A cookie of an earlier decision is sent only if its id still opens
    /// the session. A parallel login may have replaced the id, and the browser must keep the new
    /// one.
    fn reload_for_cookie(&self, call: &mut Call<'_>, mut work: Box<Work>, owes_cookie: bool) -> Result<Step, Refusal> {
        let Some(Live { id: Some(id), record, .. }) = call.flow.live().filter(|_| owes_cookie).cloned() else {
            return Ok(Step::Done);
        };
        // An eventually consistent store may still return the record from before the commit, so it
        // is not loaded.
        if !work.is_rechecked && !self.policy.is_eventual() {
            work.is_rechecked = true;
            return Ok(self.start_load(call.flow, work, id));
        }
        call.flow.set_cookies = self.id_cookies(call, &id, &record)?;
        Ok(Step::Done)
    }

    /// Seals the record into the cookie. This needs no store call.
    pub(super) fn seal(&self, call: &mut Call<'_>, record: Record) -> Result<Step, Refusal> {
        let cookies = self.sealed_cookies(call, &record)?;
        Self::set_sealed(call.flow, record, cookies);
        Ok(Step::Done)
    }

    pub(super) fn write(&self, record: &Record, id: &Id, random: &mut dyn Random) -> Result<Write, Refusal> {
        let bytes = self.encode(record, Some(id), random)?;
        Ok(Write {
            bytes,
            // A request that began while the session was live may end after it expires.
            expires_at: record.expires_at().plus(self.policy.can().kept_after_end),
            owner: record.owner.as_ref().map(|owner| self.stored_owner(owner)),
            keeps: false,
        })
    }

    /// Keeps the written session as the live session. With `sends_cookie`, its cookie is sent.
    pub(super) fn set_live(&self, call: &mut Call<'_>, mut live: Live, sends_cookie: bool) -> Result<(), Refusal> {
        let id = live.id.as_ref().ok_or(Refusal::OutOfOrder)?;
        if sends_cookie {
            call.flow.set_cookies = self.id_cookies(call, id, &live.record)?;
            call.flow.duplicates.is_duplicated = false;
        }
        live.keep_key_of(call.flow.live());
        match &mut call.flow.base {
            Base::Live(before) => **before = live,
            base => *base = Base::Live(Box::new(live)),
        }
        Ok(())
    }
}

/// Requests that the face runs the function of an update again.
fn start_recompute(flow: &mut Flow, mut work: Box<Work>, token: u32, input: Option<Text>) -> Step {
    work.stage = Stage::Recomputing { token, input: input.clone() };
    flow.work = Some(work);
    Step::Recompute { token, current: input }
}
