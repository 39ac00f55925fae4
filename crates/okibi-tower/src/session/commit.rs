//! What asks the store: load, commit, take. One at a time for each request.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use okibi_core::{Answer, Json, Op, Random, Refusal, Step, Text, Timestamp};
use serde::de::DeserializeOwned;

use super::{Inner, Session, reentry::Running, updates::Updates, values::parse};
use crate::{
    Error, ErrorKind, Name,
    call::{Keeper, no_such_update, run},
    trace,
};

impl<K> Session<K> {
    /// Commits what was changed so far, instead of waiting for the answer's head: before a body that streams, before a
    /// WebSocket's handshake, or to know that it worked.
    ///
    /// It can be called more than once. What it committed stays, even if the request fails later, and its cookie goes out
    /// with whatever answer leaves.
    ///
    /// # Errors
    /// What could not be written, and why. Nothing was written then, or the outcome is unknown
    /// ([`StoreUnknown`](ErrorKind::StoreUnknown)), and then the request's answer is the layer's error.
    /// [`UpdateChanges`](ErrorKind::UpdateChanges) inside the function of an update.
    pub async fn commit(&self) -> Result<(), Error> {
        self.inner.may_change()?;
        if self.inner.seen().closed {
            return Err(self.inner.fail(Error::headers_sent()));
        }
        self.inner.commit(false, false).await
    }

    /// Atomically removes and returns the value under `name`; of concurrent callers exactly one gets it.
    ///
    /// What this request itself has put there with [`set`](Self::set) or [`flash`](Self::flash) and not committed yet is its own,
    /// and is simply handed out. What it only updated is taken like any other value, and is returned with the update.
    /// An update of a whole [`SessionOf`](crate::SessionOf) is no part of what is returned.
    /// What is set there after this call stays. A value that was taken stays taken, even if the request fails. Unlike [`get`](Self::get) of a flash, it takes in a HEAD
    /// request as well.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore) for a sealed cookie and for a store without compare-and-swap, which
    /// could return it twice; [`UpdateChanges`](ErrorKind::UpdateChanges) inside the function of an update;
    /// [`UpdateFailed`](ErrorKind::UpdateFailed) and [`Mismatch`](ErrorKind::Mismatch), and then the value stays;
    /// [`HeadersSent`](ErrorKind::HeadersSent); the store's failures.
    pub async fn take<T: DeserializeOwned>(&self, name: Name<'_, T>) -> Result<Option<T>, Error> {
        self.inner.may_change()?;
        let lenient = || {
            self.inner.seen().find(name.as_str()).is_some_and(|entry| parse::<T>(name.as_str(), &entry.value).is_err())
        };
        if name.is_lenient() && lenient() {
            trace::misfit(&self.inner.shared, name.as_str());
            return Ok(None);
        }
        let taken = self.inner.take(name.text(), |json| parse::<T>(name.as_str(), json).map(drop)).await?;
        taken.map(|json| parse(name.as_str(), &json)).transpose().map_err(|error| self.inner.fail(error))
    }
}

