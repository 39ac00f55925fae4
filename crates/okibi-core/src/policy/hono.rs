//! The configuration of the two older dialects: cookies as Hono writes them, and the lifetimes of
//! the original packages.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::Lifetime;
use crate::{
    cookie::write::{HonoCookie, SameSite, Template},
    error::ConfigError,
    random::SEAL_RANDOM,
    seal::iron,
};

/// The shortest lifetime in `hono-kv-session`: Cloudflare KV allows no shorter expiry.
pub(crate) const SHORTEST_TTL: Duration = Duration::from_mins(1);

/// The options of the npm package `hono-sessions` 0.8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HonoSessions {
    /// The cookie's name and attributes. The package's defaults are the name `session` and
    /// `Path=/`.
    pub cookie: HonoCookie,
    /// What the cookie's value is.
    pub protection: HonoProtection,
    /// `expireAfterSeconds`: the idle timeout. `None`: sessions do not expire.
    pub idle: Option<Duration>,
    /// `autoExtendExpiration`: whether reading a session counts as activity. Default true.
    pub auto_extend: bool,
    /// Without the feature `compat` the type has no values, so the compiler removes its code.
    #[cfg(not(feature = "compat"))]
    _never: core::convert::Infallible,
}

#[cfg(feature = "compat")]
impl Default for HonoSessions {
    fn default() -> Self {
        Self { cookie: HonoCookie::named("session"), protection: HonoProtection::Id, idle: None, auto_extend: true }
    }
}

/// What the value of a cookie of `hono-sessions` is. It is configured and never guessed from a
/// value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HonoProtection {
    /// The id: a store, and no encryption key.
    Id,
    /// The id in an Iron seal: a store and an encryption key.
    SealedId(IronSecrets),
    /// The whole record in an Iron seal: the package's `CookieStore`.
    Sealed(IronSecrets),
}

/// The keys of Iron seals, newest first. The first one seals, and all of them open.
#[derive(Clone, PartialEq, Eq)]
pub struct IronSecrets {
    pub(crate) secrets: Vec<iron::Secret>,
    pub(crate) options: iron::Options,
}

impl IronSecrets {
    /// Keys as `hono-sessions` takes them: strings of at least 32 characters.
    ///
    /// # Errors
    /// No key, or a key shorter than 32 characters.
    pub fn new<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        let mut secrets = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            // JavaScript counts UTF-16 units.
            let length = key.as_ref().encode_utf16().count();
            if length < 32 {
                return Err(ConfigError::ShortSecret { position: index + 1, length });
            }
            secrets.push(iron::Secret::new(iron::Key::text(key.as_ref())));
        }
        if secrets.is_empty() {
            Err(ConfigError::NoSecret)
        } else {
            Ok(Self { secrets, options: iron::Options::default() })
        }
    }

    /// Secrets with names or raw keys, and another algorithm, lifetime or number of iterations than
    /// Iron's defaults. The algorithm and the iterations are never read from a seal.
    ///
    /// # Errors
    /// No secret, or salts of more than 256 bits.
    pub fn with_options(secrets: Vec<iron::Secret>, options: iron::Options) -> Result<Self, ConfigError> {
        if secrets.is_empty() {
            return Err(ConfigError::NoSecret);
        }
        for secret in &secrets {
            let value = options.random_bytes(secret);
            if value > SEAL_RANDOM {
                let rule = "must be at most 256 bits for each of the two salts of a cookie";
                return Err(ConfigError::Limit { option: "salt bits", value: value * 8, rule });
            }
        }
        Ok(Self { secrets, options })
    }
}

impl fmt::Debug for IronSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IronSecrets({} keys, hidden)", self.secrets.len())
    }
}

impl HonoSessions {
    pub(super) fn template(&self) -> Result<Template, ConfigError> {
        Template::hono(&self.cookie)
    }

    pub(super) fn lifetime(&self) -> Result<Lifetime, ConfigError> {
        let idle = self.idle.unwrap_or(Duration::MAX);
        if idle < Duration::from_millis(1) {
            let rule = "must be at least a millisecond; leave it out for sessions that do not expire";
            return Err(ConfigError::Span { option: "idle", value: idle, rule });
        }
        Ok(Lifetime { idle, absolute: None })
    }
}

/// The options of the npm package `hono-kv-session` 1.0.
#[derive(Clone, PartialEq, Eq)]
pub struct HonoKv {
    /// The cookie's name. Default `id`.
    pub name: String,
    /// The secrets of Hono's signed cookies, newest first. Without secrets the cookie's value is
    /// the id.
    pub secrets: Vec<Zeroizing<String>>,
    /// The idle timeout. Default one week; at least one minute.
    pub ttl: Duration,
    /// Whether a request counts as activity. Default true.
    pub renew: bool,
    /// Whether the stored bytes are JSON (Deno KV) instead of a plain string.
    pub json: bool,
    /// As in [`HonoSessions`].
    #[cfg(not(feature = "compat"))]
    _never: core::convert::Infallible,
}

#[cfg(feature = "compat")]
impl Default for HonoKv {
    fn default() -> Self {
        let week = Duration::from_hours(7 * 24);
        Self { name: "id".into(), secrets: Vec::new(), ttl: week, renew: true, json: false }
    }
}

#[cfg_attr(not(feature = "compat"), expect(clippy::missing_fields_in_debug, reason = "there is no such value"))]
impl fmt::Debug for HonoKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HonoKv")
            .field("name", &self.name)
            .field("secrets", &format_args!("{} hidden", self.secrets.len()))
            .field("ttl", &self.ttl)
            .field("renew", &self.renew)
            .field("json", &self.json)
            .finish()
    }
}

impl HonoKv {
    pub(super) fn template(&self) -> Result<Template, ConfigError> {
        if let Some(position) = self.secrets.iter().position(|secret| secret.is_empty()) {
            return Err(ConfigError::ShortSecret { position: position + 1, length: 0 });
        }
        let mut cookie = HonoCookie::named(&self.name);
        cookie.secure = true;
        cookie.http_only = true;
        cookie.same_site = Some(SameSite::Strict);
        // Each cookie names the request's host as its domain. Some prefixes of names do not allow
        // that.
        Template::hono(&HonoCookie { domain: Some(String::from("localhost")), ..cookie.clone() })?;
        Template::hono(&cookie)
    }

    pub(super) fn lifetime(&self) -> Result<Lifetime, ConfigError> {
        let idle = self.ttl.max(SHORTEST_TTL);
        if !super::idle_fits(idle) {
            let rule = "must be at most 400 days, because browsers delete a cookie then";
            return Err(ConfigError::Span { option: "ttl", value: idle, rule });
        }
        Ok(Lifetime { idle, absolute: None })
    }

    /// The minimum time between two touches: a tenth of the lifetime, at least a minute, at most
    /// half of the lifetime.
    pub(crate) fn gap(&self) -> Duration {
        let ttl = self.ttl.max(SHORTEST_TTL);
        (ttl / 10).max(Duration::from_mins(1)).min(ttl / 2)
    }
}
