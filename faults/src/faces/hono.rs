//! One instance of the Hono app: a Node process with the built package.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{COMMIT_DEADLINE, GRACE, IDLE, STORE_TIMEOUT};
use crate::backend::Failure;

/// Longest time until Node has started and reached its store.
const PATIENCE: Duration = Duration::from_mins(2);

/// The process. It is killed when this is dropped. It also ends with this process: its input closes
/// then.
pub(super) type App = Child;

/// Starts an instance on a free port.
pub(super) async fn start(store: &Value) -> Result<(SocketAddr, App), Failure> {
    let options = json!({
        "store": store,
        "storeTimeout": STORE_TIMEOUT.as_secs_f64(),
        "commitDeadline": COMMIT_DEADLINE.as_secs_f64(),
        "grace": GRACE.as_secs(),
        "idle": IDLE.as_secs(),
    });
    let mut child = Command::new("node")
        .arg(folder().join("hono/app.mjs"))
        .arg(options.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("node: {error}; the Hono app needs Node 20 or newer"))?;
    let output = child.stdout.take().ok_or("node: no output")?;
    let mut line = String::new();
    timeout(PATIENCE, BufReader::new(output).read_line(&mut line)).await??;
    let port = line
        .trim()
        .parse()
        .map_err(|_| "the Hono app did not start: is packages/okibi built? (`cargo xtask test faults` builds it)")?;
    Ok(((Ipv4Addr::LOCALHOST, port).into(), child))
}

/// The folder of this crate, as cargo reports it at run time.
fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(), Into::into)
}
