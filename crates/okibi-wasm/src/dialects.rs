//! The older dialects' options, as JavaScript sends them. Spans come in milliseconds.

use alloc::{format, string::String, vec::Vec};

use okibi_core::{
    Accept, ConfigError, Consistency, Dialect, HonoCookie, HonoKv, HonoProtection, HonoSessions, IronRing, Timestamp,
    json::{items, members, number, strings},
};

use crate::options::{boolean, consistency, same_site, span, text_of, wrong};

/// A dialect by its name, with its options and its cookie's.
pub(crate) fn dialect(json: &str, cookie: &str) -> Result<Dialect, ConfigError> {
    let options = members(json).ok_or_else(|| wrong("dialect", json, "an object"))?;
    let name = options.0.iter().find(|(name, _)| name == "name").and_then(|(_, value)| text_of(value));
    match name.as_deref() {
        Some("hono-sessions") => hono_sessions(&options.0, cookie).map(Dialect::HonoSessions),
        Some("hono-kv-session") => hono_kv(&options.0, cookie).map(Dialect::HonoKv),
        _ => Err(wrong("dialect.name", "what was given", "'hono-sessions' or 'hono-kv-session'")),
    }
}

type Options<'a> = [(alloc::borrow::Cow<'a, str>, &'a str)];

fn hono_sessions(options: &Options<'_>, cookie: &str) -> Result<HonoSessions, ConfigError> {
    let mut spoken = HonoSessions { cookie: hono_cookie(cookie, "session")?, ..HonoSessions::default() };
    let (mut keys, mut sealed) = (None, false);
    for (name, value) in options {
        let name: &str = name;
        let wanted = |what| move || wrong(&format!("dialect.{name}"), value, what);
        match name {
            "name" => {}
            "keys" => keys = Some(IronRing::new(strings(value).ok_or_else(wanted("a list of texts"))?)?),
            "sealed" => sealed = boolean(value).ok_or_else(wanted("true or false"))?,
            "idle" => spoken.idle = Some(span(value).ok_or_else(wanted("a number of seconds"))?),
            "autoExtend" => spoken.auto_extend = boolean(value).ok_or_else(wanted("true or false"))?,
            _ => return Err(unknown(name)),
        }
    }
    spoken.protection = match (keys, sealed) {
        (Some(ring), true) => HonoProtection::Sealed(ring),
        (Some(ring), false) => HonoProtection::SealedId(ring),
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => HonoProtection::Id,
    };
    Ok(spoken)
}

fn hono_kv(options: &Options<'_>, cookie: &str) -> Result<HonoKv, ConfigError> {
    let mut spoken = HonoKv { name: hono_cookie(cookie, "id")?.name, ..HonoKv::default() };
    for (name, value) in options {
        let name: &str = name;
        let wanted = |what| move || wrong(&format!("dialect.{name}"), value, what);
        match name {
            "name" => {}
            "secrets" => {
                let secrets = strings(value).ok_or_else(wanted("a list of texts"))?;
                spoken.secrets = secrets.into_iter().map(|secret| String::from(secret).into()).collect();
            }
            "ttl" => spoken.ttl = span(value).ok_or_else(wanted("a number of seconds"))?,
            "renew" => spoken.renew = boolean(value).ok_or_else(wanted("true or false"))?,
            "json" => spoken.json = boolean(value).ok_or_else(wanted("true or false"))?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(spoken)
}

fn hono_cookie(json: &str, name: &str) -> Result<HonoCookie, ConfigError> {
    let options = members(json).ok_or_else(|| wrong("cookie", json, "an object"))?;
    let mut cookie = HonoCookie::named(name);
    for (name, value) in options.0 {
        let name: &str = &name;
        let wanted = |what| move || wrong(&format!("cookie.{name}"), value, what);
        match name {
            "name" => cookie.name = text_of(value).ok_or_else(wanted("a text"))?,
            "path" => cookie.path = text_of(value).ok_or_else(wanted("a text"))?,
            "domain" => cookie.domain = Some(text_of(value).ok_or_else(wanted("a text"))?),
            "secure" => cookie.secure = boolean(value).ok_or_else(wanted("true or false"))?,
            "httpOnly" => cookie.http_only = boolean(value).ok_or_else(wanted("true or false"))?,
            "sameSite" => {
                cookie.same_site = Some(same_site(value).ok_or_else(wanted("'Strict', 'Lax' or 'None'"))?);
            }
            "partitioned" => cookie.partitioned = boolean(value).ok_or_else(wanted("true or false"))?,
            "maxAge" => cookie.max_age = Some(span(value).ok_or_else(wanted("a number of seconds"))?),
            "expires" => cookie.expires = Some(text_of(value).ok_or_else(wanted("a date"))?),
            "priority" => cookie.priority = Some(text_of(value).ok_or_else(wanted("a text"))?),
            _ => return Err(ConfigError::Options(format!("cookie.{name}: there is no such option"))),
        }
    }
    Ok(cookie)
}

/// The dialects whose sessions are taken over.
pub(crate) fn accepted(json: &str) -> Result<Vec<Accept>, ConfigError> {
    let entries = items(json).ok_or_else(|| wrong("accept", json, "a list"))?;
    entries.into_iter().map(accept).collect()
}

fn accept(json: &str) -> Result<Accept, ConfigError> {
    let options = members(json).ok_or_else(|| wrong("accept", "an entry", "an object"))?;
    let (mut spoken, mut cookie, mut until, mut promise) = (None, "{}", None, Consistency::Strong);
    for (name, value) in options.0 {
        let name: &str = &name;
        let wanted = |what| move || wrong(&format!("accept.{name}"), value, what);
        match name {
            "dialect" => spoken = Some(value),
            "cookie" => cookie = value,
            "until" => until = Some(number(value).ok_or_else(wanted("a time"))?),
            "consistency" => {
                promise = consistency(value).ok_or_else(wanted("'strong', 'no-swap' or 'eventual'"))?;
            }
            _ => return Err(ConfigError::Options(format!("accept.{name}: there is no such option"))),
        }
    }
    let missing = |what| ConfigError::Options(format!("accept.{what}: none given"));
    let dialect = dialect(spoken.ok_or_else(|| missing("dialect"))?, cookie)?;
    let until = Timestamp::from_millis(until.ok_or_else(|| missing("until"))?);
    Ok(Accept { dialect, until, consistency: promise })
}

fn unknown(name: &str) -> ConfigError {
    ConfigError::Options(format!("dialect.{name}: there is no such option"))
}
