//! Serves an app over HTTP on one thread.

use std::{
    io::{self, Write as _},
    net::Ipv4Addr,
};

use axum::Router;
use tokio::net::TcpListener;

/// Serves the app on a free port of the loopback interface, which it prints.
///
/// # Errors
/// There is no port, or nothing reads what is printed.
pub async fn serve(app: Router) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    print_port(listener.local_addr()?.port())?;
    axum::serve(listener, app).await
}

/// Prints the port in the form that the bench expects.
///
/// # Errors
/// Nothing reads what is printed.
pub fn print_port(port: u16) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "port {port}")?;
    out.flush()
}
