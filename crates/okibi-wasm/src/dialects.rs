//! The older dialects' options, as JavaScript sends them. Spans come in milliseconds.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use okibi_core::{
    Accept, ConfigError, Consistency, Dialect, HonoCookie, HonoKv, HonoProtection, HonoSessions, IronRing,
    json::{items, members, string},
};

use crate::given::each;

/// A dialect by its name, with its options and its cookie's.
pub(crate) fn dialect(json: &str, cookie: &str) -> Result<Dialect, ConfigError> {
    let options = members(json).map(|options| options.0).unwrap_or_default();
    let name = options.iter().find(|(name, _)| name == "name").and_then(|(_, value)| string(value));
    match name.as_deref() {
        Some("hono-sessions") => hono_sessions(json, cookie).map(Dialect::HonoSessions),
        Some("hono-kv-session") => hono_kv(json, cookie).map(Dialect::HonoKv),
        _ => Err(ConfigError::Options("dialect: must be hono-sessions or hono-kv-session".to_owned())),
    }
}

fn hono_sessions(json: &str, cookie: &str) -> Result<HonoSessions, ConfigError> {
    let mut spoken = HonoSessions { cookie: hono_cookie(cookie, "session")?, ..HonoSessions::default() };
    let (mut keys, mut sealed) = (None, false);
    each("dialect.", json, &mut |given| {
        match given.name {
            "name" => {}
            "keys" => keys = Some(IronRing::new(given.texts()?)?),
            "sealed" => sealed = given.flag()?,
            "idle" => spoken.idle = Some(given.span()?),
            "autoExtend" => spoken.auto_extend = given.flag()?,
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    spoken.protection = match (keys, sealed) {
        (Some(ring), true) => HonoProtection::Sealed(ring),
        (Some(ring), false) => HonoProtection::SealedId(ring),
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => HonoProtection::Id,
    };
    Ok(spoken)
}

fn hono_kv(json: &str, cookie: &str) -> Result<HonoKv, ConfigError> {
    let mut spoken = HonoKv { name: hono_cookie(cookie, "id")?.name, ..HonoKv::default() };
    each("dialect.", json, &mut |given| {
        match given.name {
            "name" => {}
            "secrets" => spoken.secrets = given.texts()?.into_iter().map(String::into).collect(),
            "ttl" => spoken.ttl = given.span()?,
            "renew" => spoken.renew = given.flag()?,
            "json" => spoken.json = given.flag()?,
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    Ok(spoken)
}

fn hono_cookie(json: &str, name: &str) -> Result<HonoCookie, ConfigError> {
    let mut cookie = HonoCookie::named(name);
    each("cookie.", json, &mut |given| {
        match given.name {
            "name" => cookie.name = given.text()?,
            "path" => cookie.path = given.text()?,
            "domain" => cookie.domain = Some(given.text()?),
            "secure" => cookie.secure = given.flag()?,
            "httpOnly" => cookie.http_only = given.flag()?,
            "sameSite" => cookie.same_site = Some(given.same_site()?),
            "partitioned" => cookie.partitioned = given.flag()?,
            "maxAge" => cookie.max_age = Some(given.span()?),
            "expires" => cookie.expires = Some(given.text()?),
            "lasts" => cookie.lasts = Some(given.span()?),
            "priority" => cookie.priority = Some(given.text()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    Ok(cookie)
}

/// The dialects whose sessions are taken over.
pub(crate) fn accepted(json: &str) -> Result<Vec<Accept>, ConfigError> {
    let entries = items(json).ok_or_else(|| ConfigError::Options("accept: must be a list".to_owned()))?;
    entries.into_iter().map(accept).collect()
}

fn accept(json: &str) -> Result<Accept, ConfigError> {
    let (mut spoken, mut cookie, mut until, mut consistency) = ("{}", "{}", None, None);
    each("accept.", json, &mut |given| {
        match given.name {
            "dialect" => spoken = given.json,
            "cookie" => cookie = given.json,
            "until" => until = Some(given.time()?),
            "consistency" => consistency = Some(given.consistency()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    let until = until.ok_or_else(|| ConfigError::Options("accept.until: none given".to_owned()))?;
    let dialect = dialect(spoken, cookie)?;
    let consistency = consistency.or_else(|| (!dialect.is_sealed()).then_some(Consistency::Strong));
    Ok(Accept { dialect, until, consistency })
}
