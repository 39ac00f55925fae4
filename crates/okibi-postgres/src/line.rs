//! Hands connections from one request of the store to the next, with no word to the server in between.
//!
//! A pool of sqlx asks every connection that comes back for a sign of life, and by default every one that it hands out. Each
//! is a round trip for which nothing else can use the connection. One that answered just now is as good as one that was asked.

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

use crate::{connection::Held, fault::Fault};

/// How many requests a connection serves before it goes back to the pool, where the rest of the app waits for its turn.
const TURNS: u32 = 16;
/// How long ago a connection's last answer may be if it is to be used without asking.
const FRESH: Duration = Duration::from_millis(5);
/// How often others may run before a connection that nobody has taken goes back to the pool.
const YIELDS: usize = 2;
/// How long a connection may take to answer once nobody waits for its answer any more.
///
/// Until then it keeps its place in the pool: as many requests as the pool has places can wait in the server for a lock, and
/// not one for each request that was given up. After that it is closed, so that a network that swallows everything
/// does not use up the pool.
const LINGER: Duration = Duration::from_secs(5);

/// The requests of one store, and the connections between them.
pub(crate) struct Line {
    pool: PgPool,
    state: Mutex<State>,
}

/// Either nobody waits or nothing rests.
#[derive(Default)]
struct State {
    /// How many connections the store has, or is about to get from the pool.
    places: u32,
    waiting: VecDeque<Sender<Held>>,
    resting: Vec<Resting>,
    rests: u64,
}

/// A connection between two requests.
struct Resting {
    number: u64,
    since: Instant,
    wire: Wire,
}

impl Line {
    pub(crate) fn new(pool: PgPool) -> Arc<Self> {
        Arc::new(Self { pool, state: Mutex::default() })
    }

    /// A connection: one that another request is done with, or one from the pool.
    pub(crate) async fn held(self: &Arc<Self>) -> Result<Held, Fault> {
        let none = |error: Error| Fault::NoConnection(error.into());
        let mut held = match self.place() {
            Ok(held) => held,
            Err(handed) => match timeout(self.pool.options().get_acquire_timeout(), handed).await {
                Ok(Ok(held)) => held,
                _ => return Err(none(Error::PoolTimedOut)),
            },
        };
        if held.wire.is_none() {
            let connection = self.pool.acquire().await.map_err(none)?;
            held.wire = Some(Wire { connection: Some(connection), turns: 0 });
        }
        Ok(held)
    }

    /// A place for a connection, maybe with one. If the store has all that the pool can give: where one will come.
    fn place(self: &Arc<Self>) -> Result<Held, Receiver<Held>> {
        let mut over = Vec::new();
        let mut state = self.state();
        while let Some(rested) = state.resting.pop() {
            if rested.since.elapsed() < FRESH {
                return Ok(Held::at(Arc::clone(self), Some(rested.wire)));
            }
            // It goes back to the pool, but not while the lock is held.
            state.places = state.places.saturating_sub(1);
            over.push(rested);
        }
        if state.places < self.pool.options().get_max_connections() {
            state.places += 1;
            return Ok(Held::at(Arc::clone(self), None));
        }
        let (sender, receiver) = channel();
        state.waiting.push_back(sender);
        Err(receiver)
    }

    /// Somebody leaves a place, with a connection that has nothing left to say, or without one.
    pub(crate) fn leave(self: Arc<Self>, wire: Option<Wire>) {
        let mut wire = wire.filter(|wire| wire.turns < TURNS && !self.pool.is_closed());
        let mut line = self;
        loop {
            let mut state = line.state();
            let Some(next) = state.waiting.pop_front() else {
                let Some((wire, runtime)) = wire.take().zip(Handle::try_current().ok()) else {
                    state.places = state.places.saturating_sub(1);
                    return;
                };
                let number = state.rests;
                state.rests = number.wrapping_add(1);
                state.resting.push(Resting { number, since: Instant::now(), wire });
                drop(state);
                drop(runtime.spawn(line.end_rest(number)));
                return;
            };
            drop(state);
            // Who has given up waiting leaves everything to the next.
            let Err(mut back) = next.send(Held::at(line, wire)) else { return };
            wire = back.wire.take();
            match back.line.take() {
                Some(again) => line = again,
                None => return,
            }
        }
    }

    /// Gives a connection back to the pool if nobody takes it soon.
    async fn end_rest(self: Arc<Self>, number: u64) {
        for _ in 0..YIELDS {
            yield_now().await;
        }
        let rested = {
            let mut state = self.state();
            let place = state.resting.iter().position(|rested| rested.number == number);
            place.map(|place| state.resting.swap_remove(place))
        };
        if let Some(rested) = rested {
            drop(rested);
            self.leave(None);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back to its pool when this is dropped.
pub(crate) struct Wire {
    connection: Option<PoolConnection<Postgres>>,
    turns: u32,
}

impl Wire {
    /// The connection, for one more request.
    pub(crate) fn next_turn(&mut self) -> Option<&mut PoolConnection<Postgres>> {
        self.turns += 1;
        self.connection.as_mut()
    }

    /// Closes it without a word to the server, which might not listen.
    pub(crate) fn close(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return self.close() };
        let Some(mut connection) = self.connection.take() else { return };
        // Waits for the answer of what was given up, if there is any. The pool does the same, but without an end.
        let returning = connection.return_to_pool();
        drop(runtime.spawn(timeout(LINGER, returning)));
    }
}
