//! The older dialects' options, as JavaScript sends them. Spans come in milliseconds.

use alloc::{string::String, vec::Vec};

use okibi_core::{
    Accept, ConfigError, Consistency, Dialect,
    compat::{HonoCookie, HonoKv, HonoProtection, HonoSessions, IronSecrets},
    json::{items, members, string},
};

use crate::given::{Given, each};

/// A dialect by its name, with its options and its cookie's. `sealed`: its cookie is the store. `accepted`: only what it takes to
/// read its sessions can be said.
pub(crate) fn dialect(json: &str, cookie: &str, sealed: bool, accepted: bool) -> Result<Dialect, ConfigError> {
    let options = members(json).map(|options| options.0).unwrap_or_default();
    let name = options.iter().find(|(name, _)| name == "name").map(|(_, json)| *json);
    match name.and_then(string).as_deref() {
        Some("hono-sessions") => hono_sessions(json, cookie, sealed, accepted).map(Dialect::HonoSessions),
        Some("hono-kv-session") => hono_kv(json, cookie, accepted).map(Dialect::HonoKv),
        _ => {
            let rule = "must be hono-sessions or hono-kv-session";
            Err(ConfigError::Options { option: "dialect.name".into(), value: name.map(Into::into), rule })
        }
    }
}

fn hono_sessions(json: &str, cookie: &str, sealed: bool, accepted: bool) -> Result<HonoSessions, ConfigError> {
    let mut spoken = HonoSessions { cookie: hono_cookie(cookie, "session")?, ..HonoSessions::default() };
    let mut keys = None;
    each("dialect.", json, &mut |given| {
        match given.name {
            "name" => {}
            "keys" => keys = Some(IronSecrets::new(protecting(given)?)?),
            "idle" if !accepted => spoken.idle = Some(given.span()?),
            "autoExtend" if !accepted => spoken.auto_extend = given.flag()?,
            _ => return Err(given.refused("there is no such option; of this dialect's own there is keys")),
        }
        Ok(())
    })?;
    spoken.protection = match (keys, sealed) {
        (Some(keys), true) => HonoProtection::Sealed(keys),
        (Some(keys), false) => HonoProtection::SealedId(keys),
        (None, true) => return Err(missing("keys", "none given; a cookie that is the store is encrypted with one")),
        (None, false) => HonoProtection::Id,
    };
    Ok(spoken)
}

fn hono_kv(json: &str, cookie: &str, accepted: bool) -> Result<HonoKv, ConfigError> {
    let mut spoken = HonoKv { name: hono_cookie(cookie, "id")?.name, ..HonoKv::default() };
    each("dialect.", json, &mut |given| {
        match given.name {
            "name" => {}
            "secrets" => spoken.secrets = protecting(given)?.into_iter().map(String::into).collect(),
            "json" => spoken.json = given.flag()?,
            "ttl" if !accepted => spoken.ttl = given.span()?,
            "renew" if !accepted => spoken.renew = given.flag()?,
            _ => return Err(given.refused("there is no such option; of this dialect's own there are secrets and json")),
        }
        Ok(())
    })?;
    Ok(spoken)
}

/// Secrets, of which there must be one, and none empty: else they protect nothing.
fn protecting(given: Given<'_, '_>) -> Result<Vec<String>, ConfigError> {
    let rule = "must be a list of texts that are not empty; leave it out only if the old cookies are not protected";
    let texts = given.texts().unwrap_or_default();
    if texts.is_empty() || texts.iter().any(String::is_empty) { Err(given.wrong(rule)) } else { Ok(texts) }
}

fn missing(option: &str, rule: &'static str) -> ConfigError {
    ConfigError::Options { option: option.into(), value: None, rule }
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
pub(crate) fn accepted(given: Given<'_, '_>) -> Result<Vec<Accept>, ConfigError> {
    let entries = items(given.json).ok_or_else(|| given.wrong("must be a list"))?;
    entries.into_iter().map(accept).collect()
}

fn accept(json: &str) -> Result<Accept, ConfigError> {
    let (mut spoken, mut cookie, mut sealed, mut until, mut consistency) = ("{}", "{}", false, None, None);
    each("accept.", json, &mut |given| {
        match given.name {
            "dialect" => spoken = given.json,
            "cookie" => cookie = given.json,
            "sealed" => sealed = given.flag()?,
            "until" => until = Some(given.time()?),
            "consistency" => consistency = Some(given.consistency()?),
            _ => return Err(given.unknown()),
        }
        Ok(())
    })?;
    let until = until.ok_or_else(|| missing("until", "none given"))?;
    let dialect = dialect(spoken, cookie, sealed, true)?;
    let consistency = consistency.or_else(|| (!dialect.is_sealed()).then_some(Consistency::Strong));
    Ok(Accept { dialect, until, consistency })
}
