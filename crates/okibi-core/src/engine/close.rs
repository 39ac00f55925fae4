//! Close: from the log of changes to one compare-and-swap, and the cookie that goes with it.

use alloc::{boxed::Box, string::String, vec::Vec};

use bytes::Bytes;

use super::{
    Engine,
    flow::{Base, Flow, Live, Stage, Step, Task, Work},
    replay::{Computed, Replayed},
    rotate::Rotation,
};
use crate::{
    cookie::chunk,
    error::{Event, Refusal},
    exchange::Write,
    id::{Id, Owner},
    random::Random,
    record::Record,
    session::Op,
    state::fields,
    text::Text,
    time::Timestamp,
};

/// What a log amounts to.
#[derive(Clone)]
pub(super) struct Plan {
    /// The session ends first; the rest begins another.
    pub(super) destroy: bool,
    pub(super) rotation: Option<Rotation>,
    /// The request is no activity.
    pub(super) is_quiet: bool,
    /// The changes after the last destroy.
    pub(super) log: Vec<Op>,
    pub(super) computed: Vec<Computed>,
    /// The id that the app chose for the next new record.
    pub(super) chosen: Option<Text>,
    /// The request failed: nothing but a destroy is written.
    pub(super) failed: bool,
}

fields!(Plan { destroy, rotation, is_quiet, log, computed, chosen, failed });

impl Plan {
    /// `failed`: the request failed, so only a destroy is carried out.
    fn new(mut log: Vec<Op>, failed: bool) -> Self {
        let is_quiet = log.contains(&Op::NoActivity);
        log.retain(|op| *op != Op::NoActivity);
        let end = log.iter().rposition(|op| *op == Op::Destroy);
        if let Some(end) = end {
            log.drain(..=end);
        }
        if failed {
            log.clear();
        }
        let rotation = log.iter().filter_map(Rotation::asked_by).max();
        let chosen = log.iter().rev().find_map(|op| if let Op::UseId(id) = op { Some(id.clone()) } else { None });
        Self { destroy: end.is_some(), rotation, is_quiet, log, computed: Vec::new(), chosen, failed }
    }

    /// How a live session moves: as the log asks, and always when it comes from elsewhere or the app chose another id.
    fn rotation_of(&self, live: &Live) -> Option<Rotation> {
        let by_log = self.rotation(live.record.owner.as_ref());
        let chosen = self.chosen.as_ref().zip(live.id.as_ref());
        let by_id = chosen.filter(|(chosen, id)| chosen.as_str().as_bytes() != id.as_bytes()).map(|_| Rotation::Anew);
        let by_adoption = live.adopted.then_some(Rotation::Renewed);
        let rotation = by_log.max(by_id).max(by_adoption);
        rotation.filter(|rotation| !(live.followed && *rotation == Rotation::Renewed))
    }

    /// Whether nothing in the log changes what is stored.
    fn changes_nothing(&self) -> bool {
        self.log.iter().all(|op| matches!(op, Op::Touch | Op::UseId(_)))
    }

    fn touches(&self) -> bool {
        self.log.contains(&Op::Touch)
    }

    /// How a session that is `owner`'s moves: as the log asks, and always when it gets another owner (S18).
    pub(super) fn rotation(&self, owner: Option<&Owner>) -> Option<Rotation> {
        let changed = self.log.iter().rev().find_map(|op| match op {
            Op::SetOwner(new) => Some(new.as_ref() != owner),
            _ => None,
        });
        let by_owner = changed.filter(|changed| *changed).map(|_| Rotation::Anew);
        self.rotation.max(by_owner)
    }
}

/// Whether an answer with this status is that of a failed request, whose changes are dropped: 5xx, 408 (a timeout cut the
/// handler off) and 499 (the client went away). A face that is configured otherwise decides by itself.
pub const fn counts_as_failed(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 499)
}

impl Engine {
    /// Commits what the request did so far. With an empty log only a due renewal is written.
    ///
    /// `failed`: the final status is that of a [failed](counts_as_failed) request, or nothing was answered; then only a destroy in the log is carried out.
    ///
    /// # Errors
    /// A change that cannot be written, found before anything is.
    pub fn commit(
        &self,
        flow: &mut Flow,
        log: Vec<Op>,
        failed: bool,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        flow.work = None;
        let plan = Plan::new(log, failed);
        self.check(&plan.log)?;
        // What an earlier commit left to be sent is looked at again, also after a failure.
        if failed && !plan.destroy && flow.set_cookies.is_empty() {
            return Ok(Step::Done);
        }
        let step = self.proceed(flow, Work::new(Task::Commit(plan)), now, random)?;
        flow.count(&step);
        Ok(step)
    }

