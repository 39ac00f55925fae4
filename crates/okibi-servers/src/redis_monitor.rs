//! The commands that a Redis server receives from clients.

use std::{
    fmt,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use crate::RedisServer;

/// Longest time until `MONITOR` prints a command.
const PATIENCE: Duration = Duration::from_mins(2);

/// Reads `MONITOR`. Commands inside scripts are left out.
pub struct RedisMonitor {
    child: Child,
    lines: Receiver<String>,
    port: u16,
    marks: u32,
}

impl RedisMonitor {
    /// Begins to read.
    ///
    /// # Panics
    /// `redis-cli` is not on this machine, or the server does not answer.
    pub fn of(server: &RedisServer) -> Self {
        let mut command = redis_cli(server.port());
        let mut child = command.arg("monitor").stdout(Stdio::piped()).spawn().expect("redis-cli, of redis-tools");
        let output = BufReader::new(child.stdout.take().expect("an output to read"));
        let (to, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        let monitor = Self { child, lines, port: server.port(), marks: 0 };
        assert_eq!(monitor.next(), "OK");
        monitor
    }

    /// The names of the commands since the last call, in upper case.
    ///
    /// # Panics
    /// The server does not answer.
    pub fn sent(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = format!("mark {}", self.marks);
        redis_cli(self.port).args(["echo", &mark]).output().expect("redis-cli, of redis-tools");
        let mut sent = Vec::new();
        loop {
            let line = self.next();
            if line.contains(&mark) {
                return sent;
            }
            sent.extend(command_in(&line));
        }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line of MONITOR")
    }
}

impl Drop for RedisMonitor {
    fn drop(&mut self) {
        // It fails only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for RedisMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisMonitor").field("port", &self.port).finish_non_exhaustive()
    }
}

fn redis_cli(port: u16) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string()]);
    command
}

/// The command in a line like `1700000000.000000 [0 127.0.0.1:50000] "get" "a"`, if a client sent
/// it.
fn command_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    let (from, command) = rest.split_once(']')?;
    let name = command.trim_start().strip_prefix('"')?.split('"').next()?;
    (!from.ends_with("lua")).then(|| name.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::RedisMonitor;
    use crate::{RedisKind, RedisServer};

    #[test]
    fn commands_of_clients_are_told_and_those_of_scripts_are_not() {
        let server = RedisServer::start(RedisKind::Redis7);
        let mut monitor = RedisMonitor::of(&server);
        server.cli(&["get", "a"]);
        server.cli(&["eval", "return redis.call('get', KEYS[1])", "1", "a"]);
        assert_eq!(monitor.sent(), ["GET", "EVAL"]);
        assert_eq!(monitor.sent(), [""; 0]);
    }
}
