//! When the server stops.

use std::{
    io, process,
    thread::{self, sleep},
    time::Duration,
};

use tokio::{select, signal, sync::oneshot};

/// The time for pending requests when the server stops.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts listening for signals. The future is ready at SIGINT, at SIGTERM and, with `with_stdin`,
/// at the end of standard input.
pub(crate) fn on_signal(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let signals = signals()?;
    let (end, ended) = oneshot::channel();
    if with_stdin {
        thread::spawn(move || {
            // Input is ignored. A failed read is an end, too.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = end.send(());
        });
    }
    Ok(async move {
        select! {
            () = signals => {}
            Ok(()) = ended => {}
        }
        // An idle connection of a browser does not keep the server running.
        thread::spawn(|| {
            sleep(PATIENCE);
            process::exit(0);
        });
    })
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
