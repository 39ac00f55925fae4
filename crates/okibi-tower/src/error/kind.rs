//! The kinds of errors. Written by `cargo xtask facts` from facts/errors.md: change that.

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store could not be reached or did not answer in time; nothing was written.
    StoreUnavailable,
    /// The store's answer was lost; the changes may or may not have been written.
    StoreUnknown,
    /// Other requests went on changing the session until the commit's deadline; nothing was written.
    Contended,
    /// The record, its number of names, the number of updates in one commit (at most 1024), or the sealed cookie is too
    /// large.
    TooLarge,
    /// A name is longer than 256 bytes.
    InvalidName,
    /// A value cannot be written as JSON (NaN and infinities cannot), or nests too deep, or has an integer that
    /// `Sessions::safe_integers` refuses.
    InvalidValue,
    /// An owner is empty or longer than 256 bytes.
    InvalidText,
    /// An idle span is shorter than a second or longer than 400 days or than the absolute span, or an absolute span is
    /// over already.
    InvalidSpan,
    /// The session's dialect has no place for the change, such as an owner in `hono-sessions`.
    NotInDialect,
    /// `take` where nothing can hand a value to exactly one request: a sealed cookie, or a store without
    /// compare-and-swap.
    NoSwap,
    /// The system's source of random bytes failed.
    Entropy,
    /// What is stored under a name is of another type than the name's.
    Mismatch,
    /// A change after the response head had left.
    HeadSent,
    /// Sessions cannot be listed: the store has no index of owners, or the cookie is the store.
    NoOwners,
    /// There is no session layer of this kind around the service.
    NoLayer,
    /// The function of an `update` changes the session itself.
    UpdateChanges,
    /// The function of an `update` panicked when it was run again on a newer value.
    UpdatePanicked,
    /// Two layers have a cookie of the same name and are not configured the same; the message names the option.
    Config,
    /// Something that cannot happen did; please report it.
    Internal,
}

impl ErrorKind {
    /// The stable name of this kind, the same as in the JavaScript package.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StoreUnavailable => "store_unavailable",
            Self::StoreUnknown => "store_unknown",
            Self::Contended => "contended",
            Self::TooLarge => "too_large",
            Self::InvalidName => "invalid_name",
            Self::InvalidValue => "invalid_value",
            Self::InvalidText => "invalid_text",
            Self::InvalidSpan => "invalid_span",
            Self::NotInDialect => "not_in_dialect",
            Self::NoSwap => "no_swap",
            Self::Entropy => "entropy",
            Self::Mismatch => "mismatch",
            Self::HeadSent => "head_sent",
            Self::NoOwners => "no_owners",
            Self::NoLayer => "no_layer",
            Self::UpdateChanges => "update_changes",
            Self::UpdatePanicked => "update_panicked",
            Self::Config => "config",
            Self::Internal => "internal",
        }
    }

    /// Whether the store is to blame, so that trying again later may help.
    pub const fn is_store_fault(self) -> bool {
        matches!(self, Self::StoreUnavailable | Self::StoreUnknown | Self::Contended)
    }
}
