//! Redis and Valkey: one server, a replica, a cluster, a sentinel.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Process, free_port,
    process::{PATIENCE, on_free_port},
};

/// Pause between two checks.
const PAUSE: Duration = Duration::from_millis(10);
/// Masters of a cluster, and the slots that they share.
const MASTERS: u16 = 3;
const SLOTS: u16 = 16384;

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisKind {
    /// The machine's own `redis-server`: 7.0 on Debian 12.
    Redis7,
    /// Redis 8, where `cargo xtask servers` puts it.
    Redis8,
    /// Valkey, where `cargo xtask servers` puts it.
    Valkey,
}

impl RedisKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Redis7, Self::Redis8, Self::Valkey];

    /// The program of the server.
    fn program(self) -> PathBuf {
        let name = match self {
            Self::Redis7 => return "redis-server".into(),
            Self::Redis8 => "redis-8",
            Self::Valkey => "valkey",
        };
        let program = repository().join("target/servers").join(name);
        assert!(program.is_file(), "{name}: not there; `cargo xtask servers` puts it into target/servers");
        program
    }
}

/// The folder above this crate that holds the lock file.
fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(here)
}

/// A Redis or Valkey server with its own port and folder. When this is dropped, it is killed and
/// its folder removed.
pub struct RedisServer {
    kind: RedisKind,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts a server without persistence.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn start(kind: RedisKind) -> Self {
        Self::start_with(kind, &[])
    }

    /// Starts a server with additional settings of `redis.conf`, for example `&["--appendonly",
    /// "yes"]`.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn start_with(kind: RedisKind, settings: &[&str]) -> Self {
        Self::start_on(kind, |port, _| {
            let port = port.to_string();
            let own = ["--port", &port, "--bind", "127.0.0.1", "--save", ""];
            own.iter().chain(settings).map(|&setting| setting.to_owned()).collect()
        })
    }

    /// Starts a replica of another server, and waits until it has all data.
    ///
    /// `cli(&["replicaof", "no", "one"])` promotes it.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn replica_of(master: &Self) -> Self {
        let port = master.port.to_string();
        let replica =
            Self::start_with(master.kind, &["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
        wait_until("a replica is in step", || replica.cli(&["info", "replication"]).contains("master_link_status:up"));
        replica
    }

    /// Starts a sentinel that watches a server under this name. After half a second without an
    /// answer, this sentinel alone decides a failover to a replica.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn sentinel_of(master: &Self, name: &str) -> Self {
        Self::start_on(master.kind, |port, folder| {
            let master_port = master.port;
            let file = folder.join("sentinel.conf");
            let text = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {master_port} 1\n\
                 sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 2000\n"
            );
            fs::write(&file, text).expect("the file of a sentinel");
            vec![file.display().to_string(), "--sentinel".to_owned()]
        })
    }

    /// Starts a server on a free port. Tries another port if another process has taken it.
    fn start_on(kind: RedisKind, arguments: impl Fn(u16, &Path) -> Vec<String>) -> Self {
        let start = |port| {
            let folder = TempDir::new()?;
            let mut server = Self { kind, port, arguments: arguments(port, folder.path()), folder, process: None };
            server.run().map(|()| server)
        };
        on_free_port(start).expect("a server that starts")
    }

    fn run(&mut self) -> io::Result<()> {
        let mut command = Command::new(self.kind.program());
        command.args(&self.arguments).current_dir(self.folder.path());
        let mut process = Process::start(&mut command, self.port, &self.folder.path().join("log"))?;
        // Another server on this port would answer too.
        let own = format!("process_id:{}\r", process.id().unwrap_or_default());
        wait_until("a server answers", || {
            process.has_ended() || self.cli(&["ping"]) == "PONG" && self.cli(&["info", "server"]).contains(&own)
        });
        if process.has_ended() {
            return Err(io::Error::other("the server has ended"));
        }
        self.process = Some(process);
        Ok(())
    }

    /// Which server it is.
    pub const fn kind(&self) -> RedisKind {
        self.kind
    }

    /// The port. It stays the same over a restart.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL for the crate `redis`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The process id, for example for SIGSTOP; `None` while it is killed.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// The output of `redis-cli` for a command, without the last newline. A Redis error is output
    /// too.
    ///
    /// # Panics
    /// `redis-cli` is not on this machine.
    pub fn cli(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        let output =
            cli.args(["-p", &self.port.to_string()]).args(command).output().expect("redis-cli, of redis-tools");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Restarts it on the same port and folder. Kills it before if it runs.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn restart(&mut self) {
        self.kill();
        self.run().expect("a server that starts again");
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServer").field("kind", &self.kind).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Three masters that share the keys, without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster and waits until each master serves its slots.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn start(kind: RedisKind) -> Self {
        Self::start_with(kind, &[])
    }

    /// Starts a cluster with additional settings for its masters, as [`RedisServer::start_with`]
    /// takes them.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub fn start_with(kind: RedisKind, settings: &[&str]) -> Self {
        let own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port"];
        let start = |_| {
            // The bus port. The default is the port plus ten thousand, which may be above 65535.
            let bus = free_port().to_string();
            RedisServer::start_with(kind, &[&own[..], &[&bus], settings].concat())
        };
        let nodes: Vec<RedisServer> = (0..MASTERS).map(start).collect();
        let cluster = Self { nodes };
        for (number, node) in (0_u16..).zip(&cluster.nodes) {
            let (first, next) = (SLOTS / MASTERS * number, SLOTS / MASTERS * (number + 1));
            let last = if number + 1 == MASTERS { SLOTS - 1 } else { next - 1 };
            node.cli(&["cluster", "addslotsrange", &first.to_string(), &last.to_string()]);
            node.cli(&["cluster", "set-config-epoch", &(number + 1).to_string()]);
        }
        cluster.meet();
        cluster
    }

    /// Introduces the masters to each other.
    fn meet(&self) {
        let Some((first, others)) = self.nodes.split_first() else { return };
        for other in others {
            let bus = other.cli(&["config", "get", "cluster-port"]);
            let bus = bus.lines().last().unwrap_or_default();
            first.cli(&["cluster", "meet", "127.0.0.1", &other.port.to_string(), bus]);
        }
        let known = format!("cluster_known_nodes:{MASTERS}");
        for node in &self.nodes {
            wait_until("a cluster serves", || {
                let info = node.cli(&["cluster", "info"]);
                info.contains("cluster_state:ok") && info.contains(&known)
            });
        }
    }

    /// The masters.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The masters, for tests that kill and restart one.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// The URLs of the masters for the crate `redis`.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The master of a key's slot.
    ///
    /// # Panics
    /// No master serves the slot.
    pub fn node_of(&self, key: &str) -> &RedisServer {
        let holds = |node: &&RedisServer| !node.cli(&["exists", key]).starts_with("MOVED");
        self.nodes.iter().find(holds).expect("a master for every key")
    }
}

