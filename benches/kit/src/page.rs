//! The pages of every app, whatever stores its sessions.

/// A page of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Begins a session: stores [`USER`] and a first number of visits.
    Login,
    /// Does not read its session.
    Untouched,
    /// Reads the number of visits.
    Read,
    /// Reads the number of visits and stores one more.
    Write,
    /// Answers with the number of visits, so that a bench can check that the app counts.
    Visits,
}

impl Page {
    /// The pages that are measured.
    pub const MEASURED: [Self; 3] = [Self::Untouched, Self::Read, Self::Write];

    /// All pages.
    pub const ALL: [Self; 5] = [Self::Login, Self::Untouched, Self::Read, Self::Write, Self::Visits];

    /// The path of the page.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Login => "/login",
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::Write => "/write",
            Self::Visits => "/visits",
        }
    }

    /// Its name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Untouched => "untouched",
            Self::Read => "read",
            Self::Write => "read+write",
            Self::Visits => "visits",
        }
    }
}

/// The body of every page.
pub const TEXT: &str = "text";

/// The owner of the session.
pub const USER: &str = "ada@example.com";
