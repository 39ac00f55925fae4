//! One option from JavaScript: its name and its JSON. Each method that reads it names the option in
//! its error.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use okibi_core::{
    ConfigError, Consistency, SameSite,
    json::{members, number, string, strings},
};

/// One option. `inside` is the option that contains it, with a dot at the end.
#[derive(Clone, Copy)]
pub(crate) struct JsOption<'name, 'json> {
    inside: &'static str,
    pub(crate) name: &'name str,
    pub(crate) json: &'json str,
}

/// Calls `take` with each member of an options object.
#[inline(never)]
pub(crate) fn each<'json>(
    inside: &'static str,
    json: &'json str,
    take: &mut dyn FnMut(JsOption<'_, 'json>) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let Some(options) = members(json) else {
        let what = if inside.is_empty() { "the options" } else { inside.strip_suffix('.').unwrap_or(inside) };
        return Err(ConfigError::Options { option: what.into(), value: None, rule: "must be an object of options" });
    };
    options.0.iter().try_for_each(|(name, json)| take(JsOption { inside, name, json }))
}

impl JsOption<'_, '_> {
    /// An error for a wrong value. It shows the JSON, except for a secret.
    #[inline(never)]
    pub(crate) fn wrong(self, rule: &'static str) -> ConfigError {
        let is_secret = matches!(self.name, "secrets" | "keys");
        let value = (!is_secret).then(|| self.json.into());
        ConfigError::Options { option: self.path(), value, rule }
    }

    /// An error for the option itself, without its value.
    #[inline(never)]
    pub(crate) fn refused(self, rule: &'static str) -> ConfigError {
        ConfigError::Options { option: self.path(), value: None, rule }
    }

    fn path(self) -> String {
        [self.inside, self.name].concat()
    }

    pub(crate) fn unknown(self) -> ConfigError {
        self.refused("there is no such option")
    }

    #[inline(never)]
    pub(crate) fn text(self) -> Result<String, ConfigError> {
        string(self.json).map(Cow::into_owned).ok_or_else(|| self.wrong("must be a string"))
    }

    #[inline(never)]
    pub(crate) fn texts(self) -> Result<Vec<String>, ConfigError> {
        let texts = strings(self.json).ok_or_else(|| self.wrong("must be a list of strings"))?;
        Ok(texts.into_iter().map(Cow::into_owned).collect())
    }

    #[inline(never)]
    pub(crate) fn flag(self) -> Result<bool, ConfigError> {
        match self.json {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("must be true or false")),
        }
    }

    #[inline(never)]
    pub(crate) fn size(self) -> Result<usize, ConfigError> {
        let size = number(self.json).and_then(|number| usize::try_from(number).ok());
        size.ok_or_else(|| self.wrong("must be a whole number"))
    }

    #[inline(never)]
    pub(crate) fn span(self) -> Result<Duration, ConfigError> {
        number(self.json).map(Duration::from_millis).ok_or_else(|| self.wrong("must be a number of seconds"))
    }

    /// `None` for an explicit false.
    #[inline(never)]
    pub(crate) fn span_or_false(self) -> Result<Option<Duration>, ConfigError> {
        if self.json == "false" {
            return Ok(None);
        }
        let span = number(self.json).map(Duration::from_millis);
        span.map(Some).ok_or_else(|| self.wrong("must be a number of seconds, or false for none"))
    }

    #[cfg(feature = "compat")]
    #[inline(never)]
    pub(crate) fn time(self) -> Result<okibi_core::Timestamp, ConfigError> {
        number(self.json).map(okibi_core::Timestamp::from_millis).ok_or_else(|| self.wrong("must be a time"))
    }

    #[inline(never)]
    pub(crate) fn same_site(self) -> Result<SameSite, ConfigError> {
        let is = |name: &str| string(self.json).is_some_and(|text| text.eq_ignore_ascii_case(name));
        [("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)]
            .into_iter()
            .find_map(|(name, same_site)| is(name).then_some(same_site))
            .ok_or_else(|| self.wrong("must be 'Strict', 'Lax' or 'None'"))
    }

    #[inline(never)]
    pub(crate) fn consistency(self) -> Result<Consistency, ConfigError> {
        match self.json {
            "\"strong\"" => Ok(Consistency::Strong),
            "\"no-swap\"" => Ok(Consistency::NoSwap),
            "\"eventual\"" => Ok(Consistency::Eventual),
            _ => Err(self.wrong("must be 'strong', 'no-swap' or 'eventual'")),
        }
    }
}