impl Inner {
    /// Looks the session up, once for each request.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        if self.state().is_loaded() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let step = {
            let mut state = self.state();
            if state.is_loaded() {
                return Ok(());
            }
            state.open(&self.shared.engine, self.shared.now());
            self.shared.engine.load(&mut state.flow)
        };
        let result = run(&self.shared, step, Random::none(), &mut Loading(self)).await;
        let events = {
            let mut state = self.state();
            match result {
                Ok(()) => state.loaded(),
                Err(_) => state.accessed = true,
            }
            state.flow.take_events()
        };
        trace::events(&self.shared, events);
        result.inspect_err(|error| trace::failure(self.shared.engine.cookie_name(), "load", error))
    }

    /// The commit before the head leaves.
    pub(crate) async fn commit_last(&self, failed: bool) -> Result<(), Error> {
        self.commit(failed, true).await
    }

    async fn commit(&self, failed: bool, last: bool) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let result = self.commit_in_turn(failed, last).await;
        match &result {
            Ok(changes) => trace::committed(self.shared.engine.cookie_name(), *changes, failed),
            Err(error) => trace::failure(self.shared.engine.cookie_name(), "commit", error),
        }
        result.map(drop)
    }

    async fn commit_in_turn(&self, failed: bool, last: bool) -> Result<usize, Error> {
        let now = self.shared.now();
        let (step, random, changes) = {
            let mut state = self.state();
            state.open(&self.shared.engine, now);
            let mut log = if last { std::mem::take(&mut state.log) } else { state.log.clone() };
            let changes = log.len();
            if state.is_quiet {
                log.push(Op::NoActivity);
            }
            let mut random = self.shared.random()?;
            let step = self.shared.engine.commit(&mut state.flow, log, failed, now, &mut random);
            // If this future is dropped before the end, the engine knows what that means for the next task.
            (step.map_err(|refusal| self.fail(refusal))?, random, changes)
        };
        let result = run(&self.shared, step, random, &mut Changing(self)).await;
        let (done, events) = {
            let mut state = self.state();
            state.renewed();
            let done =
                if result.is_ok() { state.committed(if last { 0 } else { changes }) } else { Updates::default() };
            (done, state.flow.take_events())
        };
        drop(done);
        trace::events(&self.shared, events);
        result.map(|()| changes)
    }

    async fn take(&self, name: Text, check: impl Fn(&Text) -> Result<(), Error>) -> Result<Option<Text>, Error> {
        // What is changed from here on is not taken.
        let mark = self.state().mark();
        let _turn = self.turn.lock().await;
        self.shared.engine.may_take().map_err(|refusal| self.fail(refusal))?;
        let found = self.seen().find_at(name.as_str(), mark);
        if let Some(entry) = &found {
            check(&entry.value).map_err(|error| self.fail(error))?;
        }
        let (step, random, is_flash) = {
            let mut state = self.state();
            if state.closed {
                return Err(self.fail(Error::headers_sent()));
            }
            if !state.flow.is_in_doubt() && state.is_own(name.as_str(), mark) {
                let own = state.find_at(name.as_str(), mark);
                if own.is_some() {
                    state.remove_at(&name, mark);
                }
                return Ok(own.map(|entry| entry.value));
            }
            let mut random = self.shared.random()?;
            // What this request only updated is still the session's: of all requests that updated it one gets it.
            let is_flash = state.flow.entries().iter().any(|entry| entry.name == name && entry.flash);
            let step = self.shared.engine.take(&mut state.flow, name.clone(), self.shared.now(), &mut random);
            (step.map_err(|refusal| self.fail(refusal))?, random, is_flash)
        };
        let result = run(&self.shared, step, random, &mut Changing(self)).await;
        let (taken, events) = {
            let mut state = self.state();
            state.renewed();
            (state.flow.taken(), state.flow.take_events())
        };
        trace::events(&self.shared, events);
        if let Err(error) = &result {
            trace::failure(self.shared.engine.cookie_name(), "take", error);
        }
        result?;
        let tokens = self.state().take_updates(&name, mark);
        let Some(stored) = taken else { return Ok(None) };
        let updated = self.updated(&name, &stored, tokens).and_then(|value| check(&value).map(|()| value));
        if updated.is_err() {
            self.put_back(name, stored, is_flash).await?;
        }
        updated.map(Some)
    }

    /// What these updates make of a value that was taken.
    fn updated(&self, name: &Text, stored: &Text, tokens: Vec<u32>) -> Result<Text, Error> {
        let mut value = stored.clone();
        for token in tokens {
            let Answer::Recomputed(patch) = self.run_again(token, Some(&value))? else { continue };
            if let Some(Json(new)) = patch.into_iter().find_map(|(changed, new)| new.filter(|_| changed == *name)) {
                value = new;
            }
        }
        Ok(value)
    }

    /// A value was taken that nobody gets: stores it again, at once, because the request may fail.
    async fn put_back(&self, name: Text, value: Text, is_flash: bool) -> Result<(), Error> {
        let mut random = self.shared.random()?;
        let op = if is_flash { Op::Flash(name, Json(value)) } else { Op::Set(name, Json(value)) };
        let step = {
            let mut state = self.state();
            self.shared.engine.commit(&mut state.flow, vec![op], false, self.shared.now(), &mut random)
        };
        let step = step.map_err(|refusal| self.fail(refusal))?;
        let result = run(&self.shared, step, random, &mut Changing(self)).await;
        let events = {
            let mut state = self.state();
            state.renewed();
            state.flow.take_events()
        };
        trace::events(&self.shared, events);
        result
    }

    /// Runs an update's function again, with no lock held.
    fn run_again(&self, token: u32, current: Option<&Text>) -> Result<Answer, Error> {
        // The lock is let go at the end of this line.
        let update = self.state().updates.take(token);
        let Some(mut update) = update else { return Err(self.fail(no_such_update())) };
        let running = Running::of(self);
        let result = catch_unwind(AssertUnwindSafe(|| (update.function)(&update.name, current)));
        drop(running);
        self.state().updates.keep(update);
        match result {
            Ok(Ok(patch)) => Ok(Answer::Recomputed(patch)),
            Ok(Err(error)) => Err(self.fail(error)),
            Err(panic) => Err(self.fail(panicked(&*panic))),
        }
    }
}

/// The panic's own message could show a value, so it is not passed on.
fn panicked(_panic: &(dyn Any + Send)) -> Error {
    Error::new(ErrorKind::UpdateFailed, "session update: its function panicked when it was run again on a newer value")
}

/// A task that may write.
struct Changing<'a>(&'a Inner);

impl Keeper for Changing<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut Random) -> Result<Step, Refusal> {
        let mut state = self.0.state();
        let basis = state.flow.basis();
        let step = self.0.shared.engine.answer(&mut state.flow, answer, now, random);
        if state.flow.basis() != basis {
            // An update by another handle that is being computed has not seen this.
            state.renewed();
        }
        step
    }

    fn recompute(&mut self, token: u32, current: Option<&Text>) -> Result<Answer, Error> {
        self.0.run_again(token, current)
    }

    fn out_of_time(&mut self) -> Refusal {
        self.0.shared.engine.out_of_time(&mut self.0.state().flow)
    }
}

/// A task that only reads.
struct Loading<'a>(&'a Inner);

impl Keeper for Loading<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut Random) -> Result<Step, Refusal> {
        self.0.shared.engine.answer(&mut self.0.state().flow, answer, now, random)
    }

    fn recompute(&mut self, _token: u32, _current: Option<&Text>) -> Result<Answer, Error> {
        Err(self.0.fail(no_such_update()))
    }

    fn out_of_time(&mut self) -> Refusal {
        self.0.shared.engine.out_of_time(&mut self.0.state().flow)
    }

    fn only_loads(&self) -> bool {
        true
    }
}
