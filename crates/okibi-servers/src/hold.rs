//! A request that a proxy holds back: the client loses its connection, and the request reaches the
//! server later.

use std::{fmt, sync::Arc};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch};

use crate::proxy::Then;

/// A request that a proxy holds back, or will hold back.
///
/// When this is dropped, the hold is cancelled: a request that has not arrived passes as any other,
/// and a held one is lost.
pub struct HeldRequest(Arc<watch::Sender<Stage>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Caught,
    Released,
    Arrived { answered: bool },
    CalledOff,
}

impl HeldRequest {
    /// Waits until the request has reached the proxy. The client's connection has ended then.
    pub async fn caught(&self) {
        // It cannot fail while this sender is there.
        let _ = self.0.subscribe().wait_for(|stage| *stage != Stage::Waiting).await;
    }

    /// Releases the request to the server, and returns whether the server answered it. `false`: the
    /// server had closed the connection.
    ///
    /// It waits until the request is held.
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

impl Drop for HeldRequest {
    fn drop(&mut self) {
        self.0.send_replace(Stage::CalledOff);
    }
}

impl fmt::Debug for HeldRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldRequest").field(&*self.0.borrow()).finish()
    }
}

/// Selects the request by its bytes.
type Selector = Box<dyn Fn(&[u8]) -> bool + Send>;

/// The proxy's side of a hold.
pub(crate) struct HoldOrder {
    selects: Selector,
    /// How the client's connection ends.
    pub(crate) then: Then,
    answered: bool,
    stage: Arc<watch::Sender<Stage>>,
}

impl HoldOrder {
    pub(crate) fn new(selects: impl Fn(&[u8]) -> bool + Send + 'static, then: Then) -> (Self, HeldRequest) {
        let stage = Arc::new(watch::Sender::new(Stage::Waiting));
        (Self { selects: Box::new(selects), then, answered: false, stage: Arc::clone(&stage) }, HeldRequest(stage))
    }

    /// Whether the hold was cancelled.
    pub(crate) fn is_called_off(&self) -> bool {
        *self.stage.borrow() == Stage::CalledOff
    }

    /// Whether these bytes are the request to hold.
    pub(crate) fn means(&self, bytes: &[u8]) -> bool {
        (self.selects)(bytes)
    }

    /// Keeps the bytes until they are released, and sends them to the server then.
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
        self.answered = send_and_wait(&mut server, &bytes).await;
    }
}

impl Drop for HoldOrder {
    fn drop(&mut self) {
        let answered = self.answered;
        // Ends the wait of the test, also if the proxy has ended.
        self.stage.send_if_modified(|stage| {
            let is_wanted = *stage != Stage::CalledOff;
            if is_wanted {
                *stage = Stage::Arrived { answered };
            }
            is_wanted
        });
    }
}

/// Sends a request and waits for its answer. Returns whether there was one.
async fn send_and_wait(server: &mut TcpStream, request: &[u8]) -> bool {
    let mut chunk = [0; 4096];
    // Answers to earlier requests.
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
