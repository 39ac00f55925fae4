//! Extractors for axum, and `IntoResponse` for errors.

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Session, SessionOf};

/// Loads the session. For a visitor without a session it is an empty `Session`. Setting a value
/// creates the session.
///
/// The rejection is answered with 500 if there is no session layer around the handler, and by
/// [`Sessions::on_error`](crate::Sessions::on_error) if the store fails.
impl<K: 'static, S: Sync> FromRequestParts<S> for Session<K> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Self::of(&parts.extensions).await
    }
}

/// `Option<Session>` is `None` if the visitor has no live session. It never creates one.
impl<K: 'static, S: Sync> OptionalFromRequestParts<S> for Session<K> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Error> {
        let session = Self::of(&parts.extensions).await?;
        Ok(session.is_live().then_some(session))
    }
}

/// Loads the session as a struct.
impl<T, K, S> FromRequestParts<S> for SessionOf<T, K>
where
    T: Serialize + DeserializeOwned + Default,
    K: 'static,
    S: Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Session::of(&parts.extensions).await.map(Self::from)
    }
}

/// The response of the layer's `on_error`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}
