//! The options of which one excludes another. Written by `cargo xtask facts` from facts/border.md: change that.

use super::Given;

impl Given {
    /// A store for the sessions themselves.
    pub const STORE: Self = Self(1);
    /// Secrets that sign the id.
    pub const SECRET: Self = Self(2);
    /// The most cookies that a sealed session may be split into.
    pub const CHUNKS: Self = Self(4);
    /// The most bytes of its cookies.
    pub const MAX_COOKIE_BYTES: Self = Self(8);
    /// The changes of failed requests are committed too.
    pub const COMMIT_FAILED_REQUESTS: Self = Self(16);
    /// The app decides which requests have failed.
    pub const FAILED_WHEN: Self = Self(32);
    /// The cookie's name and attributes.
    pub const COOKIE: Self = Self(64);
    /// The idle and the absolute timeout.
    pub const LIFETIME: Self = Self(128);
    /// When the last-active time is written.
    pub const TOUCH_AFTER: Self = Self(256);
    /// Whether the cookie is kept when the browser closes.
    pub const PERSISTENT: Self = Self(512);
    /// How long the old id opens the session after its id is renewed.
    pub const GRACE: Self = Self(1024);
    /// The prefix of store keys.
    pub const NAMESPACE: Self = Self(2048);
    /// The older dialects to adopt sessions from.
    pub const ACCEPT: Self = Self(4096);
    /// A store for the revocations of sealed sessions.
    pub const REVOCATIONS: Self = Self(8192);
}
