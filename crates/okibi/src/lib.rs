//! Sessions for tower and axum: the crate to add. It only re-exports; see below for where things live.
//!
//! *Okibi* (熾火) are the embers that keep a fire alive between two flames. okibi keeps a visitor's session alive between
//! two requests.
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
//! // Names of values, with their types. The compiler checks every reader and writer.
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
//! // The extractor loads the session; a handler without it costs nothing.
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
//!     // Check a password here. Then a new id, because from now on the session may do more.
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
//! # What to reach for
//!
//! | to | use |
//! |---|---|
//! | read and write values | [`Session::get`], [`set`](Session::set), [`remove`](Session::remove), [`flash`](Session::flash) |
//! | change a value that depends on what it was | [`Session::update`]: a hundred parallel `+ 1` make a hundred |
//! | use a struct for all values | [`SessionOf`] |
//! | log in, log out | [`Session::rotate`], [`Session::destroy`] |
//! | "keep me signed in" | [`Session::set_idle`] together with [`Session::set_absolute`], [`Session::set_persistent`] |
//! | "log out everywhere" | [`Session::set_owner`] at login, then [`Session::list`], [`Session::revoke_others`], [`Directory`] |
//! | hand a value to exactly one request | [`Session::take`] |
//! | send a body while it is made | [`Session::commit`] first |
//! | let only some visitors in | [`guard`](guard()) |
//! | two sessions in one app | [`Sessions::of`] |
//! | no store at all | [`Sessions::sealed`] |
//! | end sealed sessions for good | [`Sessions::revocations`] |
//! | keep sessions over a restart | `SqliteStore` (feature `sqlite`) |
//! | spare loads of a store that is far away | [`Cached`]: what another process changes is seen a little later |
//! | share sessions between machines | `RedisStore` (feature `redis`) |
//! | test a handler | [`Session::detached`] |
//!
//! # What holds
//!
//! Changes are written once, before the answer leaves, in one compare-and-swap; if that fails, the visitor gets an error
//! and none of what the handler had answered. A request that ends in a 5xx, 408 or 499 changes nothing. A session that was ended
//! stays ended, whatever requests are still under way. If the store is down, visitors see 503, and are not logged out.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `axum` (default) | the layer and the guard, extractors, errors as answers |
//! | `tower` | the layer and the guard alone, for any tower service; see [`Session::of`] |
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

/// The older dialects of the npm packages `hono-sessions` and `hono-kv-session`, and the seals that they use.
pub mod compat {
    pub use okibi_core::compat::{HonoCookie, HonoProtection, HonoSessions, IronSecrets, iron};
}

/// The store contract, for those who write a store of their own.
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