    /// What a commit does next, with nothing outstanding.
    pub(super) fn commit_next(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
        if plan.destroy {
            return self.end_session(flow, work, now, random);
        }
        let rotates = plan.rotation(None) > Some(Rotation::Renewed);
        match (&flow.base, flow.presented.clone()) {
            (Base::Unread | Base::Unchecked(_), _) if plan.log.is_empty() => Ok(Step::Done),
            // Not even what comes from elsewhere is written down: the next request does it.
            (Base::Live(live), _)
                if plan.is_quiet && plan.log.is_empty() && work.fresh.is_none() && !self.owes_cookie(flow, live) =>
            {
                Ok(Step::Done)
            }
            (Base::Unchecked(_), _) => self.ask_check(flow, work),
            (Base::Unread, Some(id)) => Ok(self.ask_load(flow, work, id)),
            (Base::Barred, _) if !rotates => {
                if !plan.log.is_empty() {
                    flow.event(Event::ChangesDropped);
                }
                Ok(Step::Done)
            }
            // Where nothing is kept for longer, a store drops what expires while the request is under way, or should have.
            (Base::Live(live), _)
                if self.policy.can().kept.is_zero() && live.record.expires_at() <= now && work.fresh.is_none() =>
            {
                self.lose(flow, work, now, random)
            }
            (Base::Live(_), _) => self.change(flow, work, now, random),
            (Base::Unread | Base::Absent | Base::Barred, _) => self.create(flow, work, now, random),
        }
    }

    /// A first record under an id that never was before.
    fn create(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
        let entries = match self.replay(plan, Vec::new(), flow.basis)? {
            Replayed::Entries(entries) => entries,
            Replayed::Ask { token, input } => return Ok(ask_again(flow, work, token, input)),
        };
        let mut record = self.begin(random, now)?;
        record.entries = entries;
        self.apply_to_session(&mut record, &plan.log);
        self.check_spans(&record, &plan.log, now)?;
        if record.entries.is_empty() && record.owner.is_none() && plan.chosen.is_none() {
            // Who stores nothing gets no record and no cookie (N4), unless the app has given the session's id away.
            return Ok(Step::Done);
        }
        if self.is_sealed() {
            return self.seal(flow, record, now, random);
        }
        let id = self.next_id(Some(plan), random)?;
        if record.handle.is_none() {
            record.handle = Some(id.derived_handle());
        }
        let write = self.write(&record, &id, random)?;
        self.ask_swap(flow, work, Stage::Creating { id, record }, write)
    }

    /// The id of a new record: the one that the app chose, or one that never was before.
    pub(super) fn next_id(&self, plan: Option<&Plan>, random: &mut Random) -> Result<Id, Refusal> {
        match plan.and_then(|plan| plan.chosen.as_ref()) {
            Some(chosen) => self.policy.chosen_id(chosen.as_str()),
            None => Ok(self.policy.new_id(random.take()?)),
        }
    }

    /// A live session's record with the changes.
    fn change(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let (Task::Commit(plan), Base::Live(live)) = (&mut work.task, &flow.base) else {
            return Err(Refusal::OutOfOrder);
        };
        let is_late = self.is_late(flow, live, now);
        let rotation = if plan.failed { None } else { plan.rotation_of(live) };
        let rotation = rotation.filter(|rotation| !(is_late && *rotation == Rotation::Renewed));
        let due = !plan.failed
            && !plan.is_quiet
            && (self.heals(flow)
                || self.policy.renewal_due(&live.record, now)
                || (plan.touches() && self.policy.may_touch(&live.record, now)));
        let owes_cookie = !is_late && self.owes_cookie(flow, live);
        if rotation.is_none() && work.fresh.is_some() {
            return self.undo_rotation(flow, work, false, now, random);
        }
        if rotation.is_none() && plan.changes_nothing() && !due {
            if is_late {
                flow.set_cookies.clear();
            }
            return self.look_again(flow, work, owes_cookie, now, random);
        }
        let entries = match self.replay(plan, live.record.entries.clone(), flow.basis)? {
            Replayed::Entries(entries) => entries,
            Replayed::Ask { token, input } => return Ok(ask_again(flow, work, token, input)),
        };
        let mut record = live.record.with_entries(entries);
        if rotation == Some(Rotation::Anew) && self.policy.can().two_clocks {
            self.restart(&mut record, now);
        }
        let moved = self.apply_to_session(&mut record, &plan.log);
        self.check_spans(&record, &plan.log, now)?;
        if let Some(rotation) = rotation {
            return self.rotate(flow, work, record, rotation, now, random);
        }
        let renewed = moved || due;
        if (renewed && !plan.is_quiet) || self.policy.can().writes_renew {
            self.renew(&mut record, &plan.log, now);
        }
        if self.is_sealed() {
            let only_renews = plan.changes_nothing();
            if self.must_check(flow, &work) {
                return self.ask_check(flow, work);
            }
            return match self.seal(flow, record, now, random) {
                // It was sealed when more was allowed. Who only reads it goes on until it expires, instead of failing at every page.
                Err(Refusal::CookieTooLarge) if only_renews => Ok(Step::Done),
                sealed => sealed,
            };
        }
        let id = live.id.clone().ok_or(Refusal::OutOfOrder)?;
        let write = self.write(&record, &id, random)?;
        let cookie = !is_late && (renewed || owes_cookie || self.policy.sends_cookie_on_write());
        if is_late {
            flow.set_cookies.clear();
        }
        self.ask_swap(flow, work, Stage::Writing { record, renewed: cookie }, write)
    }

