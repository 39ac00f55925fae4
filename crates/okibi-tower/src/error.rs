//! The errors of a session, and the responses to them.

mod kind;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use okibi_core::Refusal;

pub use self::kind::ErrorKind;

/// Makes the response to a session error.
pub(crate) type OnError = Arc<dyn Fn(&Error) -> Response<Bytes> + Send + Sync>;

/// A session error. [`kind`](Error::kind) is the kind of error, [`source`](StdError::source) the
/// cause.
///
/// It never shows an id or a value. [`Sessions::on_error`] makes a response of it. The default is
/// 503 if the store failed and 500 for all other errors, with a short message and no internal
/// details.
///
/// [`Sessions::on_error`]: crate::Sessions::on_error
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    text: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    on_error: Option<OnError>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, text: text.into(), source: None, on_error: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets the layer's `on_error`, which makes the response.
    pub(crate) fn answered_by(mut self, on_error: &OnError) -> Self {
        self.0.on_error = Some(Arc::clone(on_error));
        self
    }

    pub(crate) fn no_middleware() -> Self {
        Self::new(
            ErrorKind::NoMiddleware,
            "session: no session layer around this service; add the layer that Sessions makes",
        )
    }

    /// The error for two layers with the same cookie name that differ in `option`.
    pub(crate) fn same_cookie(cookie: &str, option: &str) -> Self {
        let text = format!(
            "{option}: two session layers have a cookie {cookie} and differ in this; give both the same options and the same \
             store, or one of them another cookie name"
        );
        Self::new(ErrorKind::Config, text)
    }

    /// The error for two layers, one of which has the name of a chunk of the other's cookie.
    pub(crate) fn chunk_of_another(one: &str, other: &str) -> Self {
        let (whole, chunk) = if one.len() < other.len() { (one, other) } else { (other, one) };
        let text = format!(
            "cookie_name: a session layer has a cookie {chunk}, which is the name of a chunk of the sealed cookie {whole} of \
             another layer; give one of them another cookie name"
        );
        Self::new(ErrorKind::Config, text)
    }

    /// Of two layers one adopts sessions from the other's cookie.
    pub(crate) fn accepted_of_another(one: &str, other: &str) -> Self {
        let text = format!(
            "accept: of two session layers with the cookies {one} and {other}, one adopts sessions from the cookie of the \
             other and clears it; remove that layer, or the entry of accept"
        );
        Self::new(ErrorKind::Config, text)
    }

    /// Of two layers with different cookies each opens the sessions of the other.
    pub(crate) fn same_namespace(one: &str, other: &str) -> Self {
        let text = format!(
            "namespace: sessions {one} and {other} in one app have one store and one namespace, so an id of one opens the \
             other; give one of them another namespace"
        );
        Self::new(ErrorKind::Config, text)
    }

    pub(crate) fn headers_sent() -> Self {
        Self::new(
            ErrorKind::HeadersSent,
            "session: the response headers have been sent, so nothing can be changed; change and commit before that",
        )
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The response to the visitor. The layer's [`on_error`](crate::Sessions::on_error) makes it.
    pub fn to_response(&self) -> Response<Bytes> {
        match &self.0.on_error {
            Some(on_error) => on_error(self),
            None => default_answer(self),
        }
    }
}

/// The default response: 503 if the store failed, else 500, without internal details.
pub(crate) fn default_answer(error: &Error) -> Response<Bytes> {
    let (status, text) = if error.kind().is_store_fault() {
        (StatusCode::SERVICE_UNAVAILABLE, "session store unavailable, please try again")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "session error")
    };
    plain(status, text)
}

/// A plain-text response that is not cached.
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
            Refusal::Conflict => ErrorKind::Conflict,
            Refusal::RecordTooLarge | Refusal::TooManyNames | Refusal::TooManyUpdates | Refusal::CookieTooLarge => {
                ErrorKind::TooLarge
            }
            Refusal::InvalidName => ErrorKind::InvalidName,
            Refusal::InvalidValue => ErrorKind::InvalidValue,
            Refusal::InvalidOwner => ErrorKind::InvalidOwner,
            Refusal::InvalidTimeout
            | Refusal::IdleBeyondAbsolute { .. }
            | Refusal::InvalidAbsolute
            | Refusal::AbsoluteBeyondNotes => ErrorKind::InvalidTimeout,
            Refusal::UnsupportedByDialect => ErrorKind::UnsupportedByDialect,
            Refusal::UnsupportedByStore => ErrorKind::UnsupportedByStore,
            Refusal::RandomFailed => ErrorKind::RandomFailed,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use okibi_core::Refusal;

    use super::Error;

    #[test]
    fn a_refusal_keeps_its_code() {
        let (idle, absolute) = (Duration::from_secs(2), Duration::from_secs(1));
        let refusals = [
            Refusal::StoreUnavailable,
            Refusal::StoreUnknown,
            Refusal::Conflict,
            Refusal::RecordTooLarge,
            Refusal::TooManyNames,
            Refusal::TooManyUpdates,
            Refusal::CookieTooLarge,
            Refusal::InvalidName,
            Refusal::InvalidValue,
            Refusal::InvalidOwner,
            Refusal::InvalidTimeout,
            Refusal::IdleBeyondAbsolute { idle, absolute },
            Refusal::InvalidAbsolute,
            Refusal::AbsoluteBeyondNotes,
            Refusal::UnsupportedByStore,
            Refusal::UnsupportedByDialect,
            Refusal::RandomFailed,
            Refusal::OutOfOrder,
        ];
        for refusal in refusals {
            assert_eq!(Error::from(refusal).kind().code(), refusal.code(), "{refusal:?}");
        }
    }
}
