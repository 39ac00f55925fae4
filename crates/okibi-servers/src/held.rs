//! A request that a proxy holds back: its client has lost the connection, and the request reaches the server later.

use std::{fmt, sync::Arc};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch};

use crate::proxy::Then;

/// A request that a proxy is to hold back, or holds back.
///
/// Dropped, it is called off: what was not caught goes on as any other request, and what was caught is lost.
pub struct Held(Arc<watch::Sender<Stage>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Caught,
    Released,
    Arrived { answered: bool },
    CalledOff,
}

impl Held {
    /// Waits until the request has come to the proxy. Its connection is over then, as far as the client can see.
    pub async fn caught(&self) {
        // It cannot fail while this sender is there.
        let _ = self.0.subscribe().wait_for(|stage| *stage != Stage::Waiting).await;
    }

    /// Lets the request reach the server, and says whether the server answered it. `false`: it had closed the connection.
    ///
    /// It waits until the request has been caught.
    pub async fn arrives(&self) -> bool {
        self.caught().await;
        self.0.send_if_modified(|stage| {
            let is_caught = *stage == Stage::Caught;
            if is_caught {
                *stage = Stage::Released;
            }
            is_caught
        });
        let mut stages = self.0.subscribe();
        let arrived = stages.wait_for(|stage| matches!(stage, Stage::Arrived { .. })).await;
        arrived.is_ok_and(|stage| *stage == Stage::Arrived { answered: true })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_replace(Stage::CalledOff);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&*self.0.borrow()).finish()
    }
}

/// Says whether a client's bytes are meant.
type Meant = Box<dyn Fn(&[u8]) -> bool + Send>;

/// What a proxy needs to know to hold a request back.
pub(crate) struct Order {
    is_meant: Meant,
    /// What becomes of the client's connection.
    pub(crate) then: Then,
    answered: bool,
    stage: Arc<watch::Sender<Stage>>,
}

impl Order {
    pub(crate) fn new(is_meant: impl Fn(&[u8]) -> bool + Send + 'static, then: Then) -> (Self, Held) {
        let stage = Arc::new(watch::Sender::new(Stage::Waiting));
        (Self { is_meant: Box::new(is_meant), then, answered: false, stage: Arc::clone(&stage) }, Held(stage))
    }

    /// Whether nobody wants it any more.
    pub(crate) fn is_called_off(&self) -> bool {
        *self.stage.borrow() == Stage::CalledOff
    }

    /// Whether these bytes of a client are what it waits for.
    pub(crate) fn means(&self, bytes: &[u8]) -> bool {
        (self.is_meant)(bytes)
    }

    /// Keeps the bytes until they are let go, and hands them to the server then.
    pub(crate) async fn keep(mut self, mut server: TcpStream, bytes: Vec<u8>) {
        let mut stages = self.stage.subscribe();
        self.stage.send_if_modified(|stage| {
            let is_waiting = *stage == Stage::Waiting;
            if is_waiting {
                *stage = Stage::Caught;
            }
            is_waiting
        });
        let released = stages.wait_for(|stage| matches!(stage, Stage::Released | Stage::CalledOff)).await;
        if !released.is_ok_and(|stage| *stage == Stage::Released) {
            return;
        }
        self.answered = tell(&mut server, &bytes).await;
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        let answered = self.answered;
        // Whoever waits for it has waited long enough, also if the proxy is gone.
        self.stage.send_if_modified(|stage| {
            let is_wanted = *stage != Stage::CalledOff;
            if is_wanted {
                *stage = Stage::Arrived { answered };
            }
            is_wanted
        });
    }
}

/// Sends a request and waits for its answer; whether there was one.
async fn tell(server: &mut TcpStream, request: &[u8]) -> bool {
    let mut chunk = [0; 4096];
    // Answers to what had been asked before.
    while let Ok(1..) = server.try_read(&mut chunk) {}
    if server.write_all(request).await.is_err() {
        return false;
    }
    loop {
        if server.readable().await.is_err() {
            return false;
        }
        match server.try_read(&mut chunk) {
            Ok(count) => return count > 0,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
}
