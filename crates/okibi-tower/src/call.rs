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
    shared::{BoxFuture, Shared, Timer},
};

/// What a task of the engine needs from whoever keeps its flow.
pub(crate) trait Keeper {
    /// Hands the answer to the engine, with the flow.
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut Random) -> Result<Step, Refusal>;

    /// Runs the function of an update again.
    fn recompute(&mut self, token: u32, current: Option<&Text>) -> Result<Answer, Error>;

    /// What the engine says of a task whose time is over.
    fn out_of_time(&mut self) -> Refusal;

    /// Whether the task only loads: then no answer needs random bytes.
    fn only_loads(&self) -> bool {
        false
    }
}

/// Carries out `step` and all that follow until the task is done. `random` is what the call that began it left over.
pub(crate) async fn run(
    shared: &Shared,
    mut step: Step,
    mut random: Random,
    keeper: &mut impl Keeper,
) -> Result<(), Error> {
    let mut deadline = Deadline::of(shared);
    loop {
        let mut cause = None;
        let answer = match &step {
            Step::Done => return Ok(()),
            Step::Recompute { token, current } => keeper.recompute(*token, current.as_ref())?,
            _ => perform(shared, &step, &mut cause).await,
        };
        if !keeper.only_loads() && !random.suffices_for(&answer) {
            random = shared.random()?;
        }
        step = match keeper.answer(answer, shared.now(), &mut random) {
            Ok(step) => step,
            Err(refusal) => {
                let error = shared.fail(refusal);
                return Err(match cause {
                    Some(cause) => error.with_source(cause),
                    None => error,
                });
            }
        };
        if step != Step::Done && deadline.has_passed().await {
            return Err(shared.fail(keeper.out_of_time()));
        }
    }
}

/// Asks the store for what one step wants.
async fn perform(shared: &Shared, step: &Step, cause: &mut Option<StoreError>) -> Answer {
    let store = match step {
        Step::LoadAccepted { entry, .. } | Step::DeleteAccepted { entry, .. } => {
            shared.accepted.get(*entry).and_then(Option::as_deref)
        }
        _ => shared.store.as_deref(),
    };
    let Some(store) = store else { return Answer::Failed(Fault::NotDone) };
    let done = match within(shared, ask(store, step)).await {
        Some(done) => done,
        None => Err(StoreError::unknown(format!("no answer within {:?}", shared.outside.store_timeout))),
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

async fn ask(store: &dyn DynStore, step: &Step) -> Result<Answer, StoreError> {
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

/// The call's result, if it comes within the store's deadline. A call that is ready at once costs no timer.
pub(crate) async fn within<T>(shared: &Shared, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut sleep: Option<BoxFuture<()>> = None;
    poll_fn(|context| {
        if let Poll::Ready(result) = call.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        let sleep = sleep.get_or_insert_with(|| (shared.outside.timer)(shared.outside.store_timeout));
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// A store call outside the engine, within its deadline.
pub(crate) async fn ask_directly<T>(
    shared: &Shared,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Error> {
    let unavailable = || shared.fail(Refusal::StoreUnavailable);
    match within(shared, call).await {
        Some(result) => result.map_err(|error| unavailable().with_source(error)),
        None => Err(unavailable()),
    }
}

/// The end of a task's time. It begins when the task turns out to need more than one step.
pub(crate) struct Deadline<'a> {
    span: Duration,
    timer: &'a Timer,
    sleep: Option<BoxFuture<()>>,
    /// A future that was ready must not be polled again.
    is_over: bool,
}

impl<'a> Deadline<'a> {
    pub(crate) fn of(shared: &'a Shared) -> Self {
        Self { span: shared.outside.commit_deadline, timer: &shared.outside.timer, sleep: None, is_over: false }
    }

    /// Lets others run first: neither they nor the timer must starve while a store answers at once.
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

/// What a keeper without updates answers when asked to run one.
pub(crate) fn no_such_update() -> Error {
    Error::new(ErrorKind::Internal, "session: an update to run again that was never made")
}
