//! Writes Set-Cookie headers (RFC 6265bis section 4.1). Names and attributes are checked once, when configured.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use crate::{error::ConfigError, json::push_number};

/// The longest Max-Age that browsers honour (RFC 6265bis section 5.5): 400 days.
pub(crate) const MAX_AGE: Duration = Duration::from_hours(9600);
/// The most that name and value may have together (RFC 6265bis section 5.6).
pub(crate) const MAX_PAIR: usize = 4096;
/// The most that one attribute may have (RFC 6265bis section 5.6).
const MAX_ATTRIBUTE: usize = 1024;
/// Leaves room for a chunk's suffix and keeps every length in a seal's associated data in range.
const MAX_NAME: usize = 128;

/// When browsers send a cookie along with a request from another site (RFC 6265bis section 4.1.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the visitor follows a link here. The default.
    #[default]
    Lax,
    /// Always; needs `Secure`.
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
    /// The domain. Default none: only the very host that set it gets it back.
    pub domain: Option<String>,
    /// Out of reach of scripts. Default true.
    pub http_only: bool,
    /// Default [`SameSite::Lax`].
    pub same_site: SameSite,
    /// Kept apart per top-level site (CHIPS). Default false.
    pub partitioned: bool,
    /// Where the cookie was set before: the paths, domains and partitions that it had under this name. Default none; at most
    /// 4. Browsers keep a cookie of each beside the present one and send both, so each is removed with every cookie that is
    /// sent, when two are seen, and at a logout. Leave an entry out once no browser can have its cookie any more.
    pub former: Vec<FormerCookie>,
    /// The cookie without `Secure`, and without all that needs it: the name loses its prefix, `Partitioned` goes, and
    /// `SameSite=None` becomes `Lax`. Default false. **Never in production**: the cookie travels in clear text.
    ///
    /// Nothing that a request says of itself turns it on. The face says so in its log: see [`Engine::warning`](crate::Engine::warning).
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

/// Attributes that the cookie had before: together with its name they say which of a browser's cookies it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerCookie {
    /// The path. Default `/`.
    pub path: String,
    /// The domain. Default none.
    pub domain: Option<String>,
    /// Kept apart per top-level site. Default false.
    pub partitioned: bool,
}

impl Default for FormerCookie {
    fn default() -> Self {
        Self { path: String::from("/"), domain: None, partitioned: false }
    }
}

/// So many former cookies can be removed: each is a header more.
const MOST_FORMER: usize = 4;

/// A cookie as Hono's own helper writes it: nothing is in it that was not asked for.
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
    /// `SameSite`. Default none, which browsers take for `Lax`.
    pub same_site: Option<SameSite>,
    /// `Partitioned`. Default false.
    pub partitioned: bool,
    /// `Max-Age`, the same in every header. Default none: the cookie ends with the browser's own session.
    pub max_age: Option<Duration>,
    /// `Expires`, the same in every header, as an HTTP date. Default none.
    pub expires: Option<String>,
    /// How long a cookie with `Expires` and no `Max-Age` lives, which decides when it is sent again. It is not written.
    pub lasts: Option<Duration>,
    /// `Priority`. Default none.
    pub priority: Option<String>,
}

impl HonoCookie {
    /// A cookie of this name with `Path=/` and nothing else.
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

    /// How long a browser keeps it, where that is not as long as the browser's own session.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.max_age.or(self.lasts)
    }
}

/// A checked cookie: its name, and its attributes as they stand in every header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) name: String,
    /// Which path, domain and partition: two cookies of one name are the same only if these are.
    scope: String,
    attributes: String,
    /// The attributes of a header that removes the cookie, where they are others.
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

    /// The same in the order of Hono's helper.
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

    /// Whether browsers take the two for the same cookie.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.scope == other.scope
    }

    /// A header value that sets the cookie; without `max_age` it ends with the browser's own session.
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

    /// A header value that removes the cookie: the same name, path, domain and partition, and no time left.
    pub(crate) fn remove(&self, suffix: &str) -> String {
        self.header(suffix, "", Some(Duration::ZERO), self.removal.as_ref().unwrap_or(&self.attributes))
    }
}

/// The same error, of a cookie's former attributes.
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

/// A prefix of cookie names, and what browsers demand of a cookie that has it (RFC 6265bis section 4.1.3). All need Secure.
struct Prefix {
    text: &'static str,
    /// No Domain, and Path=/.
    host: bool,
    /// `HttpOnly`.
    http: bool,
}

/// Longer ones first: the first that fits counts.
const PREFIXES: [Prefix; 4] = [
    Prefix { text: "__Host-Http-", host: true, http: true },
    Prefix { text: "__Host-", host: true, http: false },
    Prefix { text: "__Http-", host: false, http: true },
    Prefix { text: "__Secure-", host: false, http: false },
];

/// The name's prefix, and the rest of the name. Browsers compare prefixes without regard to case.
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

/// Which rule of the name's prefix the cookie breaks, and the fix.
fn broken_rule(config: &CookieConfig, secure: bool) -> Option<String> {
    let (prefix, start, rest) = prefix_of(&config.name)?;
    let says = |parts: [&str; 3]| Some(parts.concat());
    let text = prefix.text;
    if start != text {
        return says(["spell the prefix exactly ", text, ": browsers know it in any case"]);
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

/// A character of an HTTP token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A byte that can stand in an attribute's value: printable ASCII but no semicolon.
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
