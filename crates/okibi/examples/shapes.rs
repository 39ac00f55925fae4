//! Values whose types change from one deploy to the next. It is the example of `docs/changing-shapes.md`.

use axum::{Router, routing::get};
use okibi::{ConfigError, Error, MemoryStore, Name, Session, SessionOf, Sessions};
use serde::{Deserialize, Serialize};

/// Once it was a text; `or_absent` says that a value which does not fit is none.
const LANGUAGES: Name<Vec<String>> = Name::new("languages").or_absent();

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    /// It was called `basket` before.
    #[serde(alias = "basket")]
    cart: Vec<String>,
    /// It was a text before. One that is still stored is absent, and the rest is there.
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
    // What an update changes is written in the new shape, and nothing else.
    let shop = shop.update(|shop| shop.discount += 10)?;
    Ok(shop.discount.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(Sessions::new(MemoryStore::new()))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
