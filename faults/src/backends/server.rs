//! A server that several faults share: its blocking calls, and the kill that all servers have.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use okibi_servers::{MariaDbServer, PostgresServer, RedisServer};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    backend::{BoxFuture, Failure, Fault},
    random::Random,
};

/// A server that can be killed and restarted with its data.
pub(super) trait Crash: Send + 'static {
    fn kill(&mut self);
    fn restart(&mut self) -> io::Result<()>;
}

impl Crash for PostgresServer {
    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) -> io::Result<()> {
        self.restart()
    }
}

impl Crash for MariaDbServer {
    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) -> io::Result<()> {
        self.restart()
    }
}

impl Crash for RedisServer {
    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) -> io::Result<()> {
        self.restart();
        Ok(())
    }
}

/// A server shared by its backend and that backend's faults. It ends with the last of them.
pub(super) struct Shared<S>(Arc<Mutex<S>>);

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Send + 'static> Shared<S> {
    pub(super) fn new(server: S) -> Self {
        Self(Arc::new(Mutex::new(server)))
    }

    /// Runs a blocking call on the server.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let server = Arc::clone(&self.0);
        spawn_blocking(move || work(&mut server.lock().unwrap_or_else(PoisonError::into_inner))).await?
    }
}

/// The server is killed (SIGKILL), stays down for a while, and restarts with its data.
pub(super) struct Kill<S>(pub(super) Shared<S>);

impl<S: Crash> Fault for Kill<S> {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            self.0
                .with(|server| {
                    server.kill();
                    Ok(())
                })
                .await?;
            sleep(random.millis(0..700)).await;
            self.0.with(|server| Ok(server.restart()?)).await
        })
    }
}
