//! An nginx for one test: a proxy in front of one server, with nginx's default buffers.

use std::{fs, io, path::Path, process::Command};

use tempfile::TempDir;

use crate::{Process, free_port};

/// Where Debian installs it, outside of the usual `PATH`.
const DEBIAN: &str = "/usr/sbin/nginx";

/// An nginx that passes all requests to one port of the loopback interface. It ends when this is
/// dropped.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it in front of the server on `upstream`. `directives` are additional lines of the
    /// block `server`.
    ///
    /// # Errors
    /// nginx is not installed or does not start. The error has its output.
    pub fn start(upstream: u16, directives: &str) -> io::Result<Self> {
        let (folder, port) = (TempDir::with_prefix("okibi-nginx-")?, free_port());
        let (config, log) = (folder.path().join("nginx.conf"), folder.path().join("log"));
        fs::write(&config, configuration(folder.path(), port, upstream, directives))?;
        let program = if Path::new(DEBIAN).is_file() { DEBIAN } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-e").arg(folder.path().join("early")).arg("-c").arg(&config);
        let process = Process::start(&mut command, port, &log)?;
        Ok(Self { process, _folder: folder })
    }

    /// The port that it listens on.
    pub const fn port(&self) -> u16 {
        self.process.port()
    }
}

/// One process. All of its files are in `folder`, and no buffers are set.
fn configuration(folder: &Path, port: u16, upstream: u16, directives: &str) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\nhttp {{\n  access_log off;\n{temporary}  \
         server {{\n    listen 127.0.0.1:{port};\n    {directives}\n    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}\n  }}\n}}\n"
    )
}
