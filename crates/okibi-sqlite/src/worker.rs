//! A thread that owns a connection and carries out what it is asked.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use futures_channel::oneshot;
use okibi_store::StoreError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// How many requests may wait. More would all be past their deadline before their turn came.
const WAITING: usize = 4096;
/// How many requests share a transaction at most.
const TOGETHER: usize = 64;

/// The way to a thread that owns a connection. The thread ends when this is dropped.
pub(crate) struct Worker {
    jobs: SyncSender<Box<dyn Job>>,
}

/// Why a request has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{WAITING} requests wait for the database already")]
    Full,
    #[error("the thread of the database has ended")]
    Ended,
    #[error("the thread of the database ended before it answered")]
    Lost,
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
}

/// A request that waits for its turn.
trait Job: Send {
    /// Whether somebody still waits for the answer.
    fn wanted(&self) -> bool;
    /// Does what was asked and keeps the result. It may be done again if the transaction around it was undone.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Answers: with the result that was kept, or with this fault.
    fn answer(self: Box<Self>, outcome: Result<(), Fault>);
}

struct Request<T, W> {
    work: W,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, Fault>>,
}

impl Worker {
    /// Starts a thread that only reads: each request by itself.
    pub(crate) fn reader(name: &str, connection: Connection) -> std::io::Result<Self> {
        Self::start(name, connection, |connection, jobs| {
            for mut job in jobs {
                let done = job.run(connection);
                job.answer(done.map_err(Fault::from));
            }
        })
    }

    /// Starts a thread that writes. Requests that wait at the same time share a transaction, and so the wait for the
    /// disk; each is answered when it is on disk.
    pub(crate) fn writer(name: &str, connection: Connection) -> std::io::Result<Self> {
        Self::start(name, connection, write)
    }

    fn start(
        name: &str,
        mut connection: Connection,
        serve: fn(&mut Connection, Vec<Box<dyn Job>>),
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Box<dyn Job>>(WAITING);
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Ok(first) = queue.recv() {
                let waiting = std::iter::once(first).chain(queue.try_iter());
                let jobs: Vec<_> = waiting.filter(|job| job.wanted()).take(TOGETHER).collect();
                if !jobs.is_empty() {
                    serve(&mut connection, jobs);
                }
            }
        })?;
        Ok(Self { jobs })
    }

    /// Carries out `work` on the thread. If the returned future is dropped before the work begins, it isn't done at
    /// all; once begun it is done to its end.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Box::new(Request { work, result: None, reply })).map_err(|error| match error {
            TrySendError::Full(_) => Fault::Full,
            TrySendError::Disconnected(_) => Fault::Ended,
        })?;
        answer.await.unwrap_or(Err(Fault::Lost))
    }
}

/// Carries out writes, in one transaction if all goes well.
fn write(connection: &mut Connection, mut jobs: Vec<Box<dyn Job>>) {
    match transact(connection, &mut jobs) {
        Ok(()) => {
            for job in jobs {
                job.answer(Ok(()));
            }
        }
        // One of them failed and all were undone: now each stands for itself.
        Err(Failed::Job(_)) if jobs.len() > 1 => {
            for job in jobs {
                write(connection, vec![job]);
            }
        }
        Err(Failed::Job(error) | Failed::Transaction(error)) => {
            let fault = Fault::from(error);
            for job in jobs {
                job.answer(Err(fault.clone()));
            }
        }
    }
}

/// What a transaction failed of.
enum Failed {
    Job(rusqlite::Error),
    Transaction(rusqlite::Error),
}

/// All of them or none. The write lock is taken first, so that a transaction that has begun can't be refused later.
fn transact(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Failed> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Failed::Transaction)?;
    jobs.iter_mut().try_for_each(|job| job.run(&transaction)).map_err(Failed::Job)?;
    transaction.commit().map_err(Failed::Transaction)
}

impl<T: Send, W: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for Request<T, W> {
    fn wanted(&self) -> bool {
        !self.reply.is_canceled()
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Fault>) {
        let Self { result, reply, .. } = *self;
        // It comes back to us if nobody waits for it any more.
        drop(reply.send(outcome.and_then(|()| result.ok_or(Fault::Lost))));
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl Fault {
    /// What the fault means for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// What the fault means for a request that changes something.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            // The write may have reached the disk although the system reported a failure.
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) => {
                StoreError::unknown(self)
            }
            Self::Lost => StoreError::unknown(self),
            // A transaction that fails is undone as a whole.
            Self::Sqlite(_) | Self::Full | Self::Ended => StoreError::unavailable(self),
        }
    }
}
