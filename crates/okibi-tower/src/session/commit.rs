//! The methods that call the store: load, commit and take. Within a request they run one at a time.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use okibi_core::{Answer, Json, Op, Random, Refusal, Step, Text, Timestamp};
use serde::de::DeserializeOwned;

use super::{Inner, Session, reentry::RunningUpdate, updates::Updates, values::parse};
use crate::{
    Error, ErrorKind, Name,
    driver::{Task, run, unknown_update},
    shared::SystemRandom,
    trace,
};

impl<K> Session<K> {
    /// Commits the changes so far. Otherwise the layer commits them before the response headers are
    /// sent.
    ///
    /// Call it before a streamed body or a WebSocket handshake, or to handle a failed commit. It
    /// may be called several times. Committed changes stay, even if the request fails later, and
    /// their cookie is sent with any response.
    ///
    /// # Errors
    /// The error of the failed commit. Nothing was written, or the outcome is unknown
    /// ([`StoreUnknown`](ErrorKind::StoreUnknown)). If it is unknown, the response to the request
    /// is the layer's error. [`UpdateChanges`](ErrorKind::UpdateChanges) inside the function of an
    /// update.
    pub async fn commit(&self) -> Result<(), Error> {
        self.inner.check_not_in_update()?;
        if self.inner.accessed().headers_sent {
            return Err(self.inner.fail(Error::headers_sent()));
        }
        self.inner.commit(false, false).await
    }

