//! A thread that owns a connection and runs jobs on it.

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

/// Requests that may wait. More would be past their deadline before their turn.
const WAITING: usize = 4096;
/// Most requests in one transaction.
const TOGETHER: usize = 64;

/// A handle of a thread that owns a connection. The thread ends when this is dropped.
pub(crate) struct Worker {
    jobs: SyncSender<Box<dyn Job>>,
}

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error("{WAITING} requests are waiting for the database already")]
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
    /// Whether the caller still waits for the answer.
    fn wanted(&self) -> bool;
    /// Runs the request and keeps the result. It may run again if its transaction was rolled back.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Answers with the kept result, or with this error.
    fn answer(self: Box<Self>, outcome: Result<(), WorkerError>);
}

struct PendingJob<T, W> {
    work: W,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, WorkerError>>,
}

impl Worker {
    /// Starts a thread for reads. Each request runs by itself.
    pub(crate) fn reader(name: &str, connection: Connection) -> std::io::Result<Self> {
        Self::start(name, connection, |connection, jobs| {
            for mut job in jobs {
                let done = job.run(connection);
                job.answer(done.map_err(WorkerError::from));
            }
        })
    }

    /// Starts a thread for writes. Requests that wait at the same time share a transaction and its
    /// disk sync. Each is answered when it is on disk.
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

    /// Runs `work` on the thread. If the returned future is dropped before the work begins, it does
    /// not run. Once begun, it runs to its end.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, WorkerError>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Box::new(PendingJob { work, result: None, reply })).map_err(|error| match error {
            TrySendError::Full(_) => WorkerError::Full,
            TrySendError::Disconnected(_) => WorkerError::Ended,
        })?;
        answer.await.unwrap_or(Err(WorkerError::Lost))
    }
}

/// Runs writes in one transaction, or each in its own if one of them fails.
fn write(connection: &mut Connection, mut jobs: Vec<Box<dyn Job>>) {
    match transact(connection, &mut jobs) {
        Ok(()) => {
            for job in jobs {
                job.answer(Ok(()));
            }
        }
        // One of them failed and all were rolled back: now each runs by itself.
        Err(TransactionError::Job(_)) if jobs.len() > 1 => {
            for job in jobs {
                write(connection, vec![job]);
            }
        }
        Err(TransactionError::Job(error) | TransactionError::Transaction(error)) => {
            let error = WorkerError::from(error);
            for job in jobs {
                job.answer(Err(error.clone()));
            }
        }
    }
}

/// Why a transaction failed.
enum TransactionError {
    Job(rusqlite::Error),
    Transaction(rusqlite::Error),
}

/// Runs all jobs or none. It takes the write lock first, so that a transaction that has begun can't
/// be refused later.
fn transact(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), TransactionError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(TransactionError::Transaction)?;
    jobs.iter_mut().try_for_each(|job| job.run(&transaction)).map_err(TransactionError::Job)?;
    transaction.commit().map_err(TransactionError::Transaction)
}

impl<T: Send, W: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for PendingJob<T, W> {
    fn wanted(&self) -> bool {
        !self.reply.is_canceled()
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), WorkerError>) {
        let Self { result, reply, .. } = *self;
        // The send fails if the caller was cancelled.
        drop(reply.send(outcome.and_then(|()| result.ok_or(WorkerError::Lost))));
    }
}

impl From<rusqlite::Error> for WorkerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl WorkerError {
    /// The store error for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// The store error for a request that writes.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            // The write may be on disk although the system reported a failure.
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) => {
                StoreError::unknown(self)
            }
            Self::Lost => StoreError::unknown(self),
            // A failed transaction is rolled back as a whole.
            Self::Sqlite(_) | Self::Full | Self::Ended => StoreError::unavailable(self),
        }
    }
}
