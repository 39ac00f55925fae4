//! The pages that every app has, whatever keeps its sessions.

/// A page of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Begins a session: stores [`USER`] and a first number of visits.
    Login,
    /// Does not look at its session.
    Untouched,
    /// Reads the number of visits.
    Read,
    /// Reads the number of visits and stores one more.
    Write,
}

impl Page {
    /// The pages that are measured.
    pub const MEASURED: [Self; 3] = [Self::Untouched, Self::Read, Self::Write];

    /// Where the page lies.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Login => "/login",
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::Write => "/write",
        }
    }

    /// What the report calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Untouched => "untouched",
            Self::Read => "read",
            Self::Write => "read+write",
        }
    }
}

/// What every page answers.
pub const TEXT: &str = "text";

/// Whose session it is.
pub const USER: &str = "ada@example.com";
