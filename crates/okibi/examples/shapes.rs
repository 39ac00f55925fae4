//! Values with types that change from one deploy to the next. It is the example of
//! `docs/changing-shapes.md`.

use axum::{Router, routing::get};
use okibi::{ConfigError, Error, MemoryStore, Name, Session, SessionOf, Sessions};
use serde::{Deserialize, Serialize};

/// It was a string before. With `or_absent` a value that does not fit is absent.
const LANGUAGES: Name<Vec<String>> = Name::new("languages").or_absent();

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    /// It was called `basket` before.
    #[serde(alias = "basket")]
    cart: Vec<String>,
    /// It was a string before. A stored string is absent, and the other fields are read.
    discount: u32,
}

pub(crate) fn app(sessions: Sessions) -> Result<Router, ConfigError> {
    Ok(Router::new().route("/", get(home)).route("/order", get(order)).layer(sessions.layer()?))
}

async fn home(session: Session, shop: SessionOf<Shop>) -> Result<String, Error> {
    let shop = shop.get()?;
    let languages = session.get(LANGUAGES)?.unwrap_or_else(|| vec!["en".to_owned()]);
    Ok(format!("{}, {} off, in {}", shop.cart.join(" and "), shop.discount, languages.join(" or ")))
}

async fn order(shop: SessionOf<Shop>) -> Result<String, Error> {
    // An update writes only the fields that it changes, in the new shape.
    let shop = shop.update(|shop| shop.discount += 10)?;
    Ok(shop.discount.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(Sessions::new(MemoryStore::new()))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
