//! Sessions for tower services and axum: a layer, a session, a guard.
//!
//! Most users want the `okibi` crate, which brings this one together with the stores, and whose first page shows how to
//! use it.
//!
//! - [`Sessions`] is the configuration; [`Sessions::layer`] makes a [`SessionLayer`] of it.
//! - [`Session`] is what a handler touches: as an extractor in axum (feature `axum`), by [`Session::of`] anywhere else.
//! - [`require`] is the guard in front of what only some visitors may see.
//! - [`Directory`] lists and ends sessions by their owner.
#![forbid(unsafe_code)]

mod at_once;
#[cfg(feature = "axum")]
mod axum;
mod call;
mod directory;
mod error;
pub mod guard;
mod head;
pub mod layer;
mod name;
mod no_activity;
mod session;
mod sessions;
mod shared;
mod trace;

pub use okibi_core::{
    ConfigError, FormerCookie, Handle, HonoCookie, HonoProtection, HonoSessions, IronRing, Lifetime, Limits, Ring,
    SameSite, Timestamp, iron,
};

pub use crate::{
    directory::{Directory, SessionInfo},
    error::{Error, ErrorKind},
    guard::require,
    layer::SessionLayer,
    name::Name,
    no_activity::{NoActivity, NoActivityService, no_activity},
    session::{Report, Session, SessionOf},
    sessions::Sessions,
    shared::{BoxFuture, EntropyError},
};
