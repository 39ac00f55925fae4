//! Writes Set-Cookie headers (RFC 6265bis section 4.1). Names and attributes are checked once, when
//! configured.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use crate::{error::ConfigError, json::push_number};

/// The longest Max-Age that browsers accept (RFC 6265bis section 5.5): 400 days.
pub(crate) const MAX_AGE: Duration = Duration::from_hours(9600);
/// The most bytes of name and value together (RFC 6265bis section 5.6).
pub(crate) const MAX_PAIR: usize = 4096;
/// The most bytes of one attribute (RFC 6265bis section 5.6).
const MAX_ATTRIBUTE: usize = 1024;
/// The longest name. A chunk's suffix still fits, and every length in a seal's associated data
/// fits.
const MAX_NAME: usize = 128;

/// When browsers send a cookie with a request from another site (RFC 6265bis section 4.1.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only if the visitor follows a link to this site. The default.
    #[default]
    Lax,
    /// Always. Requires `Secure`.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// The cookie's name and attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieConfig {
    /// The name. Default `__Host-session`.
    pub name: String,
    /// The path. Default `/`.
    pub path: String,
    /// The domain. Default none: the browser sends the cookie only to the host that set it.
    pub domain: Option<String>,
    /// Scripts cannot read the cookie. Default true.
    pub http_only: bool,
    /// Default [`SameSite::Lax`].
    pub same_site: SameSite,
    /// The browser keeps a separate cookie for each top-level site (CHIPS). Default false.
    pub partitioned: bool,
    /// The paths, domains and partitions that the cookie had before under this name. Default none;
    /// at most four. Browsers keep a former cookie beside the present one and send both. So each
    /// former cookie is removed when a cookie is sent, when a request has two, and at a logout.
    /// Remove an entry when no browser can have its cookie any more.
    pub former: Vec<FormerCookie>,
    /// The cookie without `Secure`, and without everything that requires it: the name loses its
    /// prefix, `Partitioned` is dropped, and `SameSite=None` becomes `Lax`. Default false. **Never
    /// use it in production**: the cookie is sent unencrypted.
    ///
    /// No request can turn it on. The face logs a warning: see
    /// [`Engine::warning`](crate::Engine::warning).
    pub insecure_for_development: bool,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: String::from("__Host-session"),
            path: String::from("/"),
            domain: None,
            http_only: true,
            same_site: SameSite::Lax,
            partitioned: false,
            former: Vec::new(),
            insecure_for_development: false,
        }
    }
}

/// Former attributes of the cookie. Together with the name they identify a cookie in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerCookie {
    /// The path. Default `/`.
    pub path: String,
    /// The domain. Default none.
    pub domain: Option<String>,
    /// Whether it was partitioned by top-level site. Default false.
    pub partitioned: bool,
}

impl Default for FormerCookie {
    fn default() -> Self {
        Self { path: String::from("/"), domain: None, partitioned: false }
    }
}

/// The most former cookies. Each one adds a header.
const MOST_FORMER: usize = 4;

/// A cookie as Hono's helper writes it: only with the attributes that are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HonoCookie {
    /// The name, with its prefix if it has one.
    pub name: String,
    /// The path. Default `/`.
    pub path: String,
    /// The domain. Default none.
    pub domain: Option<String>,
    /// `Secure`. Default false.
    pub secure: bool,
    /// `HttpOnly`. Default false.
    pub http_only: bool,
    /// `SameSite`. Default none, which browsers treat as `Lax`.
    pub same_site: Option<SameSite>,
    /// `Partitioned`. Default false.
    pub partitioned: bool,
    /// `Max-Age`, the same in every header. Default none: the cookie is deleted when the browser
    /// closes.
    pub max_age: Option<Duration>,
    /// `Expires`, the same in every header, as an HTTP date. Default none.
    pub expires: Option<String>,
    /// How long a cookie with `Expires` and without `Max-Age` lives. It decides when the cookie is
    /// sent again, and is not written.
    pub lasts: Option<Duration>,
    /// `Priority`. Default none.
    pub priority: Option<String>,
}

impl HonoCookie {
    /// A cookie of this name with `Path=/` and no other attribute.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: "/".into(),
            domain: None,
            secure: false,
            http_only: false,
            same_site: None,
            partitioned: false,
            max_age: None,
            expires: None,
            lasts: None,
            priority: None,
        }
    }

    /// How long a browser keeps the cookie; `None` if it is deleted when the browser closes.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.max_age.or(self.lasts)
    }
}

/// A checked cookie: its name, and its attributes as every header has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) name: String,
    /// The path, domain and partition. Two cookies are the same only if name and scope are equal.
    scope: String,
    attributes: String,
    /// The attributes of a header that removes the cookie, if they differ.
    removal: Option<String>,
}

