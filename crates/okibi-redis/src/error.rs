//! Classifies failures of Redis and of its connections: was the command executed?

use std::fmt;

use okibi_store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Error codes that Redis and Valkey return before they execute a command, or from a script before
/// it writes: the key moved, the server is loading, is a replica, is read-only, has no memory, or
/// denies access. `ERR` is not among them, because proxies return it too when an answer is lost.
const REFUSALS: &[&str] = &[
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
    "WRONGTYPE",
];

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The command was not sent: there was no connection.
    Unsent(RedisError),
    /// The command may have been sent.
    Redis(RedisError),
    /// The answer has an unexpected type.
    Unexpected,
}

impl CommandError {
    /// Whether the script is not in the script cache of Redis.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.has_kind(ServerErrorKind::NoScript)
    }

    /// Whether the keys of a command are on different servers.
    pub(crate) fn is_cross_slot(&self) -> bool {
        self.has_kind(ServerErrorKind::CrossSlot)
    }

    /// Whether one of two keys of a slot has moved to another server and the other has not.
    pub(crate) fn is_slot_moving(&self) -> bool {
        self.has_kind(ServerErrorKind::TryAgain)
    }

    /// Whether the server does not know an option of the command. It executed nothing.
    pub(crate) fn is_unknown_option(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some("ERR")
            && error.detail().is_some_and(|detail| detail.starts_with("syntax error")))
    }

    /// Whether the server answered with an error that has no code of its own.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some("ERR"))
    }

    fn has_kind(&self, kind: ServerErrorKind) -> bool {
        matches!(self, Self::Redis(error) if error.kind() == ErrorKind::Server(kind))
    }

    /// Whether the connection was refused, so that nothing was sent.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Unsent(error) | Self::Redis(error) if error.is_connection_refusal())
    }

    /// Whether the connection broke. Another connection may work.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Unsent(error) | Self::Redis(error) if error.is_connection_dropped())
    }

    /// Whether the command was certainly not executed.
    fn is_certainly_not_done(&self) -> bool {
        match self {
            Self::Unsent(_) => true,
            Self::Unexpected => false,
            Self::Redis(error) => match error.kind() {
                // These errors occur while connecting, or before a command is sent.
                ErrorKind::AuthenticationFailed
                | ErrorKind::InvalidClientConfig
                | ErrorKind::Client
                | ErrorKind::MasterNameNotFoundBySentinel
                | ErrorKind::NoValidReplicasFoundBySentinel
                | ErrorKind::EmptySentinelList
                | ErrorKind::ClusterConnectionNotFound
                | ErrorKind::RESP3NotSupported => true,
                ErrorKind::Io => error.is_connection_refusal(),
                _ => error.code().is_some_and(|code| REFUSALS.contains(&code)),
            },
        }
    }

    /// The failure of a step before the write of the record. The record is unchanged.
    pub(crate) fn before_write(self) -> StoreError {
        StoreError::unavailable(Cause(self))
    }
}

impl From<CommandError> for StoreError {
    fn from(error: CommandError) -> Self {
        if error.is_certainly_not_done() { Self::unavailable(Cause(error)) } else { Self::unknown(Cause(error)) }
    }
}

/// The message for operators. Some `ERR` messages of Redis repeat the command, and that stays out
/// of logs.
#[derive(Debug, thiserror::Error)]
struct Cause(CommandError);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            CommandError::Unexpected => f.write_str("redis: answer of an unexpected type"),
            CommandError::Unsent(error) | CommandError::Redis(error) => match error.code() {
                Some("ERR") => {
                    let text = error.detail().unwrap_or_default();
                    let spoken = text.split(['\'', '`', '"']).next().unwrap_or_default();
                    write!(f, "redis: ERR {}", spoken.trim_end())
                }
                Some(code) => write!(f, "redis: {code} {}", error.detail().unwrap_or_default()),
                None => write!(f, "redis: {error}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use okibi_store::{StoreError, StoreErrorKind};
    use redis::{ErrorKind, RedisError, Value, parse_redis_value};

    use super::{CommandError, REFUSALS};

    fn answered(line: &str) -> RedisError {
        parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(Value::extract_error).unwrap_err()
    }

    fn kind_of(error: RedisError) -> StoreErrorKind {
        StoreError::from(CommandError::Redis(error)).kind()
    }

    #[test]
    fn s23_what_redis_refused_was_not_done() {
        for code in REFUSALS {
            assert_eq!(kind_of(answered(&format!("{code} some words"))), StoreErrorKind::Unavailable, "{code}");
        }
        assert_eq!(kind_of(answered("ERR upstream failure")), StoreErrorKind::Unknown);
        assert_eq!(kind_of(answered("SOMETHINGNEW")), StoreErrorKind::Unknown);
    }

    #[test]
    fn s23_only_a_refused_connection_shows_that_nothing_was_sent() {
        let by = |kind: io::ErrorKind| kind_of(io::Error::from(kind).into());
        assert_eq!(by(io::ErrorKind::ConnectionRefused), StoreErrorKind::Unavailable);
        for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut] {
            assert_eq!(by(kind), StoreErrorKind::Unknown, "{kind}");
        }
        let reset = || RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(StoreError::from(CommandError::Unsent(reset())).kind(), StoreErrorKind::Unavailable);
        assert_eq!(kind_of((ErrorKind::Parse, "nonsense").into()), StoreErrorKind::Unknown);
        assert_eq!(StoreError::from(CommandError::Unexpected).kind(), StoreErrorKind::Unknown);
    }

    #[test]
    fn s7_what_redis_repeats_of_a_command_is_not_passed_on() {
        let text = "ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 'session:secret'";
        let error = StoreError::from(CommandError::Redis(answered(text)));
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "redis: ERR unknown command");
        let error = StoreError::from(CommandError::Redis(answered("OOM command not allowed")));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "redis: OOM command not allowed");
    }
}