/// Checks repeatedly until a condition holds.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: not so after {PATIENCE:?}");
        sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::{RedisCluster, RedisKind, RedisServer, wait_until};

    #[test]
    fn every_kind_starts_and_comes_back_with_what_is_on_disk() {
        for (kind, version) in RedisKind::ALL.into_iter().zip(["redis_version:7", "redis_version:8", "valkey_version:"])
        {
            let mut server = RedisServer::start_with(kind, &["--appendonly", "yes", "--appendfsync", "always"]);
            assert!(server.cli(&["info", "server"]).contains(version), "{kind:?}");
            assert_eq!(server.cli(&["set", "a", "1"]), "OK");
            server.kill();
            assert_eq!(server.id(), None);
            server.restart();
            assert_eq!(server.cli(&["get", "a"]), "1");
        }
    }

    #[test]
    fn a_cluster_spreads_the_keys_over_three_masters() {
        let cluster = RedisCluster::start(RedisKind::Redis7);
        let mut ports: Vec<u16> = ('a'..='z').map(|key| cluster.node_of(&key.to_string()).port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 3);
    }

    #[test]
    fn a_replica_follows_and_a_sentinel_promotes_it() {
        let mut master = RedisServer::start(RedisKind::Redis7);
        master.cli(&["set", "a", "1"]);
        let replica = RedisServer::replica_of(&master);
        assert_eq!(replica.cli(&["get", "a"]), "1");
        let sentinel = RedisServer::sentinel_of(&master, "sessions");
        wait_until("the sentinel knows the replica", || {
            sentinel.cli(&["sentinel", "replicas", "sessions"]).contains(&replica.port().to_string())
        });
        master.kill();
        wait_until("the replica is promoted", || replica.cli(&["info", "replication"]).contains("role:master"));
    }
}
