//! The options of a middleware, as JavaScript sends them, into the engine's configuration. Spans come in milliseconds.

use std::{borrow::Cow, time::Duration};

use okibi_core::{
    Config, ConfigError, Consistency, Engine, Protection, Ring, SameSite,
    json::{members, number, string, strings},
};

use crate::dialects;

/// An engine for these options.
pub(crate) fn engine(options: &[u8]) -> Result<Engine, ConfigError> {
    let text = core::str::from_utf8(options).unwrap_or_default();
    let options = members(text).ok_or_else(|| ConfigError::Options("must be an object of options".into()))?;
    let mut config = Config::default();
    let (mut secrets, mut sealed, mut chunks, mut development) = (None, false, 1, false);
    let (mut plain_cookie, mut dialect) = ("{}", None);
    for (name, value) in options.0 {
        let name: &str = &name;
        let wanted = |what| move || wrong(name, value, what);
        match name {
            "secrets" => secrets = Some(strings(value).ok_or_else(wanted("a list of texts"))?),
            "sealed" => sealed = boolean(value).ok_or_else(wanted("true or false"))?,
            "chunks" => chunks = size(value).ok_or_else(wanted("1 to 5"))?,
            "namespace" => config.namespace = Some(text_of(value).ok_or_else(wanted("a text"))?),
            "idle" => config.lifetime.idle = span(value).ok_or_else(wanted("a number of seconds"))?,
            "absolute" if value == "false" => config.lifetime.absolute = None,
            "absolute" => {
                let span = span(value).ok_or_else(wanted("a number of seconds, or false for none"))?;
                config.lifetime.absolute = Some(span);
            }
            "renewAfter" => config.renew_after = Some(span(value).ok_or_else(wanted("a number of seconds"))?),
            "grace" => config.grace = span(value).ok_or_else(wanted("a number of seconds"))?,
            "persistent" => config.persistent = boolean(value).ok_or_else(wanted("true or false"))?,
            "maxBytes" => config.limits.bytes = size(value).ok_or_else(wanted("a whole number"))?,
            "maxNames" => config.limits.names = size(value).ok_or_else(wanted("a whole number"))?,
            "maxDepth" => config.limits.depth = size(value).ok_or_else(wanted("a whole number"))?,
            "consistency" => {
                config.consistency = consistency(value).ok_or_else(wanted("'strong', 'no-swap' or 'eventual'"))?;
            }
            "insecureForDevelopment" => development = boolean(value).ok_or_else(wanted("true or false"))?,
            "cookie" => plain_cookie = value,
            "dialect" => dialect = Some(value),
            "accept" => config.accept = dialects::accepted(value)?,
            _ => return Err(ConfigError::Options(format!("{name}: there is no such option"))),
        }
    }
    if let Some(dialect) = dialect {
        config.dialect = dialects::dialect(dialect, plain_cookie)?;
        return Engine::new(config);
    }
    cookie(&mut config, plain_cookie)?;
    let protection = match (secrets, sealed) {
        (Some(secrets), sealed) => {
            let ring = Ring::new(secrets.iter().map(|secret| secret.as_bytes()))?;
            if sealed { Protection::Sealed { ring, chunks } } else { Protection::SignedId(ring) }
        }
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => Protection::Id,
    };
    config.dialect = protection.into();
    if development {
        config.cookie = config.cookie.insecure_for_development();
    }
    Engine::new(config)
}

fn cookie(config: &mut Config, json: &str) -> Result<(), ConfigError> {
    let options = members(json).ok_or_else(|| wrong("cookie", json, "an object"))?;
    let cookie = &mut config.cookie;
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
                cookie.same_site = same_site(value).ok_or_else(wanted("'Strict', 'Lax' or 'None'"))?;
            }
            "partitioned" => cookie.partitioned = boolean(value).ok_or_else(wanted("true or false"))?,
            _ => return Err(ConfigError::Options(format!("cookie.{name}: there is no such option"))),
        }
    }
    Ok(())
}

pub(crate) fn wrong(name: &str, value: &str, what: &str) -> ConfigError {
    // A secret is never shown, not even a wrong one.
    let shown = if matches!(name, "secrets" | "dialect.keys" | "dialect.secrets") { "what was given" } else { value };
    ConfigError::Options(format!("{name} of {shown}: must be {what}"))
}

pub(crate) fn text_of(json: &str) -> Option<String> {
    string(json).map(Cow::into_owned)
}

pub(crate) fn boolean(json: &str) -> Option<bool> {
    match json {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn size(json: &str) -> Option<usize> {
    usize::try_from(number(json)?).ok()
}

pub(crate) fn span(json: &str) -> Option<Duration> {
    number(json).map(Duration::from_millis)
}

pub(crate) fn same_site(json: &str) -> Option<SameSite> {
    let text = string(json)?;
    [("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)]
        .into_iter()
        .find_map(|(name, same_site)| text.eq_ignore_ascii_case(name).then_some(same_site))
}

pub(crate) fn consistency(json: &str) -> Option<Consistency> {
    match string(json)?.as_ref() {
        "strong" => Some(Consistency::Strong),
        "no-swap" => Some(Consistency::NoSwap),
        "eventual" => Some(Consistency::Eventual),
        _ => None,
    }
}
