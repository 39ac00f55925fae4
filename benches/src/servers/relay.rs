//! A relay between an app and its server. It counts round trips.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// Passes all bytes on its port. Its threads end with their connections; the listening thread ends
/// with the process.
pub(super) struct Relay {
    port: u16,
    trips: Arc<AtomicU64>,
}

impl Relay {
    /// A relay to this port of the loopback interface.
    pub(super) fn start(target: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (port, trips) = (listener.local_addr()?.port(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&trips);
        thread::spawn(move || {
            for client in listener.incoming() {
                // A client that can't be served gets a closed connection.
                let _ = client.and_then(|client| join(client, target, &counted));
            }
        });
        Ok(Self { port, trips })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The number of round trips so far, on all connections.
    pub(super) fn trips(&self) -> u64 {
        self.trips.load(Ordering::SeqCst)
    }
}

/// Starts passing bytes in both directions.
fn join(client: TcpStream, target: u16, trips: &Arc<AtomicU64>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // The bytes of a client up to the next answer are one round trip.
    let is_asked = Arc::new(AtomicBool::new(false));
    let (from, to, trips, asked) = (client.try_clone()?, server.try_clone()?, Arc::clone(trips), Arc::clone(&is_asked));
    thread::spawn(move || {
        pass(from, to, || {
            if !asked.swap(true, Ordering::SeqCst) {
                trips.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    thread::spawn(move || pass(server, client, || is_asked.store(false, Ordering::SeqCst)));
    Ok(())
}

/// Passes bytes until one peer closes, then closes the other.
fn pass(mut from: TcpStream, mut to: TcpStream, seen: impl Fn()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        seen();
        if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            break;
        }
    }
    // They may be closed already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
