//! Errors of configurations and changes, and the reasons why a cookie opens no session.

mod event;
mod parts;

use alloc::string::String;
use core::{fmt, time::Duration};

pub use event::Event;
pub use parts::Shown;

use parts::{COOKIE_NAME, NAMESPACE, NEEDS_SECURE, NO_SECRET};

use crate::{json, time::millis};

/// An invalid configuration. It is found when the engine is created, never during a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The cookie's name is empty, too long, or has characters that are not allowed.
    #[error("cookie name {}: {rule}", Quoted(.0), rule = COOKIE_NAME)]
    CookieName(String),
    /// The name has a prefix such as `__Host-`, but the cookie breaks the prefix's rule (RFC
    /// 6265bis).
    #[error("cookie name {}: {rule}", Quoted(name))]
    CookiePrefix {
        /// The configured name.
        name: String,
        /// The broken rule and the fix.
        rule: String,
    },
    /// `SameSite=None` or `Partitioned` without `Secure`. Browsers drop such a cookie.
    #[error("{attribute} {rule}", attribute = .0, rule = NEEDS_SECURE)]
    NeedsSecure(&'static str),
    /// An attribute of the cookie, such as its path, is too long or has characters that are not
    /// allowed.
    #[error("cookie {attribute} {}: {rule}", Quoted(value))]
    CookieAttribute {
        /// The attribute's name.
        attribute: &'static str,
        /// The configured value.
        value: String,
        /// The rule.
        rule: &'static str,
    },
    /// The namespace of store keys is empty, too long, or has characters that are not allowed.
    #[error("namespace {}: {rule}", Quoted(.0), rule = NAMESPACE)]
    Namespace(String),
    /// A duration is zero, too long, or contradicts another one.
    #[error("{option} of {}: {rule}", Span(*value))]
    Span {
        /// The option's name.
        option: &'static str,
        /// The configured value.
        value: Duration,
        /// The rule.
        rule: &'static str,
    },
    /// A limit is zero or above the maximum.
    #[error("{option} of {value}: {rule}")]
    Limit {
        /// The option's name.
        option: &'static str,
        /// The configured value.
        value: usize,
        /// The rule.
        rule: &'static str,
    },
    /// The list of secrets is empty, but a secret is required.
    #[error("secrets: {rule}", rule = NO_SECRET)]
    NoSecret,
    /// A secret is shorter than 32 bytes. Its value is not shown.
    #[error("secret number {position}: {length} bytes; must be at least 32 bytes")]
    ShortSecret {
        /// Its position in the list, counted from 1.
        position: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// Two secrets have the same secret id, most likely because they are equal.
    #[error("secrets number {0} and {1}: equal secret ids; remove one of them")]
    EqualSecrets(usize, usize),
    /// An option that contradicts another option, or the way in which sessions are stored.
    #[error("{0}")]
    Together(&'static str),
    /// A value from a binding that cannot be read.
    #[error("{option}: {rule}")]
    Options {
        /// The option, as the binding names it.
        option: String,
        /// The JSON of the value; `None` for a secret, or if the error is not about a value.
        value: Option<String>,
        /// The rule.
        rule: &'static str,
    },
}

/// A string in quotes. (`Debug` would add tables of all characters to the WebAssembly module.)
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = String::new();
        json::push_string(&mut quoted, self.0);
        f.write_str(&quoted)
    }
}

/// A duration in seconds, or in milliseconds if it has a fraction of a second.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match millis(self.0) {
            millis if millis % 1000 == 0 => (millis / 1000, "s"),
            millis => (millis, "ms"),
        };
        let mut text = String::new();
        json::push_number(&mut text, number);
        text.push_str(unit);
        f.write_str(&text)
    }
}

