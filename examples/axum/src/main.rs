//! The demo site on axum. It shares its sessions with the same site on Hono.
#![forbid(unsafe_code)]

mod arguments;
mod engine;
mod login;
mod pages;
mod session;
mod site;
mod stop;

use std::{env, net::SocketAddr, process::ExitCode, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::map_response,
    routing::{get, post},
};
use okibi::{SessionLayer, guard};
use tokio::net::TcpListener;

use crate::{arguments::Arguments, session::USER, site::Site};

/// The largest form that is read, in bytes.
const LARGEST_FORM: usize = 8 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is stopped.
async fn serve(arguments: Arguments) -> Result<(), String> {
    let site = Arc::new(Site::new(&arguments));
    let sessions = session::layer(arguments.store)?;
    let stop = stop::on_signal(arguments.exit_with_stdin).map_err(|error| error.to_string())?;
    let listener = listen(arguments.listen).await?;
    let server = axum::serve(listener, app(site, sessions)).with_graceful_shutdown(stop);
    server.await.map_err(|error| error.to_string())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let wrong = |error| format!("--listen {address}: {error}; stop the program that uses it or choose another port");
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    println!("axum listens on http://{}", listener.local_addr().map_err(wrong)?);
    Ok(listener)
}

/// The routes. Those added before the session layer have a session. Those added after it do not use
/// one.
fn app(site: Arc<Site>, sessions: SessionLayer) -> Router {
    let members_only = guard(USER).redirect("/");
    let mut app = Router::new()
        .route("/", get(pages::home))
        .route("/members", get(pages::members).layer(members_only.clone()))
        .route("/login", post(login::login).layer(DefaultBodyLimit::max(LARGEST_FORM)))
        .route("/logout", post(login::logout));
    if site.lists_sessions() {
        app = app.route("/sessions/end-others", post(login::revoke_others).layer(members_only));
    }
    app.layer(sessions)
        .route("/about", get(pages::about))
        .route("/style.css", get(site::style))
        .route("/ember.svg", get(site::icon))
        .layer(map_response(site::secure))
        .with_state(site)
}
