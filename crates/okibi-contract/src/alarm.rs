//! Timers and time limits. A thread reads the clock, because the async runtime is unknown here.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// Wakes tasks at a time. Its thread starts with the first waiting task, and ends some time after
/// the last.
#[derive(Clone, Default)]
pub(crate) struct Alarm(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<AlarmState>,
    /// A task waits for an earlier time than the thread knows.
    earlier: Condvar,
}

#[derive(Default)]
struct AlarmState {
    /// The waiting tasks by time; the number separates tasks with the same time.
    waiting: BTreeMap<(Instant, u64), Waker>,
    next: u64,
    is_running: bool,
}

impl Alarm {
    /// Completes after this span.
    pub(crate) fn after(&self, span: Duration) -> AlarmFuture {
        AlarmFuture { shared: Arc::clone(&self.0), at: Instant::now() + span, number: None }
    }

    /// The result of the call, if it completes within this span. A call that is ready immediately
    /// costs nothing here.
    pub(crate) async fn within<T>(&self, span: Duration, call: impl Future<Output = T>) -> Option<T> {
        let mut call = pin!(call);
        let mut ring = None;
        poll_fn(|context| {
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                return Poll::Ready(Some(result));
            }
            let ring = ring.get_or_insert_with(|| self.after(span));
            Pin::new(ring).poll(context).map(|()| None)
        })
        .await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, AlarmState> {
        // No code panics while it holds the lock, so a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes tasks when their time is reached, until no task waits.
    fn run(&self) {
        let mut state = self.lock();
        while let Some(entry) = state.waiting.first_entry() {
            let left = entry.key().0.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waker = entry.remove();
                drop(state);
                waker.wake();
                state = self.lock();
            } else {
                (state, _) = self.earlier.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.is_running = false;
    }
}

/// A future that completes at a point in time.
pub(crate) struct AlarmFuture {
    shared: Arc<Shared>,
    at: Instant,
    /// Its key among the waiting tasks, after the first poll.
    number: Option<u64>,
}

impl Future for AlarmFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let number = *self.number.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        state.waiting.insert((self.at, number), context.waker().clone());
        if !state.is_running {
            state.is_running = true;
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.run());
        } else if state.waiting.keys().next() == Some(&(self.at, number)) {
            shared.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for AlarmFuture {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.lock().waiting.remove(&(self.at, number));
        }
    }
}