/// Why a change or a commit was refused. The kinds are stable; the messages are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The store is not available. Nothing was written.
    #[error("session store unavailable: nothing was written")]
    StoreUnavailable,
    /// The store's reply is lost. The change may or may not have happened.
    #[error("session store did not answer: the outcome is unknown")]
    StoreUnknown,
    /// Other requests changed the session until the deadline of this commit.
    #[error("session commit: too many conflicts before the deadline")]
    Conflict,
    /// The record is larger than the configured limit.
    #[error("session record: larger than the configured limit")]
    RecordTooLarge,
    /// The record has more names than the configured limit.
    #[error("session record: more names than the configured limit")]
    TooManyNames,
    /// A commit has more than 1024 updates.
    #[error("session update: more than 1024 in one commit; commit in between, or set a value that was computed once")]
    TooManyUpdates,
    /// The sealed session does not fit into one cookie of 4096 bytes, into the number of cookies in
    /// `chunks`, or into the total size in `max_cookie_bytes`.
    #[error(
        "session cookie: the sealed session needs more than one cookie of 4096 bytes, than the cookies of `chunks`, or than \
         the total of `max_cookie_bytes` (default 8192); store less, raise them (servers in front have limits too), or use a \
         store"
    )]
    CookieTooLarge,
    /// A name is longer than 256 bytes.
    #[error("session name: longer than 256 bytes")]
    InvalidName,
    /// A value is not JSON, or nests deeper than the configured limit.
    #[error("session value: not JSON, or nested deeper than the configured limit")]
    InvalidValue,
    /// An owner is empty or longer than 256 bytes.
    #[error("session owner: must be 1 to 256 bytes")]
    InvalidOwner,
    /// An idle timeout is shorter than 1 second or longer than 400 days.
    #[error("session idle timeout: must be between 1 second and 400 days")]
    InvalidTimeout,
    /// An idle timeout is longer than the session's absolute timeout.
    #[error(
        "session idle timeout of {}: longer than its absolute timeout of {}; set both (`set_absolute`), or a shorter one",
        Span(*idle), Span(*absolute)
    )]
    IdleBeyondAbsolute {
        /// The idle timeout.
        idle: Duration,
        /// The absolute timeout.
        absolute: Duration,
    },
    /// An absolute timeout is shorter than 1 second, or is over already.
    #[error("session absolute timeout: must be at least 1 second and not over yet; destroy ends the session now")]
    InvalidAbsolute,
    /// With revocations, an absolute timeout is longer than a revocation is kept.
    #[error(
        "session absolute timeout: with revocations at most the configured absolute, which is how long a revocation is kept; raise that"
    )]
    AbsoluteBeyondNotes,
    /// `take` without compare-and-swap: two requests could get the value.
    #[error("take: this session has no compare-and-swap, so a value could be handed out twice; use get and remove")]
    UnsupportedByStore,
    /// The session's dialect cannot store the change. The older dialects have no owner and no
    /// label; okibi's own dialect has no id that the app chooses.
    #[error("session dialect: it cannot store this change; use another dialect")]
    UnsupportedByDialect,
    /// An id that the app chose is malformed in its dialect.
    #[error(
        "session id: hono-sessions needs a lower-case UUID v4, hono-kv-session 1 to 128 characters fit for a cookie"
    )]
    InvalidId,
    /// The source of random bytes failed, or the call has too few of them.
    #[error("random: the source of random bytes failed")]
    RandomFailed,
    /// The calls came in a wrong order, or the flow is damaged.
    #[error("engine: this answer does not fit the requested step")]
    OutOfOrder,
}

impl Refusal {
    /// The stable code of the face's error, as listed in `facts/errors.md`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreUnknown => "store_unknown",
            Self::Conflict => "conflict",
            Self::RecordTooLarge | Self::TooManyNames | Self::TooManyUpdates | Self::CookieTooLarge => "too_large",
            Self::InvalidName => "invalid_name",
            Self::InvalidValue => "invalid_value",
            Self::InvalidOwner => "invalid_owner",
            Self::InvalidTimeout
            | Self::IdleBeyondAbsolute { .. }
            | Self::InvalidAbsolute
            | Self::AbsoluteBeyondNotes => "invalid_timeout",
            Self::UnsupportedByStore => "unsupported_by_store",
            Self::UnsupportedByDialect => "unsupported_by_dialect",
            Self::InvalidId => "invalid_id",
            Self::RandomFailed => "random_failed",
            Self::OutOfOrder => "internal",
        }
    }
}

/// Why a cookie opens no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The value is malformed.
    Malformed,
    /// Some chunks are missing.
    Incomplete,
    /// No configured secret has the secret id in the seal.
    UnknownSecret,
    /// The signature or seal does not verify.
    Forged,
    /// Two values of the cookie open, or there are more than two.
    Duplicate,
    /// Nothing is stored under the id.
    UnknownId,
    /// The idle or absolute timeout is over.
    Expired,
    /// The stored or sealed record does not decode.
    Undecodable,
    /// The session was rotated.
    RotatedAway,
    /// The sealed session was destroyed or rotated.
    Revoked,
}

impl Reason {
    /// The event that reports the reason. An unknown secret and a wrong signature have the same
    /// event, because both mean that the cookie was not made with this app's secrets.
    pub(crate) const fn event(self) -> Event {
        match self {
            Self::Malformed => Event::MalformedCookie,
            Self::Incomplete => Event::IncompleteChunks,
            Self::UnknownSecret | Self::Forged => Event::ForgedCookie,
            Self::Duplicate => Event::DuplicateCookie,
            Self::UnknownId => Event::UnknownId,
            Self::Expired => Event::Expired,
            Self::Undecodable => Event::UndecodableRecord,
            Self::RotatedAway => Event::RotatedAway,
            Self::Revoked => Event::Revoked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Reason};

    #[test]
    fn each_reason_has_its_event() {
        let told = [
            (Reason::Malformed, Event::MalformedCookie),
            (Reason::Incomplete, Event::IncompleteChunks),
            (Reason::UnknownSecret, Event::ForgedCookie),
            (Reason::Forged, Event::ForgedCookie),
            (Reason::Duplicate, Event::DuplicateCookie),
            (Reason::UnknownId, Event::UnknownId),
            (Reason::Expired, Event::Expired),
            (Reason::Undecodable, Event::UndecodableRecord),
            (Reason::RotatedAway, Event::RotatedAway),
            (Reason::Revoked, Event::Revoked),
        ];
        for (reason, event) in told {
            assert_eq!(reason.event(), event);
        }
    }
}
