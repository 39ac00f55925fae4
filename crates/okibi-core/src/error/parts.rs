//! The parts of a configuration error, for a binding that spells options differently.

use alloc::{borrow::Cow, string::String};
use core::time::Duration;

use super::ConfigError;
use crate::json::push_number;

pub(super) const COOKIE_NAME: &str = "must be 1 to 128 characters of letters, digits and !#$%&'*+-.^_`|~";
pub(super) const NEEDS_SECURE: &str =
    "needs Secure: browsers drop such a cookie; keep it secure or choose SameSite=Lax";
pub(super) const NAMESPACE: &str = "must be 1 to 64 characters of letters, digits, '_', '.' and '-'";
pub(super) const NO_SECRET: &str = "none given; give at least one of at least 32 bytes";

/// The value in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// No value: it is a secret, or the error is not about a value.
    Nothing,
    /// A string.
    Text(&'a str),
    /// Any value, as JSON.
    Json(&'a str),
    /// A number.
    Number(usize),
    /// A duration.
    Span(Duration),
}

impl ConfigError {
    /// The option's name, its value, and the rule with the fix. A dot separates an option and a
    /// part of it.
    ///
    /// The option has its Rust name, and so have the options in backticks in the rule. The only
    /// part of the rule that comes from the app is the prefix of a cookie's name, so a binding can
    /// replace the option names.
    pub fn parts(&self) -> (&str, Shown<'_>, Cow<'_, str>) {
        let (option, shown, rule) = match self {
            Self::CookieName(name) => ("cookie.name", Shown::Text(name), COOKIE_NAME),
            Self::CookiePrefix { name, rule } => ("cookie.name", Shown::Text(name), rule.as_str()),
            Self::NeedsSecure("Partitioned") => ("cookie.partitioned", Shown::Nothing, NEEDS_SECURE),
            Self::NeedsSecure(_) => ("cookie.same_site", Shown::Nothing, NEEDS_SECURE),
            Self::CookieAttribute { attribute, value, rule } => {
                let option = match *attribute {
                    "path" => "cookie.path",
                    "domain" => "cookie.domain",
                    "former path" => "cookie.former.path",
                    "former domain" => "cookie.former.domain",
                    "expires" => "cookie.expires",
                    _ => "cookie.priority",
                };
                (option, Shown::Text(value), *rule)
            }
            Self::Namespace(namespace) => ("namespace", Shown::Text(namespace), NAMESPACE),
            Self::Span { option, value, rule } => (*option, Shown::Span(*value), *rule),
            Self::Limit { option, value, rule } => (*option, Shown::Number(*value), *rule),
            Self::NoSecret => ("secrets", Shown::Nothing, NO_SECRET),
            Self::ShortSecret { position, length } => {
                let rule = numbered("number ", *position, " has ", *length, " bytes; must have at least 32");
                return ("secrets", Shown::Nothing, rule.into());
            }
            Self::EqualSecrets(one, other) => {
                let rule = numbered("numbers ", *one, " and ", *other, " have equal secret ids; remove one of them");
                return ("secrets", Shown::Nothing, rule.into());
            }
            Self::Together(text) => {
                // A string search would need more code.
                let end = text.bytes().position(|byte| byte == b':').unwrap_or_default();
                let (option, rule) = text.split_at_checked(end).unwrap_or(("", *text));
                (option, Shown::Nothing, rule.get(2..).unwrap_or_default())
            }
            Self::Options { option, value, rule } => {
                (option.as_str(), value.as_deref().map_or(Shown::Nothing, Shown::Json), *rule)
            }
        };
        (option, shown, rule.into())
    }
}

fn numbered(before: &str, first: usize, between: &str, second: usize, after: &str) -> String {
    let mut text = String::from(before);
    push_number(&mut text, first as u64);
    text.push_str(between);
    push_number(&mut text, second as u64);
    text.push_str(after);
    text
}