    /// Atomically removes and returns the value under `name`; of concurrent callers exactly one
    /// gets it.
    ///
    /// An uncommitted value of this request's own [`set`](Self::set) or [`flash`](Self::flash) is
    /// returned without a store call. A value with an uncommitted [`update`](Self::update) of this
    /// request is taken from the store and returned with the update applied. Updates of a whole
    /// [`SessionOf`](crate::SessionOf) are not applied. A value that is set after this call stays.
    ///
    /// A taken value stays removed, even if the request fails. Unlike [`get`](Self::get) of a
    /// flash, `take` removes the value in a HEAD request, too.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore) for a sealed session and for a store
    /// without compare-and-swap, which could return the value twice;
    /// [`UpdateChanges`](ErrorKind::UpdateChanges) inside the function of an update;
    /// [`UpdateFailed`](ErrorKind::UpdateFailed) and [`Mismatch`](ErrorKind::Mismatch), after which
    /// the value is still stored; [`HeadersSent`](ErrorKind::HeadersSent); the store's errors.
    pub async fn take<T: DeserializeOwned>(&self, name: Name<'_, T>) -> Result<Option<T>, Error> {
        self.inner.check_not_in_update()?;
        let lenient = || {
            self.inner
                .accessed()
                .find(name.as_str())
                .is_some_and(|entry| parse::<T>(name.as_str(), &entry.value).is_err())
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
    /// Loads the session, once for each request.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        if self.state().is_loaded() {
            return Ok(());
        }
        let _lock = self.store_lock.lock().await;
        let step = {
            let mut state = self.state();
            if state.is_loaded() {
                return Ok(());
            }
            state.open(&self.shared.engine, self.shared.now());
            self.shared.engine.load(&mut state.flow)
        };
        let result = run(&self.shared, step, &mut LoadTask(self)).await;
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

    /// Commits before the response headers are sent.
    pub(crate) async fn commit_final(&self, failed: bool) -> Result<(), Error> {
        self.commit(failed, true).await
    }

    async fn commit(&self, failed: bool, last: bool) -> Result<(), Error> {
        let _lock = self.store_lock.lock().await;
        let result = self.commit_locked(failed, last).await;
        match &result {
            Ok(changes) => trace::committed(self.shared.engine.cookie_name(), *changes, failed),
            Err(error) => trace::failure(self.shared.engine.cookie_name(), "commit", error),
        }
        result.map(drop)
    }

    async fn commit_locked(&self, failed: bool, last: bool) -> Result<usize, Error> {
        let now = self.shared.now();
        let (step, changes) = {
            let mut state = self.state();
            state.open(&self.shared.engine, now);
            let mut log = if last { std::mem::take(&mut state.log) } else { state.log.clone() };
            let changes = log.len();
            if state.is_no_activity {
                log.push(Op::NoActivity);
            }
            let random = &mut SystemRandom::of(&self.shared);
            let step = self.shared.engine.commit(&mut state.flow, log, failed, now, random);
            // If this future is dropped early, the engine handles that in the next task.
            (step.map_err(|refusal| self.shared.refused(refusal, random))?, changes)
        };
        let result = run(&self.shared, step, &mut WriteTask(self)).await;
        let (done, events) = {
            let mut state = self.state();
            state.invalidate();
            let done =
                if result.is_ok() { state.committed(if last { 0 } else { changes }) } else { Updates::default() };
            (done, state.flow.take_events())
        };
        drop(done);
        trace::events(&self.shared, events);
        result.map(|()| changes)
    }

    async fn take(&self, name: Text, check: impl Fn(&Text) -> Result<(), Error>) -> Result<Option<Text>, Error> {
        // Changes after this mark are not taken.
        let mark = self.state().mark();
        let _lock = self.store_lock.lock().await;
        self.shared.engine.may_take().map_err(|refusal| self.fail(refusal))?;
        let found = self.accessed().find_at(name.as_str(), mark);
        if let Some(entry) = &found {
            check(&entry.value).map_err(|error| self.fail(error))?;
        }
        let (step, is_flash) = {
            let mut state = self.state();
            if state.headers_sent {
                return Err(self.fail(Error::headers_sent()));
            }
            if !state.flow.is_in_doubt() && state.is_own_value(name.as_str(), mark) {
                let own = state.find_at(name.as_str(), mark);
                if own.is_some() {
                    state.remove_at(&name, mark);
                }
                return Ok(own.map(|entry| entry.value));
            }
            let random = &mut SystemRandom::of(&self.shared);
            // A value that this request only updated is taken from the store: of all requests that
            // updated it, one gets it.
            let is_flash = state.flow.entries().iter().any(|entry| entry.name == name && entry.flash);
            let step = self.shared.engine.take(&mut state.flow, name.clone(), self.shared.now(), random);
            (step.map_err(|refusal| self.shared.refused(refusal, random))?, is_flash)
        };
        let result = run(&self.shared, step, &mut WriteTask(self)).await;
        let (taken, events) = {
            let mut state = self.state();
            state.invalidate();
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

    /// Applies these updates to a value that was taken.
    fn updated(&self, name: &Text, stored: &Text, tokens: Vec<u32>) -> Result<Text, Error> {
        let mut value = stored.clone();
        for token in tokens {
            let Answer::Recomputed(patch) = self.rerun_update(token, Some(&value))? else { continue };
            if let Some(Json(new)) = patch.into_iter().find_map(|(changed, new)| new.filter(|_| changed == *name)) {
                value = new;
            }
        }
        Ok(value)
    }

    /// Stores a value again that was taken and could not be returned. It does not wait for the
    /// final commit, because the request may fail.
    async fn put_back(&self, name: Text, value: Text, is_flash: bool) -> Result<(), Error> {
        let random = &mut SystemRandom::of(&self.shared);
        let op = if is_flash { Op::Flash(name, Json(value)) } else { Op::Set(name, Json(value)) };
        let step = {
            let mut state = self.state();
            self.shared.engine.commit(&mut state.flow, vec![op], false, self.shared.now(), random)
        };
        let step = step.map_err(|refusal| self.shared.refused(refusal, random))?;
        let result = run(&self.shared, step, &mut WriteTask(self)).await;
        let events = {
            let mut state = self.state();
            state.invalidate();
            state.flow.take_events()
        };
        trace::events(&self.shared, events);
        result
    }

    /// Runs an update's function again, without holding a lock.
    fn rerun_update(&self, token: u32, current: Option<&Text>) -> Result<Answer, Error> {
        // The lock is released at the end of this line.
        let update = self.state().updates.take(token);
        let Some(mut update) = update else { return Err(self.fail(unknown_update())) };
        let running = RunningUpdate::of(self);
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

/// The message of the panic may contain a value, so it is not used.
fn panicked(_panic: &(dyn Any + Send)) -> Error {
    Error::new(ErrorKind::UpdateFailed, "session update: its function panicked when it was run again on a newer value")
}

/// A task that may write.
struct WriteTask<'a>(&'a Inner);

impl Task for WriteTask<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut dyn Random) -> Result<Step, Refusal> {
        let mut state = self.0.state();
        let basis = state.flow.basis();
        let step = self.0.shared.engine.answer(&mut state.flow, answer, now, random);
        if state.flow.basis() != basis {
            // An update that another clone computes at the moment used the old values.
            state.invalidate();
        }
        step
    }

    fn recompute(&mut self, token: u32, current: Option<&Text>) -> Result<Answer, Error> {
        self.0.rerun_update(token, current)
    }

    fn out_of_time(&mut self) -> Refusal {
        self.0.shared.engine.out_of_time(&mut self.0.state().flow)
    }
}

/// A task that only reads.
struct LoadTask<'a>(&'a Inner);

impl Task for LoadTask<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut dyn Random) -> Result<Step, Refusal> {
        self.0.shared.engine.answer(&mut self.0.state().flow, answer, now, random)
    }

    fn recompute(&mut self, _token: u32, _current: Option<&Text>) -> Result<Answer, Error> {
        Err(self.0.fail(unknown_update()))
    }

    fn out_of_time(&mut self) -> Refusal {
        self.0.shared.engine.out_of_time(&mut self.0.state().flow)
    }
}
