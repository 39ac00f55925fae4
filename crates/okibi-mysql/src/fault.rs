//! What a failure of the server or of the way to it says about what was asked.

use okibi_store::StoreError;
use sqlx::{Error, error::DatabaseError, mysql::MySqlDatabaseError};

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection was to be had, so nothing was sent.
    #[error("no connection to the database server: {0}")]
    NoConnection(#[source] Failure),
    /// It failed after it had been sent, or while it was.
    #[error(transparent)]
    Request(Failure),
    #[error("the {what} has {length} bytes, more than the {most} that its column holds")]
    TooLong { what: &'static str, length: usize, most: usize },
    #[error(
        "table okibi_sessions is kept by {0}, which has no transactions and may lose or tear what it acknowledged; run: \
         ALTER TABLE okibi_sessions ENGINE = InnoDB"
    )]
    NotDurable(String),
    #[error("autocommit is off, so nothing that a session writes would stay: it must be on for the pool's connections")]
    NotCommitted,
}

/// What went wrong, in the server's words or in sqlx's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{message} (error {number}, SQLSTATE {state})")]
    Database { number: u16, state: String, message: String },
    #[error(transparent)]
    Driver(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let database = error.as_database_error().and_then(<dyn DatabaseError>::try_downcast_ref::<MySqlDatabaseError>);
        let Some(database) = database else { return Self::Driver(error) };
        let number = database.number();
        // In its message the server says which key it was.
        let message = if number == DUPLICATE { "duplicate key" } else { database.message() };
        Self::Database { number, state: database.code().unwrap_or("HY000").to_owned(), message: message.to_owned() }
    }
}

/// "Duplicate entry": the row is there already.
const DUPLICATE: u16 = 1062;

impl Failure {
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database { number: DUPLICATE, .. })
    }

    /// Whether the server gave up on it because of what another did at the same time. Nothing was written.
    pub(crate) fn is_collision(&self) -> bool {
        // A deadlock, also one that a cluster found when it was to be committed (1213), and a row that has changed since
        // the transaction began (1020).
        matches!(self, Self::Database { number: 1213 | 1020, .. })
    }

    /// Whether what was asked was certainly not carried out.
    ///
    /// An error undoes its statement, but not every error comes before the commit: whoever ends a connection (1053, 1927)
    /// or a statement (1317) may come just after it, an error in the commit itself (1180) may mean anything, and a proxy
    /// makes up errors of its own. So only those count that are known to come before.
    fn is_undone(&self) -> bool {
        match self {
            Self::Database { number, state, .. } => refuses(state) || REFUSED.contains(number),
            // It was never sent.
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

/// Whether all errors of this kind come before anything is committed: of values (21, 22), of constraints (23), of the
/// transaction's state (25), rolled back (40), of syntax, names and rights (3D, 42).
fn refuses(state: &str) -> bool {
    ["21", "22", "23", "25", "3D", "40", "42"].iter().any(|class| state.starts_with(class))
}

/// The same, of errors whose SQLSTATE says nothing.
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

impl Fault {
    /// What the fault means for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// What the fault means for a request that changes something.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            Self::Request(failure) if !failure.is_undone() => StoreError::unknown(self),
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

    use super::{Failure, Fault};

    fn database(number: u16, state: &str) -> Failure {
        Failure::Database { number, state: state.to_owned(), message: String::new() }
    }

    #[test]
    fn s23_only_what_is_known_to_come_before_the_commit_counts_as_not_written() {
        let undone =
            [(1213, "40001"), (1205, "HY000"), (1146, "42S02"), (1142, "42000"), (1792, "25006"), (1290, "HY000")];
        for (number, state) in undone {
            assert_eq!(Fault::Request(database(number, state)).of_write().kind(), Unavailable, "{number}");
        }
        let unclear =
            [(1053, "08S01"), (1180, "HY000"), (1317, "70100"), (1927, "70100"), (1105, "HY000"), (2013, "HY000")];
        for (number, state) in unclear {
            assert_eq!(Fault::Request(database(number, state)).of_write().kind(), Unknown, "{number}");
            assert_eq!(
                Fault::Request(database(number, state)).of_read().kind(),
                Unavailable,
                "{number}: it only reads"
            );
        }
    }

    #[test]
    fn s23_a_lost_connection_is_unknown_after_something_was_sent_and_unavailable_before() {
        let reset = || Failure::Driver(Error::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(Fault::Request(reset()).of_write().kind(), Unknown);
        assert_eq!(Fault::NoConnection(reset()).of_write().kind(), Unavailable);
        assert_eq!(Fault::Request(Failure::Driver(Error::Protocol("?".into()))).of_write().kind(), Unknown);
        assert_eq!(Fault::Request(Failure::Driver(Error::PoolTimedOut)).of_write().kind(), Unavailable);
    }
}
