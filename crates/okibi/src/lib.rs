//! Sessions for tower and axum. This is the crate to add. It re-exports the other crates.
//!
//! *Okibi* (熾火) is Japanese for embers, which keep a fire alive between two flames. okibi keeps a
//! visitor's session between two requests.
//!
//! # A first app
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! okibi = "0.1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use axum::{Form, Router, response::Redirect, routing::{get, post}};
//! use okibi::{MemoryStore, Name, Session, Sessions, guard};
//!
//! // Names of values, with their types. The compiler checks every read and write.
//! const VISITS: Name<u32> = Name::new("visits");
//! const USER: Name<String> = Name::new("user");
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let sessions = Sessions::new(MemoryStore::new())
//!         .idle(Duration::from_mins(15))
//!         .absolute(Duration::from_hours(24 * 30))
//!         .layer()?;
//!     let app = Router::new()
//!         .route("/account", get(account).route_layer(guard(USER).redirect("/login")))
//!         .route("/login", get(login_page).post(login))
//!         .route("/logout", post(logout))
//!         .route("/", get(home))
//!         .layer(sessions);
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(())
//! }
//!
//! // The extractor loads the session. A handler without it makes no store call.
//! async fn home(session: Session) -> Result<String, okibi::Error> {
//!     let visits = session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! async fn login_page() -> axum::response::Html<&'static str> {
//!     axum::response::Html("<form method=post><input name=user><button>Log in</button></form>")
//! }
//!
//! # #[derive(Debug)]
//! struct Login {
//!     user: String,
//! }
//! # impl<'de> serde::Deserialize<'de> for Login {
//! #     fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
//! #         let mut form = std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
//! #         Ok(Self { user: form.remove("user").unwrap_or_default() })
//! #     }
//! # }
//!
//! async fn login(session: Session, Form(login): Form<Login>) -> Result<Redirect, okibi::Error> {
//!     // Check a password here. A login changes the privilege, so the session gets a new id.
//!     session.rotate()?;
//!     session.set(USER, &login.user)?;
//!     Ok(Redirect::to("/account"))
//! }
//!
//! async fn account(session: Session) -> Result<String, okibi::Error> {
//!     Ok(format!("hello {}", session.get(USER)?.unwrap_or_default()))
//! }
//!
//! async fn logout(session: Session) -> Result<Redirect, okibi::Error> {
//!     session.destroy()?;
//!     Ok(Redirect::to("/"))
//! }
//! ```
//!
//! # Which item to use
//!
//! | to | use |
//! |---|---|
//! | read and write values | [`Session::get`], [`set`](Session::set), [`remove`](Session::remove), [`flash`](Session::flash) |
//! | change a value that depends on the old one | [`Session::update`]: a hundred concurrent `+ 1` add a hundred |
//! | use a struct for all values | [`SessionOf`] |
//! | log in, log out | [`Session::rotate`], [`Session::destroy`] |
//! | "keep me signed in" | [`Session::set_idle`] together with [`Session::set_absolute`], [`Session::set_persistent`] |
//! | "log out everywhere" | [`Session::set_owner`] at login, then [`Session::list`], [`Session::revoke_others`], [`Directory`] |
//! | give a value to exactly one request | [`Session::take`] |
//! | stream a response body | [`Session::commit`] first |
//! | let only some visitors through | [`guard`](guard()) |
//! | use two sessions in one app | [`Sessions::of`] |
//! | do without a store | [`Sessions::sealed`] |
//! | revoke sealed sessions | [`Sessions::revocations`] |
//! | keep sessions over a restart | `SqliteStore` (feature `sqlite`) |
//! | avoid loads from a remote store | [`Cached`]: changes by other processes are seen later |
//! | share sessions between machines | `RedisStore` (feature `redis`) |
//! | test a handler | [`Session::detached`] |
//!
//! # Promises
//!
//! - Changes are written in one compare-and-swap, before the response headers are sent. If the
//!   write fails, the visitor gets an error and no part of the handler's response.
//! - A request with a response of 5xx, 408 or 499 changes nothing.
//! - A session that has ended stays ended, also if other requests of it are pending.
//! - If the store is down, visitors get 503. They are not logged out.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` (default) | the layer and the guard, extractors, `IntoResponse` for errors |
//! | `tower` | only the layer and the guard, for any tower service; see [`Session::of`] |
//! | `sqlite` | `SqliteStore` |
//! | `postgres` | `PostgresStore`, on a pool of `sqlx` (Rust 1.94 or newer) |
//! | `mysql` | `MysqlStore`, on a pool of `sqlx` (Rust 1.94 or newer) |
//! | `redis` | `RedisStore` |
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "tower"), allow(rustdoc::broken_intra_doc_links))]

pub use okibi_core::{ConfigError, Event, FormerCookie, Handle, Lifetime, Limits, SameSite, Secrets};
#[cfg(feature = "mysql")]
pub use okibi_mysql::MysqlStore;
#[cfg(feature = "postgres")]
pub use okibi_postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use okibi_redis::RedisStore;
#[cfg(feature = "sqlite")]
pub use okibi_sqlite::SqliteStore;
pub use okibi_store::{Cached, MemoryStore};
#[cfg(feature = "tower")]
pub use okibi_store::{PurgeTask, purge_every};
#[cfg(feature = "tower")]
pub use okibi_tower::{
    BoxFuture, Directory, Error, ErrorKind, Guard, Name, NoActivity, RandomError, Report, Session, SessionInfo,
    SessionLayer, SessionOf, Sessions, guard, no_activity, service,
};

/// The formats of the npm packages `hono-sessions` and `hono-kv-session`, and the seals that they
/// use.
pub mod compat {
    pub use okibi_core::compat::{HonoCookie, HonoProtection, HonoSessions, IronSecrets, iron};
}

/// The store contract, for a store of your own.
pub mod store {
    pub use okibi_store::{
        BoxFuture, Clock, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError,
        StoreErrorKind, StoreKey, Swap, Timestamp, Write, system_time,
    };
}

/// The example of the crate's README, compiled.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
