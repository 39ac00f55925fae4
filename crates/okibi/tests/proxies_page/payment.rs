//! An app with visitors that return from the payment page of another site.

use axum::{
    Form, Router,
    extract::Query,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use okibi::{Error, MemoryStore, Name, Session, Sessions};
use serde::Deserialize;

const ORDER: Name<String> = Name::new("order");

pub(crate) fn app() -> Result<Router, okibi::ConfigError> {
    Ok(Router::new()
        .route("/pay", post(pay))
        .route("/paid", post(paid))
        .route("/receipt", get(receipt))
        .layer(Sessions::new(MemoryStore::new()).layer()?))
}

#[derive(Deserialize)]
struct Payment {
    payment: u64,
}

async fn pay(session: Session) -> Result<Redirect, Error> {
    session.set(ORDER, "order 1")?;
    Ok(Redirect::to("https://payments.example/checkout"))
}

/// The other site posts to this address, so the browser does not send the session's cookie. Do not use the session here.
async fn paid(Form(Payment { payment }): Form<Payment>) -> Redirect {
    Redirect::to(&format!("/receipt?payment={payment}"))
}

/// The browser follows with a GET, and sends the cookie.
async fn receipt(session: Session, Query(Payment { payment }): Query<Payment>) -> Result<Response, Error> {
    let Some(order) = session.get(ORDER)? else {
        return Ok((StatusCode::UNAUTHORIZED, "please sign in").into_response());
    };
    // Check with the payment service that this payment is for this order. The address proves nothing.
    Ok(format!("{order}, payment {payment}").into_response())
}
