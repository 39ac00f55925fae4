//! The kinds of errors. Written by `cargo xtask facts` from facts/errors.md: change that.

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store is not available or did not answer in time; nothing was written.
    StoreUnavailable,
    /// The store's reply was lost; the changes may or may not have been written.
    StoreUnknown,
    /// Other requests changed the session until the commit's deadline; nothing was written.
    Conflict,
    /// The record, its number of names, the number of updates in one commit (at most 1024), or the sealed cookie is too
    /// large.
    TooLarge,
    /// A name is longer than 256 bytes, or is not a string.
    InvalidName,
    /// A value is not JSON that reads back as it was set, or nests too deep, or has an integer that
    /// `Sessions::safe_integers` refuses; or a label is not a string; or the handle of `revokeAllExcept` is empty or
    /// not a string.
    InvalidValue,
    /// An owner is empty, longer than 256 bytes, or not a string.
    InvalidOwner,
    /// An idle timeout is shorter than 1 second, longer than 400 days, or longer than the absolute timeout; or an
    /// absolute timeout is over already.
    InvalidTimeout,
    /// The session's dialect cannot store the change, such as an owner in `hono-sessions`.
    UnsupportedByDialect,
    /// The store cannot do this: list sessions by owner, or hand a value to exactly one request (`take`); a sealed
    /// cookie can do neither.
    UnsupportedByStore,
    /// The source of random bytes failed.
    RandomFailed,
    /// The stored value cannot be read: in Rust it does not fit the type of the name, in JavaScript it has a number
    /// that JavaScript cannot represent. The value stays as it is.
    Mismatch,
    /// A change after the response headers were sent.
    HeadersSent,
    /// There is no session layer or middleware around the handler.
    NoMiddleware,
    /// The function of an `update` changes the session itself.
    UpdateChanges,
    /// The function of an `update` panicked or threw when it was run again on a newer value.
    UpdateFailed,
    /// An invalid option, two layers or middlewares with one cookie that differ, or two in one app with one store and
    /// one namespace; the message names the option.
    Config,
    /// A bug in okibi; please report it.
    Internal,
}

impl ErrorKind {
    /// The stable name of this kind, the same as in the JavaScript package.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreUnknown => "store_unknown",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::InvalidName => "invalid_name",
            Self::InvalidValue => "invalid_value",
            Self::InvalidOwner => "invalid_owner",
            Self::InvalidTimeout => "invalid_timeout",
            Self::UnsupportedByDialect => "unsupported_by_dialect",
            Self::UnsupportedByStore => "unsupported_by_store",
            Self::RandomFailed => "random_failed",
            Self::Mismatch => "mismatch",
            Self::HeadersSent => "headers_sent",
            Self::NoMiddleware => "no_middleware",
            Self::UpdateChanges => "update_changes",
            Self::UpdateFailed => "update_failed",
            Self::Config => "config",
            Self::Internal => "internal",
        }
    }

    /// Whether the store is to blame, so that trying again later may help.
    pub const fn is_store_fault(self) -> bool {
        matches!(self, Self::StoreUnavailable | Self::StoreUnknown | Self::Conflict)
    }
}
