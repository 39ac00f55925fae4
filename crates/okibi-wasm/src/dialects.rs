//! The options of the older dialects, as JavaScript sends them. Durations are in milliseconds.

use alloc::{string::String, vec::Vec};

use okibi_core::{
    Accept, ConfigError, Consistency, Dialect,
    compat::{HonoCookie, HonoKv, HonoProtection, HonoSessions, IronSecrets},
    json::{items, members, string},
};

use crate::js_option::{JsOption, each};

/// A dialect by its name, with its options and its cookie. `sealed`: the cookie contains the
/// session. `accepted`: only the options for reading its sessions are allowed.
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
    let mut options = HonoSessions { cookie: hono_cookie(cookie, "session")?, ..HonoSessions::default() };
    let mut keys = None;
    each("dialect.", json, &mut |option| {
        match option.name {
            "name" => {}
            "keys" => keys = Some(IronSecrets::new(nonempty_secrets(option)?)?),
            "idle" if !accepted => options.idle = Some(option.span()?),
            "autoExtend" if !accepted => options.auto_extend = option.flag()?,
            _ => return Err(option.refused("unknown option; this dialect has keys")),
        }
        Ok(())
    })?;
    options.protection = match (keys, sealed) {
        (Some(keys), true) => HonoProtection::Sealed(keys),
        (Some(keys), false) => HonoProtection::SealedId(keys),
        (None, true) => return Err(missing("keys", "none given; a sealed cookie is encrypted with one")),
        (None, false) => HonoProtection::Id,
    };
    Ok(options)
}

fn hono_kv(json: &str, cookie: &str, accepted: bool) -> Result<HonoKv, ConfigError> {
    let mut options = HonoKv { name: hono_cookie(cookie, "id")?.name, ..HonoKv::default() };
    each("dialect.", json, &mut |option| {
        match option.name {
            "name" => {}
            "secrets" => options.secrets = nonempty_secrets(option)?.into_iter().map(String::into).collect(),
            "json" => options.json = option.flag()?,
            "ttl" if !accepted => options.ttl = option.span()?,
            "renew" if !accepted => options.renew = option.flag()?,
            _ => {
                return Err(option.refused("unknown option; this dialect has secrets and json"));
            }
        }
        Ok(())
    })?;
    Ok(options)
}

/// A list of secrets. It must not be empty, and no secret may be empty.
fn nonempty_secrets(option: JsOption<'_, '_>) -> Result<Vec<String>, ConfigError> {
    let rule = "must be a list of strings that are not empty; leave it out only if the old cookies are not protected";
    let texts = option.texts().unwrap_or_default();
    if texts.is_empty() || texts.iter().any(String::is_empty) { Err(option.wrong(rule)) } else { Ok(texts) }
}

fn missing(option: &str, rule: &'static str) -> ConfigError {
    ConfigError::Options { option: option.into(), value: None, rule }
}

fn hono_cookie(json: &str, name: &str) -> Result<HonoCookie, ConfigError> {
    let mut cookie = HonoCookie::named(name);
    each("cookie.", json, &mut |option| {
        match option.name {
            "name" => cookie.name = option.text()?,
            "path" => cookie.path = option.text()?,
            "domain" => cookie.domain = Some(option.text()?),
            "secure" => cookie.secure = option.flag()?,
            "httpOnly" => cookie.http_only = option.flag()?,
            "sameSite" => cookie.same_site = Some(option.same_site()?),
            "partitioned" => cookie.partitioned = option.flag()?,
            "maxAge" => cookie.max_age = Some(option.span()?),
            "expires" => cookie.expires = Some(option.text()?),
            "lasts" => cookie.lasts = Some(option.span()?),
            "priority" => cookie.priority = Some(option.text()?),
            _ => return Err(option.unknown()),
        }
        Ok(())
    })?;
    Ok(cookie)
}

/// The dialects to adopt sessions from.
pub(crate) fn accepted(option: JsOption<'_, '_>) -> Result<Vec<Accept>, ConfigError> {
    let entries = items(option.json).ok_or_else(|| option.wrong("must be a list"))?;
    entries.into_iter().map(accept).collect()
}

fn accept(json: &str) -> Result<Accept, ConfigError> {
    let (mut options, mut cookie, mut sealed, mut until, mut consistency) = ("{}", "{}", false, None, None);
    each("accept.", json, &mut |option| {
        match option.name {
            "dialect" => options = option.json,
            "cookie" => cookie = option.json,
            "sealed" => sealed = option.flag()?,
            "until" => until = Some(option.time()?),
            "consistency" => consistency = Some(option.consistency()?),
            _ => return Err(option.unknown()),
        }
        Ok(())
    })?;
    let until = until.ok_or_else(|| missing("until", "none given"))?;
    let dialect = dialect(options, cookie, sealed, true)?;
    let consistency = consistency.or_else(|| (!dialect.is_sealed()).then_some(Consistency::Strong));
    Ok(Accept { dialect, until, consistency })
}
