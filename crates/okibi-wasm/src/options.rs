//! The options of a middleware, as JavaScript sends them, into the engine's configuration. Spans come in milliseconds.

use core::time::Duration;

use okibi_core::{
    Config, ConfigError, CookieConfig, Dialect, Engine, FormerCookie, Given as Options, Limits, Native, Protection,
    Secrets, check_timeouts, json::items,
};

#[cfg(feature = "compat")]
use crate::dialects;
use crate::given::each;

/// An engine for these options.
pub(crate) fn engine(options: &[u8]) -> Result<Engine, ConfigError> {
    let mut config = Config::default();
    let mut native = Native::default();
    let (mut secrets, mut sealed, mut chunks) = (None, false, 1);
    let mut options_given = None;
    let (mut store_timeout, mut commit_deadline) = (Duration::from_secs(1), Duration::from_secs(1));
    #[cfg(feature = "compat")]
    let mut dialect = None;
    let mut plain_cookie = "{}";
    each("", core::str::from_utf8(options).unwrap_or_default(), &mut |given| {
        match given.name {
            "secrets" => secrets = Some(given.texts()?),
            "sealed" => sealed = given.flag()?,
            "chunks" => chunks = given.size()?,
            "maxCookieBytes" => native.max_cookie_bytes = given.size()?,
            "namespace" => native.namespace = Some(given.text()?),
            "idle" => native.lifetime.idle = given.span()?,
            "absolute" => native.lifetime.absolute = given.span_or_false()?,
            "touchAfter" => native.touch_after = Some(given.span()?),
            "grace" => native.grace = given.span()?,
            "persistent" => native.persistent = given.flag()?,
            "limits" => limits(&mut config.limits, given.json)?,
            "storeTimeout" => store_timeout = given.span()?,
            "commitDeadline" => commit_deadline = given.span()?,
            "revocations" => native.revocations = given.flag()?,
            "consistency" => config.consistency = given.consistency()?,
            "evicts" => native.evicts = given.flag()?,
            "insecureForDevelopment" => native.cookie.insecure_for_development = given.flag()?,
            "cookie" => plain_cookie = given.json,
            // Which options the app gave, where they are the app's.
            "given" => options_given = u32::try_from(given.size()?).ok(),
            #[cfg(feature = "compat")]
            "dialect" => dialect = Some(given.json),
            #[cfg(feature = "compat")]
            "accept" => native.accept = dialects::accepted(given)?,
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    check_timeouts(store_timeout, commit_deadline)?;
    #[cfg(feature = "compat")]
    if let Some(dialect) = dialect {
        // An older dialect has a cookie of its own kind.
        config.dialect = dialects::dialect(dialect, plain_cookie, sealed, false)?;
        return Engine::new(config);
    }
    cookie(&mut native.cookie, plain_cookie)?;
    native.protection = match (secrets, sealed) {
        (Some(secrets), sealed) => {
            let secrets = Secrets::new(secrets)?;
            if sealed { Protection::Sealed { secrets, chunks } } else { Protection::SignedId(secrets) }
        }
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => Protection::Id,
    };
    config.dialect = Dialect::Native(native);
    if let Some(bits) = options_given {
        Options::from_bits(bits).check(&config.dialect)?;
    }
    Engine::new(config)
}

fn limits(limits: &mut Limits, json: &str) -> Result<(), ConfigError> {
    each("limits.", json, &mut |given| {
        match given.name {
            "bytes" => limits.bytes = given.size()?,
            "names" => limits.names = given.size()?,
            "depth" => limits.depth = given.size()?,
            _ => return Err(given.unknown()),
        }
        Ok(())
    })
}

fn former(json: &str) -> Result<FormerCookie, ConfigError> {
    let mut former = FormerCookie::default();
    each("cookie.former.", json, &mut |given| {
        match given.name {
            "path" => former.path = given.text()?,
            "domain" => former.domain = Some(given.text()?),
            "partitioned" => former.partitioned = given.flag()?,
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    Ok(former)
}

fn cookie(cookie: &mut CookieConfig, json: &str) -> Result<(), ConfigError> {
    each("cookie.", json, &mut |given| {
        match given.name {
            "name" => cookie.name = given.text()?,
            "path" => cookie.path = given.text()?,
            "domain" => cookie.domain = Some(given.text()?),
            // A `CookieConfig` has no such member, so the core has nothing to decide. `true` is what other libraries' apps write.
            "secure" if given.flag()? => {}
            "secure" => {
                let rule =
                    "the cookie is always Secure; for development without HTTPS there is `insecure_for_development`";
                return Err(given.wrong(rule));
            }
            "httpOnly" => cookie.http_only = given.flag()?,
            "sameSite" => cookie.same_site = given.same_site()?,
            "partitioned" => cookie.partitioned = given.flag()?,
            "former" => {
                let entries = items(given.json).ok_or_else(|| given.wrong("must be a list"))?;
                cookie.former = entries.into_iter().map(former).collect::<Result<_, _>>()?;
            }
            _ => return Err(given.unknown()),
        }
        Ok(())
    })
}
