//! The configuration of the two older dialects: cookies as Hono writes them, and lifetimes as those packages have them.

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

/// The shortest that `hono-kv-session` lets a session live: Cloudflare KV takes no shorter expiry.
pub(crate) const SHORTEST_TTL: Duration = Duration::from_mins(1);

/// How the npm package `hono-sessions` 0.8 keeps its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HonoSessions {
    /// The cookie's name and attributes. Its own defaults are a name of `session`, `Path=/` and nothing else.
    pub cookie: HonoCookie,
    /// What the cookie's value is.
    pub protection: HonoProtection,
    /// `expireAfterSeconds`: how long a session lives without activity. `None`: for ever.
    pub idle: Option<Duration>,
    /// `autoExtendExpiration`: whether reading a session counts as activity. Default true.
    pub auto_extend: bool,
    /// Without the feature `compat` there is no such value, and the compiler drops what would have config it.
    #[cfg(not(feature = "compat"))]
    _never: core::convert::Infallible,
}

#[cfg(feature = "compat")]
impl Default for HonoSessions {
    fn default() -> Self {
        Self { cookie: HonoCookie::named("session"), protection: HonoProtection::Id, idle: None, auto_extend: true }
    }
}

/// What a cookie of `hono-sessions` is: that is configured, never guessed from a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HonoProtection {
    /// The bare id: a store, and no encryption key.
    Id,
    /// The id in an Iron seal: a store with an encryption key.
    SealedId(IronSecrets),
    /// The whole record in an Iron seal: the package's `CookieStore`.
    Sealed(IronSecrets),
}

/// The keys of Iron seals, newest first: the first one seals, all of them open.
#[derive(Clone, PartialEq, Eq)]
pub struct IronSecrets {
    pub(crate) secrets: Vec<iron::Secret>,
    pub(crate) options: iron::Options,
}

impl IronSecrets {
    /// Keys as `hono-sessions` takes them: strings of at least 32 characters.
    ///
    /// # Errors
    /// No key, or one shorter than 32 characters.
    pub fn new<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        let mut secrets = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            // JavaScript counts the units of UTF-16.
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

    /// Other secrets, with names or raw keys, and seals of another algorithm, lifetime or number of iterations
    /// than Iron's defaults. Iterations and algorithms are never read from a seal.
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

/// How the npm package `hono-kv-session` 1.0 keeps its sessions.
#[derive(Clone, PartialEq, Eq)]
pub struct HonoKv {
    /// The cookie's name. Default `id`.
    pub name: String,
    /// The secrets of Hono's signed cookies, newest first; none: the cookie is the bare id.
    pub secrets: Vec<Zeroizing<String>>,
    /// How long a session lives without activity. Default a week; at least a minute.
    pub ttl: Duration,
    /// Whether a request counts as activity. Default true.
    pub renew: bool,
    /// Whether the stored bytes are JSON (Deno KV) and not the bare text.
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
        // Every request's cookie names its host, which some names forbid.
        Template::hono(&HonoCookie { domain: Some(String::from("localhost")), ..cookie.clone() })?;
        Template::hono(&cookie)
    }

    pub(super) fn lifetime(&self) -> Result<Lifetime, ConfigError> {
        let idle = self.ttl.max(SHORTEST_TTL);
        if !super::idle_fits(idle) {
            let rule = "must be at most 400 days, or browsers would forget the cookie first";
            return Err(ConfigError::Span { option: "ttl", value: idle, rule });
        }
        Ok(Lifetime { idle, absolute: None })
    }

    /// How far two renewals are apart: a minute at least, a tenth of the lifetime, but never more than half of it.
    pub(crate) fn gap(&self) -> Duration {
        let ttl = self.ttl.max(SHORTEST_TTL);
        (ttl / 10).max(Duration::from_mins(1)).min(ttl / 2)
    }
}
