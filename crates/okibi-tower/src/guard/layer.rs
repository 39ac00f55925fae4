//! Which requests pass the guard, and the response to the others.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use tower_layer::Layer;

use super::GuardService;
use crate::{Name, Session, error::plain};

/// Makes the response to a denied request.
type Denial = Arc<dyn Fn(&Parts) -> Response<Bytes> + Send + Sync>;

/// Lets a request through if its session has a value of the name's type under `name`. The value
/// itself does not matter. All other requests get 401. A stored value of another type is reported
/// as the event `misfit` and gets 401, too.
///
/// Put it inside the session layer. Without a session layer every request gets 500. If the store
/// fails, the response is that of the session layer.
///
/// ```
/// use okibi_tower::{Name, guard};
///
/// const USER: Name<String> = Name::new("user");
///
/// let members_only = guard(USER).redirect("/login");
/// ```
pub fn guard<T: DeserializeOwned + 'static>(name: Name<'static, T>) -> Guard {
    let denial = Arc::new(|_: &Parts| plain(StatusCode::UNAUTHORIZED, "please log in"));
    Guard { name: name.as_str(), fits: |json| serde_json::from_str::<T>(json).is_ok(), denial, kind: PhantomData }
}

/// A guard, as a layer. Made by [`guard`].
#[must_use = "it guards nothing until it is added to a service"]
pub struct Guard<K = ()> {
    name: &'static str,
    /// Whether a JSON value has the name's type.
    fits: fn(&str) -> bool,
    denial: Denial,
    kind: PhantomData<fn() -> K>,
}

impl<K> Guard<K> {
    /// Checks the session of another kind, see [`Sessions::of`](crate::Sessions::of).
    pub fn of<Other>(self) -> Guard<Other> {
        Guard { name: self.name, fits: self.fits, denial: self.denial, kind: PhantomData }
    }

    /// Redirects denied requests to this address, with 303 See Other. Characters that are not
    /// visible ASCII are percent-encoded.
    pub fn redirect(self, location: impl AsRef<str>) -> Self {
        let location = header_text(location.as_ref());
        self.respond(move |_| {
            let mut response = plain(StatusCode::SEE_OTHER, "please log in");
            response.headers_mut().insert(header::LOCATION, location.clone());
            response
        })
    }

    /// Sets the response to denied requests. The function gets the head of the request.
    pub fn respond(mut self, answer: impl Fn(&Parts) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.denial = Arc::new(answer);
        self
    }

    pub(super) fn allows(&self, session: &Session<K>) -> bool {
        session.has_fitting(self.name, self.fits)
    }

    pub(super) fn deny(&self, parts: &Parts) -> Response<Bytes> {
        (self.denial)(parts)
    }
}

/// Percent-encodes everything that is not visible ASCII, so the value cannot split a header.
fn header_text(text: &str) -> HeaderValue {
    use fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static("/"))
}

impl<K, S> Layer<S> for Guard<K> {
    type Service = GuardService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService::new(inner, self.clone())
    }
}

impl<K> Clone for Guard<K> {
    fn clone(&self) -> Self {
        Self { name: self.name, fits: self.fits, denial: Arc::clone(&self.denial), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Guard<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("name", &self.name).finish_non_exhaustive()
    }
}
