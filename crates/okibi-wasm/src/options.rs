//! The options of a middleware, as JavaScript names them, into the engine's configuration.

use std::time::Duration;

use okibi_core::{Config, ConfigError, Consistency, Engine, Lifetime, Limits, Protection, Ring, SameSite};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Options {
    cookie: Cookie,
    secrets: Option<Vec<String>>,
    sealed: bool,
    chunks: usize,
    namespace: Option<String>,
    idle: Option<f64>,
    absolute: Option<Absolute>,
    renew_after: Option<f64>,
    grace: Option<f64>,
    persistent: Option<bool>,
    limits: LimitOptions,
    consistency: Option<String>,
    insecure_for_development: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cookie: Cookie::default(),
            secrets: None,
            sealed: false,
            chunks: 1,
            namespace: None,
            idle: None,
            absolute: None,
            renew_after: None,
            grace: None,
            persistent: None,
            limits: LimitOptions::default(),
            consistency: None,
            insecure_for_development: false,
        }
    }
}

/// A span, or `false` for none.
#[derive(Deserialize)]
#[serde(untagged, expecting = "absolute: must be a number of seconds, or false for no absolute timeout")]
enum Absolute {
    Seconds(f64),
    Off(bool),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Cookie {
    name: Option<String>,
    path: Option<String>,
    domain: Option<String>,
    secure: Option<bool>,
    http_only: Option<bool>,
    same_site: Option<String>,
    partitioned: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LimitOptions {
    bytes: Option<usize>,
    names: Option<usize>,
    depth: Option<usize>,
}

/// An engine for these options.
pub(crate) fn engine(json: &[u8]) -> Result<Engine, ConfigError> {
    let options: Options = serde_json::from_slice(json).map_err(|error| ConfigError::Options(error.to_string()))?;
    let mut config = Config::default();
    let Cookie { name, path, domain, secure, http_only, same_site, partitioned } = options.cookie;
    let cookie = &mut config.cookie;
    set(&mut cookie.name, name);
    set(&mut cookie.path, path);
    cookie.domain = domain;
    set(&mut cookie.secure, secure);
    set(&mut cookie.http_only, http_only);
    set(&mut cookie.partitioned, partitioned);
    set(&mut cookie.same_site, same_site.as_deref().map(parse_same_site).transpose()?);
    config.protection = match (options.secrets, options.sealed) {
        (Some(secrets), true) => Protection::Sealed { ring: Ring::new(secrets)?, chunks: options.chunks },
        (Some(secrets), false) => Protection::SignedId(Ring::new(secrets)?),
        (None, true) => return Err(ConfigError::NoSecret),
        (None, false) => Protection::Id,
    };
    config.namespace = options.namespace;
    let Lifetime { idle, absolute } = &mut config.lifetime;
    set(idle, seconds("idle", options.idle)?);
    match options.absolute {
        Some(Absolute::Seconds(span)) => *absolute = seconds("absolute", Some(span))?,
        Some(Absolute::Off(false)) => *absolute = None,
        Some(Absolute::Off(true)) => {
            return Err(ConfigError::Options(
                "absolute of true: must be a number of seconds, or false for none".into(),
            ));
        }
        None => {}
    }
    config.renew_after = seconds("renewAfter", options.renew_after)?;
    set(&mut config.grace, seconds("grace", options.grace)?);
    set(&mut config.persistent, options.persistent);
    let Limits { bytes, names, depth } = &mut config.limits;
    set(bytes, options.limits.bytes);
    set(names, options.limits.names);
    set(depth, options.limits.depth);
    set(&mut config.consistency, options.consistency.as_deref().map(parse_consistency).transpose()?);
    if options.insecure_for_development {
        config.cookie = config.cookie.insecure_for_development();
    }
    Engine::new(config)
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn seconds(option: &str, value: Option<f64>) -> Result<Option<Duration>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    Duration::try_from_secs_f64(value)
        .map(Some)
        .map_err(|_| ConfigError::Options(format!("{option} of {value}: must be a number of seconds, not negative")))
}

fn parse_same_site(text: &str) -> Result<SameSite, ConfigError> {
    match text.to_ascii_lowercase().as_str() {
        "strict" => Ok(SameSite::Strict),
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        _ => Err(ConfigError::Options(format!("cookie.sameSite of {text:?}: must be 'Strict', 'Lax' or 'None'"))),
    }
}

fn parse_consistency(text: &str) -> Result<Consistency, ConfigError> {
    match text {
        "strong" => Ok(Consistency::Strong),
        "no-swap" => Ok(Consistency::NoSwap),
        "eventual" => Ok(Consistency::Eventual),
        _ => Err(ConfigError::Options(format!(
            "store consistency of {text:?}: must be 'strong', 'no-swap' or 'eventual'"
        ))),
    }
}
