//! Reads the options of a middleware from JavaScript into the engine's configuration. Durations are
//! in milliseconds.

use core::time::Duration;

use okibi_core::{
    Config, ConfigError, CookieConfig, Dialect, Engine, FormerCookie, Given, Limits, Native, Protection, Secrets,
    check_timeouts, json::items,
};

#[cfg(feature = "compat")]
use crate::dialects;
use crate::js_option::each;

/// An engine with these options.
pub(crate) fn engine(options: &[u8]) -> Result<Engine, ConfigError> {
    let mut config = Config::default();
    let mut native = Native::default();
    let (mut secrets, mut sealed, mut chunks) = (None, false, 1);
    let mut given = None;
    let (mut store_timeout, mut commit_deadline) = (Duration::from_secs(1), Duration::from_secs(1));
    #[cfg(feature = "compat")]
    let mut dialect = None;
    let mut cookie_json = "{}";
    each("", core::str::from_utf8(options).unwrap_or_default(), &mut |option| {
        match option.name {
            "secrets" => secrets = Some(option.texts()?),
            "sealed" => sealed = option.flag()?,
            "chunks" => chunks = option.size()?,
            "maxCookieBytes" => native.max_cookie_bytes = option.size()?,
            "namespace" => native.namespace = Some(option.text()?),
            "idle" => native.lifetime.idle = option.span()?,
            "absolute" => native.lifetime.absolute = option.span_or_false()?,
            "touchAfter" => native.touch_after = Some(option.span()?),
            "grace" => native.grace = option.span()?,
            "persistent" => native.persistent = option.flag()?,
            "limits" => limits(&mut config.limits, option.json)?,
            "storeTimeout" => store_timeout = option.span()?,
            "commitDeadline" => commit_deadline = option.span()?,
            "revocations" => native.revocations = option.flag()?,
            "consistency" => config.consistency = option.consistency()?,
            "evicts" => native.evicts = option.flag()?,
            "insecureForDevelopment" => native.cookie.insecure_for_development = option.flag()?,
            "cookie" => cookie_json = option.json,
            // The options that the app gave, as bits.
            "given" => given = u32::try_from(option.size()?).ok(),
            #[cfg(feature = "compat")]
            "dialect" => dialect = Some(option.json),
            #[cfg(feature = "compat")]
            "accept" => native.accept = dialects::accepted(option)?,
            _ => return Err(option.unknown()),
        }
        Ok(())
    })?;
    check_timeouts(store_timeout, commit_deadline)?;
    #[cfg(feature = "compat")]
    if let Some(dialect) = dialect {
        // The cookie of an older dialect has other options.
        config.dialect = dialects::dialect(dialect, cookie_json, sealed, false)?;
        return Engine::new(config);
    }
    cookie(&mut native.cookie, cookie_json)?;
    native.protection = match (secrets, sealed) {
        (Some(secrets), sealed) => {
            let secrets = Secrets::new(secrets)?;
            if sealed { Protection::Sealed { secrets, chunks } } else { Protection::SignedId(secrets) }
        }
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => Protection::Id,
    };
    config.dialect = Dialect::Native(native);
    if let Some(bits) = given {
        Given::from_bits(bits).check(&config.dialect)?;
    }
    Engine::new(config)
}

fn limits(limits: &mut Limits, json: &str) -> Result<(), ConfigError> {
    each("limits.", json, &mut |option| {
        match option.name {
            "bytes" => limits.bytes = option.size()?,
            "names" => limits.names = option.size()?,
            "depth" => limits.depth = option.size()?,
            _ => return Err(option.unknown()),
        }
        Ok(())
    })
}

fn former(json: &str) -> Result<FormerCookie, ConfigError> {
    let mut former = FormerCookie::default();
    each("cookie.former.", json, &mut |option| {
        match option.name {
            "path" => former.path = option.text()?,
            "domain" => former.domain = Some(option.text()?),
            "partitioned" => former.partitioned = option.flag()?,
            _ => return Err(option.unknown()),
        }
        Ok(())
    })?;
    Ok(former)
}

fn cookie(cookie: &mut CookieConfig, json: &str) -> Result<(), ConfigError> {
    each("cookie.", json, &mut |option| {
        match option.name {
            "name" => cookie.name = option.text()?,
            "path" => cookie.path = option.text()?,
            "domain" => cookie.domain = Some(option.text()?),
            // `CookieConfig` has no such field, so the core cannot decide this. `true` is common in
            // apps that come from other libraries.
            "secure" if option.flag()? => {}
            "secure" => {
                let rule =
                    "the cookie is always Secure; for development without HTTPS there is `insecure_for_development`";
                return Err(option.wrong(rule));
            }
            "httpOnly" => cookie.http_only = option.flag()?,
            "sameSite" => cookie.same_site = option.same_site()?,
            "partitioned" => cookie.partitioned = option.flag()?,
            "former" => {
                let entries = items(option.json).ok_or_else(|| option.wrong("must be a list"))?;
                cookie.former = entries.into_iter().map(former).collect::<Result<_, _>>()?;
            }
            _ => return Err(option.unknown()),
        }
        Ok(())
    })
}