    /// Whether the request took so long that to all others its session is over, and the browser has the session's cookie already.
    /// Then the cookie is not sent again: whoever came in between may have signed in, and nothing was left that says so.
    fn is_late(&self, flow: &Flow, live: &Live, now: Timestamp) -> bool {
        let is_known = !live.adopted && live.id.is_some() && live.id == flow.presented;
        !self.policy.can().kept.is_zero() && is_known && live.record.expires_at() <= now
    }

    /// Nothing is to be written. A cookie that was decided before is sent only if its id still opens the session: a login
    /// elsewhere may have replaced it, and the browser must not get the old one back.
    fn look_again(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        owes_cookie: bool,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Some(Live { id: Some(id), record, .. }) = flow.live().filter(|_| owes_cookie) else {
            return Ok(Step::Done);
        };
        // An eventually consistent store may still show what was there before the commit.
        if !work.is_checked && !self.policy.is_eventual() {
            work.is_checked = true;
            let id = id.clone();
            return Ok(self.ask_load(flow, work, id));
        }
        flow.set_cookies = self.id_cookies(flow, id, record, now, random)?;
        Ok(Step::Done)
    }

    /// Activity, now. Where every write is, it brings back the configured span.
    pub(super) fn renew(&self, record: &mut Record, log: &[Op], now: Timestamp) {
        record.active = now;
        let own_span = log.iter().any(|op| matches!(op, Op::SetIdle(_)));
        if self.policy.can().writes_renew && !own_span {
            record.idle = self.policy.lifetime.idle;
        }
    }

    /// The record into the cookie: nothing to ask of a store.
    pub(super) fn seal(
        &self,
        flow: &mut Flow,
        record: Record,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let cookies = self.sealed(flow, &record, now, random)?;
        Self::arrived_sealed(flow, record, cookies);
        Ok(Step::Done)
    }

    /// The cookies that are the record.
    pub(super) fn sealed(
        &self,
        flow: &Flow,
        record: &Record,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Vec<String>, Refusal> {
        let name = &self.policy.cookie.name;
        let text = self.encode(record, None, random)?;
        let (value, chunks) = self.policy.seal_record(&text, now, random)?.ok_or(Refusal::OutOfOrder)?;
        let parts = chunk::split(name, &value, chunks).ok_or(Refusal::CookieTooLarge)?;
        self.sealed_cookies(&parts, flow, record, now)
    }

    pub(super) fn write(&self, record: &Record, id: &Id, random: &mut Random) -> Result<Write, Refusal> {
        let bytes = self.encode(record, Some(id), random)?;
        Ok(Write {
            bytes,
            // A request that began while the session was live may end after that.
            expires_at: record.expires_at().plus(self.policy.can().kept),
            owner: record.owner.as_ref().map(|owner| self.stored_owner(owner)),
        })
    }

    /// The commit's swap was made: what was written is what is there. `random`: the cookie is to be sent.
    pub(super) fn arrived_at(
        &self,
        flow: &mut Flow,
        id: Id,
        record: Record,
        bytes: Bytes,
        cookie: Option<(&mut Random, Timestamp)>,
    ) -> Result<(), Refusal> {
        if let Some((random, now)) = cookie {
            flow.set_cookies = self.id_cookies(flow, &id, &record, now, random)?;
            flow.is_doubled = false;
        }
        let before = flow.live().filter(|live| live.id.as_ref() == Some(&id));
        let (followed, key) = before.map_or((false, None), |live| (live.followed, live.key.clone()));
        let arrived = Live { id: Some(id), key, bytes, record, followed, adopted: false };
        match &mut flow.base {
            Base::Live(live) => **live = arrived,
            base => *base = Base::Live(Box::new(arrived)),
        }
        Ok(())
    }
}

/// Has the face run an update's function again.
fn ask_again(flow: &mut Flow, mut work: Box<Work>, token: u32, input: Option<Text>) -> Step {
    work.stage = Stage::Recomputing { token, input: input.clone() };
    flow.work = Some(work);
    Step::Recompute { token, current: input }
}
