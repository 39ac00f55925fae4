//! Sessions for tower services and axum: a layer, a session and a guard.
//!
//! Most users add the `okibi` crate instead. It contains this crate and the stores, and its first
//! page shows how to use them.
//!
//! - [`Sessions`] is the configuration. [`Sessions::layer`] makes a [`SessionLayer`] from it.
//! - [`Session`] is the session of a request. In axum it is an extractor (feature `axum`).
//!   Elsewhere [`Session::of`] returns it.
//! - [`guard()`] lets only visitors with a certain value through, for example signed-in users.
//! - [`Directory`] lists and revokes the sessions of an owner.
#![forbid(unsafe_code)]

#[cfg(feature = "axum")]
mod axum;
mod concurrent;
mod directory;
mod driver;
mod error;
mod guard;
mod headers;
mod layer;
mod name;
mod no_activity;
mod session;
mod sessions;
mod shared;
mod trace;

/// The formats of the npm packages `hono-sessions` and `hono-kv-session`, and the seals that they
/// use.
pub mod compat {
    pub use okibi_core::compat::{HonoCookie, HonoProtection, HonoSessions, IronSecrets, iron};
}

/// The services and futures of the layers. Apps rarely have to name these types.
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
