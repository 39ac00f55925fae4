//! What a failure of Postgres or of the way to it says about what was asked.

use okibi_store::StoreError;
use sqlx::{Error, error::DatabaseError, postgres::PgDatabaseError, postgres::PgSeverity};

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection was to be had, so nothing was sent.
    #[error("no connection to Postgres: {0}")]
    NoConnection(#[source] Failure),
    /// It failed after it had been sent, or while it was.
    #[error(transparent)]
    Request(Failure),
    #[error("{0} holds a NUL character, which Postgres can't store in a text")]
    Nul(&'static str),
    #[error(
        "table okibi_sessions is unlogged, so a crash of the server would empty it; run: \
         ALTER TABLE okibi_sessions SET LOGGED"
    )]
    Unlogged,
}

/// An error of sqlx's without what Postgres tells of rows: keys and values stay out of logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{message} (SQLSTATE {code})")]
    Database { code: String, message: String, is_fatal: bool },
    #[error(transparent)]
    Driver(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let database = error.as_database_error().and_then(<dyn DatabaseError>::try_downcast_ref::<PgDatabaseError>);
        let Some(database) = database else { return Self::Driver(error) };
        Self::Database {
            code: database.code().to_owned(),
            message: database.message().to_owned(),
            is_fatal: matches!(database.severity(), PgSeverity::Fatal | PgSeverity::Panic),
        }
    }
}

impl Failure {
    /// Whether Postgres gave up on it because of what another did at the same time. Nothing was written.
    pub(crate) fn is_collision(&self) -> bool {
        // Serialization failure, which only happens above READ COMMITTED, and deadlock.
        matches!(self, Self::Database { code, .. } if matches!(code.as_str(), "40001" | "40P01"))
    }

    /// Whether the connection is of no use any more.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Database { is_fatal: true, .. } | Self::Driver(Error::Io(_) | Error::Tls(_) | Error::Protocol(_))
        )
    }

    /// Whether what was asked was certainly not carried out.
    ///
    /// An error undoes its statement. But whoever ends a connection (57P01 and its like) or cancels a statement (57014)
    /// may come just after it was committed, and a proxy that says 08… has lost its server, so it does not know.
    fn is_undone(&self) -> bool {
        match self {
            Self::Database { is_fatal: true, .. } => false,
            Self::Database { code, .. } => !(code.starts_with("57") || code.starts_with("08") || code == "40003"),
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

impl Fault {
    /// What the fault means for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// What the fault means for a request that changes something.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            Self::Request(failure) if !failure.is_undone() => StoreError::unknown(self),
            Self::Request(_) | Self::NoConnection(_) | Self::Nul(_) | Self::Unlogged => StoreError::unavailable(self),
        }
    }
}
