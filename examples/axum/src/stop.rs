//! When the server ends.

use std::{
    io, process,
    thread::{self, sleep},
    time::Duration,
};

use tokio::{select, signal, sync::oneshot};

/// How long requests that are under way may take when the server ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens from now on, and is ready at SIGINT, at SIGTERM and, if asked to, when the standard input ends.
pub(crate) fn when_told(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let signals = signals()?;
    let (end, ended) = oneshot::channel();
    if with_stdin {
        thread::spawn(move || {
            // Nothing is expected there, and a failure is an end, too.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = end.send(());
        });
    }
    Ok(async move {
        select! {
            () = signals => {}
            Ok(()) = ended => {}
        }
        // A browser that keeps a connection open without asking for anything does not keep the server.
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
