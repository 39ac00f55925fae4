//! The session engine of okibi: sans-io, `no_std` with `alloc`, and the only place where a session is decided about.
//!
//! Text and bytes go in, plain data comes out. There is no clock, no entropy and no I/O in here: a face (the tower
//! layer, the Hono middleware) brings time and random bytes as arguments and carries out the steps that the engine asks
//! for. [`Engine`] says which calls there are and in which order.
//!
//! The feature `compat`, on by default, lets the older dialects be configured ([`Dialect::HonoSessions`], [`Dialect::HonoKv`],
//! [`Native::accept`]). Without it their types have no values and the compiler drops what speaks them.
//!
//! Most users want the `okibi` crate instead, which brings the faces and stores.
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
    random::{RANDOM_BYTES, Random},
    record::{Entry, Limits, Record},
    seal::secrets::Secrets,
    session::{Json, LONGEST_NAME, MOST_UPDATES, Op, Patch, Values, apply, input},
    text::Text,
    time::Timestamp,
};

/// The fixed formats by themselves, for vectors, tests and tools. A face needs none of them.
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

/// The older dialects, and the seals that they use.
pub mod compat {
    pub use crate::{
        cookie::write::HonoCookie,
        policy::hono::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
    };

    /// Iron (Fe26.2): seals that `@hapi/iron` and `iron-webcrypto` open, and the other way round.
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
