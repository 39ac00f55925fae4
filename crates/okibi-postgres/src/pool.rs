//! Passes connections from one request of the store to the next without a round trip.
//!
//! The pool of sqlx pings every connection that is returned to it, and by default every one that it
//! gives out. Each ping is a round trip that blocks the connection. A connection that answered a
//! moment ago needs no ping.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Error, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::oneshot::{Receiver, Sender, channel},
    task::yield_now,
    time::timeout,
};

use crate::{connection::Borrowed, error::RequestError};

/// Requests that a connection serves before it goes back to the pool, where the rest of the app
/// waits for it.
const USES: u32 = 16;
/// Longest time since the last answer of a connection that is used without a ping.
const FRESH: Duration = Duration::from_millis(5);
/// Yields to other tasks before an idle connection goes back to the pool.
const YIELDS: usize = 2;
/// How long a connection may take to answer after its request was cancelled.
///
/// Until then the connection counts in the pool. So at most as many requests as the pool has
/// connections wait for a lock in the server, and not one for each cancelled request. After that
/// the connection is closed, so that a network that drops all packets does not exhaust the pool.
const LINGER: Duration = Duration::from_secs(5);

/// The connections of one store, and the requests that wait for one.
pub(crate) struct SharedPool {
    pool: PgPool,
    state: Mutex<PoolState>,
}

/// Either `waiting` or `idle` is empty.
#[derive(Default)]
struct PoolState {
    /// Connections that the store has, or is about to get from the pool.
    open: u32,
    waiting: VecDeque<Sender<Borrowed>>,
    idle: Vec<IdleConnection>,
    rests: u64,
}

/// A connection between two requests.
struct IdleConnection {
    number: u64,
    since: Instant,
    pooled: PooledConnection,
}

impl SharedPool {
    pub(crate) fn new(pool: PgPool) -> Arc<Self> {
        Arc::new(Self { pool, state: Mutex::default() })
    }

    /// A connection: an idle one, one from a finished request, or one from the pool.
    pub(crate) async fn borrow(self: &Arc<Self>) -> Result<Borrowed, RequestError> {
        let none = |error: Error| RequestError::NoConnection(error.into());
        let mut borrowed = match self.place() {
            Ok(borrowed) => borrowed,
            Err(handed) => match timeout(self.pool.options().get_acquire_timeout(), handed).await {
                Ok(Ok(borrowed)) => borrowed,
                _ => return Err(none(Error::PoolTimedOut)),
            },
        };
        if borrowed.pooled.is_none() {
            let connection = self.pool.acquire().await.map_err(none)?;
            borrowed.pooled = Some(PooledConnection { connection: Some(connection), uses: 0 });
        }
        Ok(borrowed)
    }

    /// The right to a connection, with the connection if one is idle. If the store has as many as
    /// the pool can give: where the next one will arrive.
    fn place(self: &Arc<Self>) -> Result<Borrowed, Receiver<Borrowed>> {
        let mut over = Vec::new();
        let mut state = self.state();
        while let Some(idled) = state.idle.pop() {
            if idled.since.elapsed() < FRESH {
                return Ok(Borrowed::at(Arc::clone(self), Some(idled.pooled)));
            }
            // It goes back to the pool after the lock is released.
            state.open = state.open.saturating_sub(1);
            over.push(idled);
        }
        if state.open < self.pool.options().get_max_connections() {
            state.open += 1;
            return Ok(Borrowed::at(Arc::clone(self), None));
        }
        let (sender, receiver) = channel();
        state.waiting.push_back(sender);
        Err(receiver)
    }

    /// Gives back the right to a connection, with the connection if it is usable. The next waiting
    /// request gets both.
    pub(crate) fn give_back(self: Arc<Self>, pooled: Option<PooledConnection>) {
        let mut pooled = pooled.filter(|pooled| pooled.uses < USES && !self.pool.is_closed());
        let mut pool = self;
        loop {
            let mut state = pool.state();
            let Some(next) = state.waiting.pop_front() else {
                let Some((pooled, runtime)) = pooled.take().zip(Handle::try_current().ok()) else {
                    state.open = state.open.saturating_sub(1);
                    return;
                };
                let number = state.rests;
                state.rests = number.wrapping_add(1);
                state.idle.push(IdleConnection { number, since: Instant::now(), pooled });
                drop(state);
                drop(runtime.spawn(pool.end_idle(number)));
                return;
            };
            drop(state);
            // A cancelled request leaves both to the next one.
            let Err(mut back) = next.send(Borrowed::at(pool, pooled)) else { return };
            pooled = back.pooled.take();
            match back.pool.take() {
                Some(again) => pool = again,
                None => return,
            }
        }
    }

    /// Returns a connection to the pool if no request takes it soon.
    async fn end_idle(self: Arc<Self>, number: u64) {
        for _ in 0..YIELDS {
            yield_now().await;
        }
        let idled = {
            let mut state = self.state();
            let place = state.idle.iter().position(|idled| idled.number == number);
            place.map(|place| state.idle.swap_remove(place))
        };
        if let Some(idled) = idled {
            drop(idled);
            self.give_back(None);
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is returned to its pool when this is dropped.
pub(crate) struct PooledConnection {
    connection: Option<PoolConnection<Postgres>>,
    uses: u32,
}

impl PooledConnection {
    /// The connection, for another request.
    pub(crate) fn next_use(&mut self) -> Option<&mut PoolConnection<Postgres>> {
        self.uses += 1;
        self.connection.as_mut()
    }

    /// Closes the connection without a message to the server, which might not read it.
    pub(crate) fn close(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return self.close() };
        let Some(mut connection) = self.connection.take() else { return };
        // Waits for the answer of a cancelled request, if one is outstanding. The pool does the
        // same without a limit.
        let returning = connection.return_to_pool();
        drop(runtime.spawn(timeout(LINGER, returning)));
    }
}
