//! What is in the session, and how it is kept.

use std::{error::Error, sync::Arc, time::Duration};

use okibi::{Name, SessionLayer, Sessions, SqliteStore};
use tokio::time::interval;

use crate::arguments::Store;

/// How often `GET /` was answered, by either server.
pub(crate) const VISITS: Name<u64> = Name::new("visits");
/// The e-mail; there only while logged in.
pub(crate) const USER: Name<String> = Name::new("user");
/// There only after a failed login.
pub(crate) const FAILED_LOGINS: Name<u64> = Name::new("failed_logins");
/// A flash: good news.
pub(crate) const MESSAGE: Name<String> = Name::new("message");
/// A flash: bad news.
pub(crate) const ERROR: Name<String> = Name::new("error");

/// How long a session lives without activity.
pub(crate) const IDLE: Duration = Duration::from_mins(15);
/// How long it lives at most, and without activity for those who want to be kept signed in.
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
            tokio::spawn(purge_now_and_then(Arc::clone(&store)));
            Sessions::new(store)
        }
    };
    sessions.persistent(false).idle(IDLE).absolute(LONGEST).layer().map_err(|error| error.to_string())
}

/// Removes what has expired from the file. Nobody could open it any more; it only takes up room.
async fn purge_now_and_then(store: Arc<SqliteStore>) {
    let mut hours = interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = store.purge().await {
            eprintln!("expired sessions stay in the database for now: {error}");
        }
    }
}
