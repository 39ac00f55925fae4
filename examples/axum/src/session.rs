//! The values of the session, and its configuration.

use std::{error::Error, sync::Arc, time::Duration};

use okibi::{Name, SessionLayer, Sessions, SqliteStore};
use tokio::time::interval;

use crate::arguments::Store;

/// The number of visits of `GET /`, on both servers.
pub(crate) const VISITS: Name<u64> = Name::new("visits");
/// The e-mail. Only while logged in.
pub(crate) const USER: Name<String> = Name::new("user");
/// Only after a failed login.
pub(crate) const FAILED_LOGINS: Name<u64> = Name::new("failed_logins");
/// A flash: success.
pub(crate) const MESSAGE: Name<String> = Name::new("message");
/// A flash: failure.
pub(crate) const ERROR: Name<String> = Name::new("error");

/// The idle span.
pub(crate) const IDLE: Duration = Duration::from_mins(15);
/// The absolute span, and the idle span with "keep me signed in".
pub(crate) const LONGEST: Duration = Duration::from_hours(30 * 24);

/// The layer that gives every request its session.
pub(crate) fn layer(store: Store) -> Result<SessionLayer, String> {
    let sessions = match store {
        Store::Cookie(secrets) => Sessions::sealed(secrets),
        Store::Sqlite(path) => {
            let store = SqliteStore::open(&path).map_err(|error| {
                let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                format!("--database: {cause}; give a file in a folder that can be written")
            })?;
            let store = Arc::new(store);
            tokio::spawn(purge_periodically(Arc::clone(&store)));
            Sessions::new(store)
        }
    };
    sessions.persistent(false).idle(IDLE).absolute(LONGEST).layer().map_err(|error| error.to_string())
}

/// Deletes expired sessions from the file periodically. They open nothing and only take up space.
async fn purge_periodically(store: Arc<SqliteStore>) {
    let mut hours = interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = store.purge().await {
            eprintln!("expired sessions could not be deleted: {error}");
        }
    }
}
