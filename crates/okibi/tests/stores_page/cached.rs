// A read cache in front of a store.
use std::time::Duration;

use okibi::{Cached, ConfigError, SessionLayer, Sessions, store::Store};

fn sessions(distant: impl Store) -> Result<SessionLayer, ConfigError> {
    // After a change by another process, this process may read the old session for at most this long.
    let store = Cached::new(distant, Duration::from_secs(5))?;
    Sessions::new(store).layer()
}
