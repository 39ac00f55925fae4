//! The outcome of a request: whether it failed, and whether headers can be added to its response.

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The request failed. Of its changes, only a destroy is carried out.
    pub failed: bool,
    /// The response ends HTTP, for example 101. No headers can be added.
    pub upgrades: bool,
    /// The response is an interim response, for example 103. Browsers and servers may drop it, so
    /// it gets no cookie.
    pub interim: bool,
}

impl Outcome {
    /// The outcome for a response status. `None` means that there is no response, which is always a
    /// failure.
    ///
    /// The statuses 5xx, 408 (the handler timed out) and 499 (the client disconnected) are
    /// failures. An app can change that. With `commits_failed`, no request with a response fails.
    /// `said` is the result of the app's own function for this status.
    pub const fn of(status: Option<u16>, commits_failed: bool, said: Option<bool>) -> Self {
        let Some(status) = status else { return Self { failed: true, upgrades: false, interim: false } };
        let failed = match said {
            _ if commits_failed => false,
            Some(said) => said,
            None => status >= 500 || matches!(status, 408 | 499),
        };
        Self { failed, upgrades: status < 200, interim: status < 200 && status != 101 }
    }
}