impl Template {
    pub(crate) fn new(config: &CookieConfig) -> Result<Self, ConfigError> {
        let secure = !config.insecure_for_development;
        let mut config = Cow::Borrowed(config);
        if !secure {
            let open = config.to_mut();
            open.name = without_prefix(&open.name).into();
            open.partitioned = false;
            if open.same_site == SameSite::None {
                open.same_site = SameSite::Lax;
            }
        }
        check(&config, secure)?;
        let mut attributes = String::from("; Path=");
        attributes.push_str(&config.path);
        if let Some(domain) = &config.domain {
            push(&mut attributes, "; Domain=", domain);
        }
        for (on, attribute) in
            [(secure, "; Secure"), (config.http_only, "; HttpOnly"), (config.partitioned, "; Partitioned")]
        {
            if on {
                attributes.push_str(attribute);
            }
        }
        push(&mut attributes, "; SameSite=", config.same_site.as_str());
        Ok(Self {
            name: config.name.clone(),
            scope: scope(&config.path, config.domain.as_deref(), config.partitioned),
            attributes,
            removal: None,
        })
    }

    /// The same cookie with its former attributes.
    pub(crate) fn former(&self, config: &CookieConfig) -> Result<Vec<Self>, ConfigError> {
        if config.former.len() > MOST_FORMER {
            return Err(ConfigError::Limit { option: "former", value: config.former.len(), rule: "must be 4 at most" });
        }
        let mut templates = Vec::new();
        for former in &config.former {
            let FormerCookie { path, domain, partitioned } = former.clone();
            let template = Self::new(&CookieConfig { path, domain, partitioned, former: Vec::new(), ..config.clone() })
                .map_err(of_former)?;
            if template.is_same(self) && !config.insecure_for_development {
                let rule =
                    "former: these are the cookie's present path, domain and partition; name those that it had before";
                return Err(ConfigError::Together(rule));
            }
            if !template.is_same(self) {
                templates.push(template);
            }
        }
        Ok(templates)
    }

    /// A checked cookie with the attributes in the order of Hono's helper.
    pub(crate) fn hono(config: &HonoCookie) -> Result<Self, ConfigError> {
        let HonoCookie { name, path, domain, secure, http_only, partitioned, max_age, expires, .. } = config;
        let attributes = CookieConfig {
            name: name.clone(),
            path: path.clone(),
            domain: domain.clone(),
            http_only: *http_only,
            same_site: config.same_site.unwrap_or_default(),
            partitioned: *partitioned,
            ..CookieConfig::default()
        };
        check(&attributes, *secure)?;
        if let Some(value) = max_age.filter(|max_age| *max_age > MAX_AGE) {
            return Err(ConfigError::Span { option: "maxAge", value, rule: "must be at most 400 days" });
        }
        for (attribute, text) in [("expires", expires), ("priority", &config.priority)] {
            if let Some(text) = text.as_ref().filter(|text| text.len() > 64 || !text.bytes().all(is_attribute_byte)) {
                let rule = "must have at most 64 bytes, no ';' and no control characters";
                return Err(ConfigError::CookieAttribute { attribute, value: text.clone(), rule });
            }
        }
        let write = |expires: Option<&String>| {
            let mut attributes = String::new();
            if let Some(domain) = domain {
                push(&mut attributes, "; Domain=", domain);
            }
            push(&mut attributes, "; Path=", path);
            if let Some(expires) = expires {
                push(&mut attributes, "; Expires=", expires);
            }
            if *http_only {
                attributes.push_str("; HttpOnly");
            }
            if *secure {
                attributes.push_str("; Secure");
            }
            if let Some(same_site) = config.same_site {
                push(&mut attributes, "; SameSite=", same_site.as_str());
            }
            if let Some(priority) = &config.priority {
                push(&mut attributes, "; Priority=", priority);
            }
            if *partitioned {
                attributes.push_str("; Partitioned");
            }
            attributes
        };
        let removal = expires.as_ref().map(|_| write(None));
        let attributes = write(expires.as_ref());
        Ok(Self { name: name.clone(), scope: scope(path, domain.as_deref(), *partitioned), attributes, removal })
    }

    /// The same cookie for one host.
    pub(crate) fn on_host(&self, host: &str) -> Self {
        let mut attributes = String::with_capacity(9 + host.len() + self.attributes.len());
        push(&mut attributes, "; Domain=", host);
        attributes.push_str(&self.attributes);
        Self { name: self.name.clone(), scope: scope("/", Some(host), false), attributes, removal: None }
    }

    /// Whether browsers treat the two as the same cookie.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.scope == other.scope
    }

    /// A header value that sets the cookie. Without `max_age` it is deleted when the browser
    /// closes.
    pub(crate) fn set(&self, suffix: &str, value: &str, max_age: Option<Duration>) -> String {
        self.header(suffix, value, max_age, &self.attributes)
    }

    fn header(&self, suffix: &str, value: &str, max_age: Option<Duration>, attributes: &str) -> String {
        let length = self.name.len() + suffix.len() + value.len() + attributes.len() + 24;
        let mut header = String::with_capacity(length);
        header.push_str(&self.name);
        header.push_str(suffix);
        header.push('=');
        header.push_str(value);
        if let Some(max_age) = max_age {
            header.push_str("; Max-Age=");
            push_number(&mut header, max_age.min(MAX_AGE).as_secs());
        }
        header.push_str(attributes);
        header
    }

    /// A header value that removes the cookie: the same name, path, domain and partition, and a
    /// Max-Age of 0.
    pub(crate) fn remove(&self, suffix: &str) -> String {
        self.header(suffix, "", Some(Duration::ZERO), self.removal.as_ref().unwrap_or(&self.attributes))
    }
}

