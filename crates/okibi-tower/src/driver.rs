//! Carries out the engine's steps against the store, each within its deadline.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use okibi_core::{Answer, Fault, Random, Refusal, Step, Text, Timestamp};
use okibi_store::{DynStore, StoreError, StoreErrorKind};

use crate::{
    Error, ErrorKind,
    shared::{BoxFuture, Shared, SystemRandom, Timer},
};

/// A task of the engine, with the flow that it works on.
pub(crate) trait Task {
    /// Passes an answer and the flow to the engine. Returns the next step.
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut dyn Random) -> Result<Step, Refusal>;

    /// Runs the function of an update again.
    fn recompute(&mut self, token: u32, current: Option<&Text>) -> Result<Answer, Error>;

    /// The engine's refusal when the deadline of the task has passed.
    fn out_of_time(&mut self) -> Refusal;
}

/// Carries out `step` and all following steps until the task is done.
pub(crate) async fn run(shared: &Shared, mut step: Step, task: &mut impl Task) -> Result<(), Error> {
    let random = &mut SystemRandom::of(shared);
    let mut deadline = Deadline::of(shared);
    let mut cause = None;
    loop {
        let answer = match &step {
            Step::Done => return Ok(()),
            Step::Recompute { token, current } => task.recompute(*token, current.as_ref())?,
            _ => perform(shared, &step, &mut cause).await,
        };
        step = match task.answer(answer, shared.now(), random) {
            Ok(step) => step,
            Err(refusal) => {
                let error = shared.refused(refusal, random);
                let is_store = matches!(refusal, Refusal::StoreUnavailable | Refusal::StoreUnknown);
                return Err(match cause {
                    Some(cause) if is_store => error.with_source(cause),
                    _ => error,
                });
            }
        };
        if step != Step::Done && deadline.has_passed().await {
            return Err(shared.fail(task.out_of_time()));
        }
    }
}

/// Carries out one step against its store.
async fn perform(shared: &Shared, step: &Step, cause: &mut Option<StoreError>) -> Answer {
    let store = match step {
        Step::LoadAccepted { entry, .. } | Step::DeleteAccepted { entry, .. } => {
            shared.accepted.get(*entry).and_then(Option::as_deref)
        }
        _ => shared.store.as_deref(),
    };
    let Some(store) = store else { return Answer::Failed(Fault::NotDone) };
    let done = match within(shared, call_store(store, step)).await {
        Some(done) => done,
        None => Err(StoreError::unknown(format!("no answer within {:?}", shared.environment.store_timeout))),
    };
    done.unwrap_or_else(|error| {
        let fault = match error.kind() {
            StoreErrorKind::Unavailable => Fault::NotDone,
            _ => Fault::Unknown,
        };
        *cause = Some(error);
        Answer::Failed(fault)
    })
}

async fn call_store(store: &dyn DynStore, step: &Step) -> Result<Answer, StoreError> {
    Ok(match step {
        Step::Load(key) | Step::LoadAccepted { key, .. } => Answer::Loaded(store.load(key).await?),
        Step::Swap { key, expected, write } => {
            Answer::Swapped(store.swap(key, expected.as_deref(), write.clone()).await?)
        }
        Step::Delete(key) | Step::DeleteAccepted { key, .. } => {
            store.delete(key).await?;
            Answer::Deleted
        }
        Step::Recompute { .. } | Step::Done => Answer::Failed(Fault::NotDone),
    })
}

/// The result of the call, or `None` after the store timeout. A call that is ready immediately
/// starts no timer.
pub(crate) async fn within<T>(shared: &Shared, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut sleep: Option<BoxFuture<()>> = None;
    poll_fn(|context| {
        if let Poll::Ready(result) = call.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        let sleep = sleep.get_or_insert_with(|| (shared.environment.timer)(shared.environment.store_timeout));
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// A store call that the engine did not request, with the store timeout.
pub(crate) async fn call_directly<T>(
    shared: &Shared,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Error> {
    let unavailable = || shared.fail(Refusal::StoreUnavailable);
    match within(shared, call).await {
        Some(result) => result.map_err(|error| unavailable().with_source(error)),
        None => Err(unavailable()),
    }
}

/// The deadline of a task. Its timer starts after the first step, if there is a second one.
pub(crate) struct Deadline<'a> {
    span: Duration,
    timer: &'a Timer,
    sleep: Option<BoxFuture<()>>,
    /// Whether `sleep` was ready. It must not be polled again then.
    is_over: bool,
}

impl<'a> Deadline<'a> {
    pub(crate) fn of(shared: &'a Shared) -> Self {
        Self { span: shared.environment.commit_deadline, timer: &shared.environment.timer, sleep: None, is_over: false }
    }

    /// Whether the deadline has passed. It yields to the runtime first: other tasks and the timer
    /// must not starve while a store answers immediately.
    pub(crate) async fn has_passed(&mut self) -> bool {
        if self.is_over {
            return true;
        }
        let sleep = self.sleep.get_or_insert_with(|| (self.timer)(self.span));
        let mut yielded = false;
        self.is_over = poll_fn(|context| {
            if sleep.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            if yielded {
                return Poll::Ready(false);
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.is_over
    }
}

/// The error for a `Recompute` step with a token that has no update.
pub(crate) fn unknown_update() -> Error {
    Error::new(ErrorKind::Internal, "session: the engine asked for an unknown update; please report it")
}
