//! The session engine of okibi. It is sans-io and `no_std` with `alloc`, and makes every decision
//! about a session.
//!
//! The engine takes strings and bytes, and returns plain data. It has no clock, no random numbers
//! and no I/O. A face (the tower layer, the Hono middleware) passes the time and random bytes as
//! arguments, and carries out the steps that the engine returns. [`Engine`] lists the calls and
//! their order.
//!
//! The feature `compat` is on by default. It makes the older dialects available
//! ([`Dialect::HonoSessions`], [`Dialect::HonoKv`], [`Native::accept`]). Without it their types
//! have no values, so the compiler removes their code.
//!
//! Most apps use the `okibi` crate instead, which has the faces and stores.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod codec;
mod contract;
mod cookie;
mod dialect;
mod engine;
mod error;
mod id;
pub mod json;
mod log;
mod outcome;
mod policy;
mod random;
mod record;
mod seal;
mod session;
mod text;
mod time;

pub use crate::{
    contract::{Consistency, Loaded, Swap, Write},
    cookie::{
        cache::{cache_control, vary},
        write::{CookieConfig, FormerCookie, SameSite},
    },
    engine::{
        Engine, Summary,
        flow::Flow,
        step::{Answer, Calls, Fault, Step},
    },
    error::{ConfigError, Event, Refusal, Shown},
    id::{Handle, Id, Owner, StoreKey},
    outcome::Outcome,
    policy::{
        config::{Accept, Config, Dialect, Lifetime, Native, Protection},
        given::Given,
        timeouts::check_timeouts,
    },
    random::{RANDOM_BYTES, Random, RandomBytes},
    record::{Entry, Limits, Record},
    seal::secrets::Secrets,
    session::{Json, LONGEST_NAME, MOST_UPDATES, Op, Patch, Values, apply, input},
    text::Text,
    time::Timestamp,
};

/// The fixed formats, for vectors, tests and tools. A face needs none of them.
pub mod formats {
    pub use crate::{
        cookie::parse::pairs,
        log::{parse_log, parse_patch},
        record::{Marker, Moved, Stored, Undecodable, decode, push_data},
        seal::{
            renew::{hide, reveal},
            sign::{sign, verify},
            xchacha::{open, seal},
        },
    };
}

/// The older dialects and their seals.
pub mod compat {
    pub use crate::{
        cookie::write::HonoCookie,
        policy::hono::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
    };

    /// Iron (Fe26.2): seals that are compatible with `@hapi/iron` and `iron-webcrypto`.
    ///
    /// ```
    /// use okibi_core::{Timestamp, compat::iron::{Key, Options, Secret, Secrets, seal, unseal}};
    ///
    /// let secret = Secret::new(Key::text("a password of at least thirty-two characters"));
    /// let options = Options { ttl: 3_600_000, ..Options::default() };
    /// let now = Timestamp::from_millis(1_700_000_000_000);
    /// // From the system's CSPRNG, and fresh for each seal.
    /// let random = vec![7; options.random_bytes(&secret)];
    /// let sealed = seal(&options, &secret, br#"{"user":"ember"}"#, now, &random)?;
    /// let text = unseal(&options, Secrets::Any(&[secret]), sealed.as_bytes(), now)?;
    /// assert_eq!(text, r#"{"user":"ember"}"#);
    /// # Ok::<(), okibi_core::compat::iron::IronError>(())
    /// ```
    pub mod iron {
        pub use crate::seal::iron::{
            Algorithm, Derivation, Flaw, IronError, Key, MAX_SALT_BITS, Options, PREFIX, Secret, Secrets, seal, unseal,
        };
    }
}
