//! Sessions for tower services and axum: a layer, a session, a guard.
//!
//! Most users want the `okibi` crate, which brings this one together with the stores, and whose first page shows how to
//! use it.
//!
//! - [`Sessions`] is the configuration; [`Sessions::layer`] makes a [`SessionLayer`] of it.
//! - [`Session`] is what a handler touches: as an extractor in axum (feature `axum`), by [`Session::of`] anywhere else.
//! - [`guard()`] is the guard in front of what only some visitors may see.
//! - [`Directory`] lists and revokes sessions by their owner.
#![forbid(unsafe_code)]

mod at_once;
#[cfg(feature = "axum")]
mod axum;
mod call;
mod directory;
mod error;
mod guard;
mod head;
mod layer;
mod name;
mod no_activity;
mod session;
mod sessions;
mod shared;
mod trace;

/// The older dialects of the npm packages `hono-sessions` and `hono-kv-session`, and the seals that they use.
pub mod compat {
    pub use okibi_core::compat::{HonoCookie, HonoProtection, HonoSessions, IronSecrets, iron};
}

/// The services and futures of the layers: types that an app seldom has to name.
pub mod service {
    pub use crate::{
        guard::{GuardFuture, GuardService},
        layer::{SessionFuture, SessionService},
        no_activity::NoActivityService,
    };
}

pub use okibi_core::{ConfigError, Event, FormerCookie, Handle, Lifetime, Limits, SameSite, Secrets};

pub use crate::{
    directory::{Directory, SessionInfo},
    error::{Error, ErrorKind},
    guard::{Guard, guard},
    layer::SessionLayer,
    name::Name,
    no_activity::{NoActivity, no_activity},
    session::{Report, Session, SessionOf},
    sessions::Sessions,
    shared::{BoxFuture, RandomError},
};
