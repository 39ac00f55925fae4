//! The options of which one excludes another. Written by `cargo xtask facts` from facts/border.md: change that.

use super::Given;

impl Given {
    /// A store for the sessions themselves.
    pub const STORE: Self = Self(1);
    /// Secrets that sign the id.
    pub const SECRET: Self = Self(2);
    /// Over how many cookies a sealed session may be split.
    pub const CHUNKS: Self = Self(4);
    /// How long its cookies may be in total.
    pub const MAX_COOKIE_BYTES: Self = Self(8);
    /// The changes of failed requests are committed as well.
    pub const COMMIT_FAILED_REQUESTS: Self = Self(16);
    /// The app says itself which requests have failed.
    pub const FAILED_WHEN: Self = Self(32);
    /// Anything of the cookie.
    pub const COOKIE: Self = Self(64);
    /// How long a session lives.
    pub const LIFETIME: Self = Self(128);
    /// When the last-active time is written.
    pub const TOUCH_AFTER: Self = Self(256);
    /// Whether the cookie outlives the browser's own session.
    pub const PERSISTENT: Self = Self(512);
    /// How long a renewed id still leads to its successor.
    pub const GRACE: Self = Self(1024);
    /// What store keys begin with.
    pub const NAMESPACE: Self = Self(2048);
    /// Older dialects whose sessions are taken over.
    pub const ACCEPT: Self = Self(4096);
    /// A store that notes the ends of sealed sessions.
    pub const REVOCATIONS: Self = Self(8192);
}
