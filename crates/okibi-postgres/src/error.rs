//! Classifies failures of Postgres and of its connections: did the statement have an effect?

use okibi_store::StoreError;
use sqlx::{Error, error::DatabaseError, postgres::PgDatabaseError, postgres::PgSeverity};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// There was no connection, so nothing was sent.
    #[error("no connection to Postgres: {0}")]
    NoConnection(#[source] DriverError),
    /// The request was sent, or was being sent, and failed.
    #[error(transparent)]
    Request(DriverError),
    #[error("{0} holds a NUL character, which Postgres can't store in a column of type text")]
    Nul(&'static str),
    #[error(
        "table okibi_sessions is unlogged, so a crash of the server would empty it; run: \
         ALTER TABLE okibi_sessions SET LOGGED"
    )]
    Unlogged,
}

/// An error of sqlx without the details that Postgres adds: keys and values stay out of logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    #[error("{message} (SQLSTATE {code})")]
    Database { code: String, message: String, is_fatal: bool },
    #[error(transparent)]
    Driver(Error),
}

impl From<Error> for DriverError {
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

impl DriverError {
    /// Whether Postgres aborted the statement because of a concurrent transaction. Nothing was
    /// written.
    pub(crate) fn is_collision(&self) -> bool {
        // Serialization failure (only above READ COMMITTED) and deadlock.
        matches!(self, Self::Database { code, .. } if matches!(code.as_str(), "40001" | "40P01"))
    }

    /// Whether the connection is unusable.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Database { is_fatal: true, .. } | Self::Driver(Error::Io(_) | Error::Tls(_) | Error::Protocol(_))
        )
    }

    /// Whether the statement certainly had no effect.
    ///
    /// An error rolls its statement back. But the end of a connection (57P01 and similar) or the
    /// cancellation of a statement (57014) may happen just after the commit. A proxy that returns
    /// 08… has lost its server and does not know.
    fn is_certainly_not_done(&self) -> bool {
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

impl RequestError {
    /// The store error for a request that changes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        StoreError::unavailable(self)
    }

    /// The store error for a request that writes.
    pub(crate) fn of_write(self) -> StoreError {
        match &self {
            Self::Request(failure) if !failure.is_certainly_not_done() => StoreError::unknown(self),
            Self::Request(_) | Self::NoConnection(_) | Self::Nul(_) | Self::Unlogged => StoreError::unavailable(self),
        }
    }
}