/// Changes an error so that it names a former attribute.
fn of_former(mut error: ConfigError) -> ConfigError {
    if let ConfigError::CookieAttribute { attribute, .. } = &mut error {
        *attribute = if *attribute == "path" { "former path" } else { "former domain" };
    }
    error
}

fn scope(path: &str, domain: Option<&str>, partitioned: bool) -> String {
    let mut scope = String::from(path);
    push(&mut scope, ";", domain.unwrap_or_default());
    scope.push_str(if partitioned { ";Partitioned" } else { "" });
    scope
}

fn push(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(value);
}

/// A prefix of cookie names, and what browsers require of such a cookie (RFC 6265bis section
/// 4.1.3). All prefixes require Secure.
struct Prefix {
    text: &'static str,
    /// No Domain, and Path=/.
    host: bool,
    /// `HttpOnly`.
    http: bool,
}

/// Longer prefixes come first: the first match counts.
const PREFIXES: [Prefix; 4] = [
    Prefix { text: "__Host-Http-", host: true, http: true },
    Prefix { text: "__Host-", host: true, http: false },
    Prefix { text: "__Http-", host: false, http: true },
    Prefix { text: "__Secure-", host: false, http: false },
];

/// The prefix of a name, and the rest of the name. Browsers compare prefixes without regard to
/// case.
fn prefix_of(name: &str) -> Option<(&'static Prefix, &str, &str)> {
    PREFIXES.iter().find_map(|prefix| {
        let (start, rest) = name.split_at_checked(prefix.text.len())?;
        start.eq_ignore_ascii_case(prefix.text).then_some((prefix, start, rest))
    })
}

/// The cookie's name without its prefix.
pub(crate) fn without_prefix(name: &str) -> &str {
    prefix_of(name).filter(|(prefix, start, _)| prefix.text == *start).map_or(name, |(_, _, rest)| rest)
}

fn check(config: &CookieConfig, secure: bool) -> Result<(), ConfigError> {
    let CookieConfig { name, path, domain, same_site, partitioned, .. } = config;
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_token) {
        return Err(ConfigError::CookieName(name.clone()));
    }
    if let Some(rule) = broken_rule(config, secure) {
        return Err(ConfigError::CookiePrefix { name: name.clone(), rule });
    }
    if !secure && *same_site == SameSite::None {
        return Err(ConfigError::NeedsSecure("SameSite=None"));
    }
    if !secure && *partitioned {
        return Err(ConfigError::NeedsSecure("Partitioned"));
    }
    if !path.starts_with('/') || path.len() > MAX_ATTRIBUTE || !path.bytes().all(is_attribute_byte) {
        let rule = "must start with '/', have at most 1024 bytes, no ';' and no control characters";
        return Err(ConfigError::CookieAttribute { attribute: "path", value: path.clone(), rule });
    }
    match domain {
        Some(domain) if !is_host_name(domain) => {
            let rule = "must be a host name of letters, digits, '-' and '.', at most 253 bytes";
            Err(ConfigError::CookieAttribute { attribute: "domain", value: domain.clone(), rule })
        }
        _ => Ok(()),
    }
}

/// The rule of the prefix that the cookie breaks, and the fix.
fn broken_rule(config: &CookieConfig, secure: bool) -> Option<String> {
    let (prefix, start, rest) = prefix_of(&config.name)?;
    let says = |parts: [&str; 3]| Some(parts.concat());
    let text = prefix.text;
    if start != text {
        return says(["spell the prefix exactly ", text, ": browsers ignore its case"]);
    }
    if rest.is_empty() {
        return says(["a prefix alone is no name; put a name behind ", text, ""]);
    }
    if !secure {
        return says(["a ", text, " cookie needs Secure; keep the cookie secure or choose a name without the prefix"]);
    }
    if prefix.http && !config.http_only {
        return says(["a ", text, " cookie is HttpOnly; keep it so or choose another prefix"]);
    }
    if prefix.host && config.domain.is_some() {
        return says(["a ", text, " cookie has no Domain; remove the domain or use __Secure-"]);
    }
    if prefix.host && config.path != "/" {
        return says(["a ", text, " cookie has Path=/; remove the path or use __Secure-"]);
    }
    None
}

/// Whether a byte is a character of an HTTP token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether an attribute value may have this byte: printable ASCII except the semicolon.
fn is_attribute_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b';'
}

fn is_host_name(domain: &str) -> bool {
    let labels = domain.strip_prefix('.').unwrap_or(domain).as_bytes();
    domain.len() <= 253
        && labels.split(|byte| *byte == b'.').all(|label| {
            (1..=63).contains(&label.len())
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                && !label.starts_with(b"-")
                && !label.ends_with(b"-")
        })
}
