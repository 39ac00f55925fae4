//! What can go wrong with a session, and how it is answered.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use okibi_core::Refusal;

/// Makes the answer to a request whose session failed.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> Response<Bytes> + Send + Sync>;

/// What went wrong with a session: [`kind`](Error::kind) says what, [`source`](StdError::source) why.
///
/// It never shows an id or a value. As an answer it becomes what [`Sessions::on_store_error`] says: by default 503 if the
/// store failed and 500 for everything else, with a short text that tells the visitor nothing about the inside.
///
/// [`Sessions::on_store_error`]: crate::Sessions::on_store_error
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    text: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    on_error: Option<OnError>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store could not be reached or did not answer in time; nothing was written.
    StoreUnavailable,
    /// The store's answer was lost; the changes may or may not have been written.
    StoreUnknown,
    /// Other requests went on changing the session until the commit's deadline. A destroy before the other changes may have
    /// been carried out.
    Contended,
    /// The session is too large: its record, its number of names, or its cookie; or one commit has more than 1024 updates.
    TooLarge,
    /// A name is longer than 256 bytes.
    InvalidName,
    /// A value cannot be written as JSON (NaN and infinities cannot), or nests too deep, or has an integer that
    /// [`safe_integers`](crate::Sessions::safe_integers) refuses.
    InvalidValue,
    /// An owner is empty or longer than 256 bytes.
    InvalidText,
    /// An idle span is shorter than a second or longer than 400 days or than the absolute span, or an absolute span is over already.
    InvalidSpan,
    /// The session's dialect has no place for the change: `hono-sessions` knows no owner and no label.
    NotInDialect,
    /// `take` where nothing can hand a value to exactly one request: a sealed cookie, or a store without compare-and-swap.
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
    /// The function of an `update` panicked when it was run again.
    UpdatePanicked,
    /// Two layers have a cookie of the same name and are not configured the same; the message names the option.
    Config,
    /// The function of an `update` changes the session.
    UpdateChanges,
    /// Something that cannot happen did. Please report it.
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
            Self::UpdatePanicked => "update_panicked",
            Self::Config => "config",
            Self::UpdateChanges => "update_changes",
            Self::Internal => "internal",
        }
    }

    /// Whether the store is to blame, so that trying again later may help.
    pub const fn is_store_fault(self) -> bool {
        matches!(self, Self::StoreUnavailable | Self::StoreUnknown | Self::Contended)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, text: text.into(), source: None, on_error: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The layer answers for it.
    pub(crate) fn answered_by(mut self, on_error: &OnError) -> Self {
        self.0.on_error = Some(Arc::clone(on_error));
        self
    }

    pub(crate) fn no_layer() -> Self {
        Self::new(
            ErrorKind::NoLayer,
            "session: no session layer around this service; add the layer that Sessions makes",
        )
    }

    /// Two layers whose cookies have this name differ in this option.
    pub(crate) fn same_cookie(cookie: &str, option: &str) -> Self {
        let text = format!(
            "{option}: two session layers have a cookie {cookie} and differ in this; give both the same options and the same \
             store, or one of them another cookie name"
        );
        Self::new(ErrorKind::Config, text)
    }

    pub(crate) fn head_sent() -> Self {
        Self::new(
            ErrorKind::HeadSent,
            "session: the response head has left, so nothing can be changed any more; change it and commit before",
        )
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The answer to the visitor: what the layer's [`on_store_error`](crate::Sessions::on_store_error) makes of this error.
    pub fn to_response(&self) -> Response<Bytes> {
        match &self.0.on_error {
            Some(on_error) => on_error(self),
            None => default_answer(self),
        }
    }
}

/// 503 for a store's fault, 500 for the rest, and nothing about the inside.
pub(crate) fn default_answer(error: &Error) -> Response<Bytes> {
    let (status, text) = if error.kind().is_store_fault() {
        (StatusCode::SERVICE_UNAVAILABLE, "session store unavailable, please try again")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "session error")
    };
    plain(status, text)
}

/// An answer of plain text that no cache keeps.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::StoreUnavailable => ErrorKind::StoreUnavailable,
            Refusal::StoreUnknown => ErrorKind::StoreUnknown,
            Refusal::Contended => ErrorKind::Contended,
            Refusal::RecordTooLarge | Refusal::TooManyNames | Refusal::TooManyUpdates | Refusal::CookieTooLarge => {
                ErrorKind::TooLarge
            }
            Refusal::InvalidName => ErrorKind::InvalidName,
            Refusal::InvalidValue => ErrorKind::InvalidValue,
            Refusal::InvalidText => ErrorKind::InvalidText,
            Refusal::InvalidSpan
            | Refusal::IdleBeyondAbsolute { .. }
            | Refusal::InvalidAbsolute
            | Refusal::AbsoluteBeyondNotes => ErrorKind::InvalidSpan,
            Refusal::NotInDialect => ErrorKind::NotInDialect,
            Refusal::NoSwap => ErrorKind::NoSwap,
            Refusal::Entropy => ErrorKind::Entropy,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, refusal.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("text", &self.0.text);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
