//! What a failure of Redis, or of the way to it, says about whether a command was carried out.

use std::fmt;

use okibi_store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What Redis and Valkey answer before they carry anything out, or from within a script before it has written anything:
/// it moved, is loading, is a replica, may not write, has no room, or does not know the caller. `ERR` is not among them, since
/// proxies in front of Redis say that too when an answer is lost.
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

/// A command failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It was never sent: no connection was to be had.
    Unsent(RedisError),
    /// It may have been sent.
    Redis(RedisError),
    /// It was answered with something that no Redis says.
    Strange,
}

impl Fault {
    /// Whether Redis has not seen the script that was called by its name.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.has_kind(ServerErrorKind::NoScript)
    }

    /// Whether the keys of a command lie on different servers.
    pub(crate) fn is_apart(&self) -> bool {
        self.has_kind(ServerErrorKind::CrossSlot)
    }

    /// Whether of two keys that lie together one has moved to another server already and the other has not.
    pub(crate) fn is_between(&self) -> bool {
        self.has_kind(ServerErrorKind::TryAgain)
    }

    fn has_kind(&self, kind: ServerErrorKind) -> bool {
        matches!(self, Self::Redis(error) if error.kind() == ErrorKind::Server(kind))
    }

    /// Whether nobody listens there, so that nothing was sent.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Unsent(error) | Self::Redis(error) if error.is_connection_refusal())
    }

    /// Whether the connection broke, so that another one may do.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Unsent(error) | Self::Redis(error) if error.is_connection_dropped())
    }

    /// Whether the command was certainly not carried out.
    fn is_undone(&self) -> bool {
        match self {
            Self::Unsent(_) => true,
            Self::Strange => false,
            Self::Redis(error) => match error.kind() {
                // These come up while a connection is made, or before a command is sent.
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

    /// The failure of a step before the record was touched, whatever became of that step.
    pub(crate) fn beforehand(self) -> StoreError {
        StoreError::unavailable(Cause(self))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        if fault.is_undone() { Self::unavailable(Cause(fault)) } else { Self::unknown(Cause(fault)) }
    }
}

/// What an operator reads. Redis repeats what it was sent in some of its `ERR` texts, and that stays out of logs.
#[derive(Debug, thiserror::Error)]
struct Cause(Fault);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Strange => f.write_str("redis: an answer that is none"),
            Fault::Unsent(error) | Fault::Redis(error) => match error.code() {
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

    use super::{Fault, REFUSALS};

    fn answered(line: &str) -> RedisError {
        parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(Value::extract_error).unwrap_err()
    }

    fn kind_of(error: RedisError) -> StoreErrorKind {
        StoreError::from(Fault::Redis(error)).kind()
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
        assert_eq!(StoreError::from(Fault::Unsent(reset())).kind(), StoreErrorKind::Unavailable);
        assert_eq!(kind_of((ErrorKind::Parse, "nonsense").into()), StoreErrorKind::Unknown);
        assert_eq!(StoreError::from(Fault::Strange).kind(), StoreErrorKind::Unknown);
    }

    #[test]
    fn s7_what_redis_repeats_of_a_command_is_not_passed_on() {
        let text = "ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 'session:secret'";
        let error = StoreError::from(Fault::Redis(answered(text)));
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "redis: ERR unknown command");
        let error = StoreError::from(Fault::Redis(answered("OOM command not allowed")));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "redis: OOM command not allowed");
    }
}
