//! Extractors for axum, and errors as its answers.

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Session, SessionOf};

/// Loads the session. It is there for every request; for a visitor without one it is empty, and becomes a session when a
/// value is put into it.
///
/// Without a session layer around the handler it answers 500, and if the store fails what
/// [`Sessions::on_error`](crate::Sessions::on_error) says.
impl<K: 'static, S: Sync> FromRequestParts<S> for Session<K> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Self::of(&parts.extensions).await
    }
}

/// `Option<Session>` is `None` only if the visitor has no live session. It never creates one.
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

/// The layer's one answer to a session that failed.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}
