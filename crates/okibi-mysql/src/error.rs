//! Classifies failures of the server and of its connections: did the statement have an effect?

use okibi_store::StoreError;
use sqlx::{Error, error::DatabaseError, mysql::MySqlDatabaseError};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// There was no connection, so nothing was sent.
    #[error("no connection to the database server: {0}")]
    NoConnection(#[source] DriverError),
    /// The request was sent, or was being sent, and failed.
    #[error(transparent)]
    Request(DriverError),
    #[error("the {what} has {length} bytes, more than the {most} that its column holds")]
    TooLong { what: &'static str, length: usize, most: usize },
    #[error(
        "table okibi_sessions is kept by {0}, which has no transactions and may lose acknowledged writes; run: \
         ALTER TABLE okibi_sessions ENGINE = InnoDB"
    )]
    NotDurable(String),
    #[error("autocommit is off, so writes of sessions would be lost: turn it on for the pool's connections")]
    NotCommitted,
}

/// An error of the server or of sqlx.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    #[error("{message} (error {number}, SQLSTATE {state})")]
    Database { number: u16, state: String, message: String },
    #[error(transparent)]
    Driver(Error),
}

impl From<Error> for DriverError {
    fn from(error: Error) -> Self {
        let database = error.as_database_error().and_then(<dyn DatabaseError>::try_downcast_ref::<MySqlDatabaseError>);
        let Some(database) = database else { return Self::Driver(error) };
        let number = database.number();
        // The server's message contains the key.
        let message = if number == DUPLICATE { "duplicate key" } else { database.message() };
        Self::Database { number, state: database.code().unwrap_or("HY000").to_owned(), message: message.to_owned() }
    }
}

/// "Duplicate entry": the row exists already.
const DUPLICATE: u16 = 1062;

impl DriverError {
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database { number: DUPLICATE, .. })
    }

    /// Whether the server aborted the statement because of a concurrent transaction. Nothing was
    /// written.
    pub(crate) fn is_collision(&self) -> bool {
        // A deadlock, also one that a cluster finds at the commit (1213), and a row that has
        // changed since the transaction began (1020).
        matches!(self, Self::Database { number: 1213 | 1020, .. })
    }

    /// Whether the statement certainly had no effect.
    ///
    /// An error rolls its statement back, but not every error comes before the commit. The end of a
    /// connection (1053, 1927) or of a statement (1317) may come just after it. An error in the
    /// commit (1180) may mean either. A proxy returns errors of its own. So only errors count that
    /// are known to come before the commit.
    fn is_certainly_not_done(&self) -> bool {
        match self {
            Self::Database { number, state, .. } => refuses(state) || REFUSED.contains(number),
            // The statement was not sent.
            Self::Driver(error) => matches!(
                error,
                Error::Configuration(_)
                    | Error::InvalidArgument(_)
                    | Error::Encode(_)
                    | Error::TypeNotFound { .. }
                    | Error::PoolTimedOut
                    | Error::PoolClosed
            ),
        }
    }
}

/// Whether all errors of this class come before the commit: values (21, 22), constraints (23),
/// transaction state (25), rollback (40), syntax, names and rights (3D, 42).
fn refuses(state: &str) -> bool {
    ["21", "22", "23", "25", "3D", "40", "42"].iter().any(|class| state.starts_with(class))
}

/// The same for errors with an unspecific SQLSTATE.
const REFUSED: [u16; 14] = [
    1020, // the row has changed since the transaction began
    1114, // the table is full
    1153, // the statement is longer than `max_allowed_packet`
    1205, // waited too long for a lock
    1206, // too many locks
    1223, // FLUSH TABLES WITH READ LOCK
    1243, // no such prepared statement
    1290, // the server runs with --read-only, or another option that forbids it
    1364, // a column of the table has no default
    1366, // a value does not fit its column
    1615, // the prepared statement must be prepared again
    1836, // the server is read-only for now
    3819, // a CHECK of the app's own
    4031, // the server had closed the connection because it was idle
];

impl RequestError {
    /// The store error for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// The store error for a request that writes.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            Self::Request(failure) if !failure.is_certainly_not_done() => StoreError::unknown(self),
            Self::Request(_)
            | Self::NoConnection(_)
            | Self::TooLong { .. }
            | Self::NotDurable(_)
            | Self::NotCommitted => StoreError::unavailable(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use okibi_store::StoreErrorKind::{Unavailable, Unknown};
    use sqlx::Error;

    use super::{DriverError, RequestError};

    fn database(number: u16, state: &str) -> DriverError {
        DriverError::Database { number, state: state.to_owned(), message: String::new() }
    }

    #[test]
    fn s23_only_what_is_known_to_come_before_the_commit_counts_as_not_written() {
        let undone =
            [(1213, "40001"), (1205, "HY000"), (1146, "42S02"), (1142, "42000"), (1792, "25006"), (1290, "HY000")];
        for (number, state) in undone {
            assert_eq!(RequestError::Request(database(number, state)).of_write().kind(), Unavailable, "{number}");
        }
        let unclear =
            [(1053, "08S01"), (1180, "HY000"), (1317, "70100"), (1927, "70100"), (1105, "HY000"), (2013, "HY000")];
        for (number, state) in unclear {
            assert_eq!(RequestError::Request(database(number, state)).of_write().kind(), Unknown, "{number}");
            assert_eq!(
                RequestError::Request(database(number, state)).of_read().kind(),
                Unavailable,
                "{number}: it only reads"
            );
        }
    }

    #[test]
    fn s23_a_lost_connection_is_unknown_after_something_was_sent_and_unavailable_before() {
        let reset = || DriverError::Driver(Error::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(RequestError::Request(reset()).of_write().kind(), Unknown);
        assert_eq!(RequestError::NoConnection(reset()).of_write().kind(), Unavailable);
        assert_eq!(RequestError::Request(DriverError::Driver(Error::Protocol("?".into()))).of_write().kind(), Unknown);
        assert_eq!(RequestError::Request(DriverError::Driver(Error::PoolTimedOut)).of_write().kind(), Unavailable);
    }
}
