//! When the server ends.

use std::{
    future::pending,
    io, process,
    thread::{self, sleep},
    time::Duration,
};

use tokio::{select, signal, sync::oneshot};

/// How long requests that are under way may take when the server ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns at SIGINT, at SIGTERM and, if asked to, when the standard input ends.
pub(crate) async fn when_told(with_stdin: bool) {
    select! {
        _ = signal::ctrl_c() => {}
        () = terminated() => {}
        _ = stdin_ends(), if with_stdin => {}
    }
    // A browser that keeps a connection open without asking for anything does not keep the server.
    thread::spawn(|| {
        sleep(PATIENCE);
        process::exit(0);
    });
}

/// Returns at SIGTERM.
async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        terminate.recv().await;
        return;
    }
    pending::<()>().await;
}

/// Ready when the standard input ends, or can't be read.
fn stdin_ends() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = sender.send(());
    });
    receiver
}
