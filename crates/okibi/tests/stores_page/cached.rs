// A store with a memory in front of it.
use std::time::Duration;

use okibi::{Cached, ConfigError, SessionLayer, Sessions, store::Store};

fn sessions(distant: impl Store) -> Result<SessionLayer, ConfigError> {
    // For at most so long after a change elsewhere, this process may still read a session as it was.
    let store = Cached::new(distant, Duration::from_secs(5))?;
    Sessions::new(store).layer()
}
