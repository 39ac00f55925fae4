//! A thread that owns a connection and runs what it is asked, one request after the other.

use std::{
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread,
};

use futures_channel::oneshot;
use okibi_store::StoreError;
use rusqlite::{Connection, ErrorCode};

/// How many requests may wait. More would all be past their deadline before their turn came.
const WAITING: usize = 4096;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to a thread that owns a connection. The thread ends when this is dropped.
pub(crate) struct Worker {
    jobs: SyncSender<Job>,
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{WAITING} requests wait for the database already")]
    Full,
    #[error("the thread of the database has ended")]
    Ended,
    #[error("the thread of the database ended before it answered")]
    Lost,
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(name: &str, mut connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(WAITING);
        thread::Builder::new().name(name.into()).spawn(move || {
            for job in queue {
                job(&mut connection);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Runs `work` on the thread. If the returned future is dropped before the work begins, it isn't done at all; once
    /// begun it is done to its end.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !reply.is_canceled() {
                // An error here says that nobody waits for the answer any more.
                drop(reply.send(work(connection)));
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Fault::Full,
            TrySendError::Disconnected(_) => Fault::Ended,
        })?;
        Ok(answer.await.map_err(|_| Fault::Lost)??)
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
            // A statement or transaction that fails is undone as a whole.
            Self::Sqlite(_) | Self::Full | Self::Ended => StoreError::unavailable(self),
        }
    }
}
