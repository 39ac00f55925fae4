//! Checks in the background, once, whether Redis may evict sessions.

use redis::Value;
use tokio::runtime::Handle;

use crate::connection::Transport;

/// The only policy that evicts nothing. Every other policy can evict sessions, because all sessions
/// expire.
const KEEPS: &str = "noeviction";
/// The policy's name in the answer to `INFO memory`. Managed servers that forbid `CONFIG` still
/// report it there.
const POLICY: &str = "maxmemory_policy:";

/// Reads the policy in the background and warns if sessions may be evicted. If the server does not
/// report it, there is no warning.
pub(crate) fn warn_if_evicting(transport: Transport) {
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        let Ok(told) = transport.send_to_all(redis::cmd("INFO").arg("memory")).await else { return };
        if let Some(policy) = evicting(&told) {
            tracing::warn!(
                target: "okibi::redis",
                policy,
                "maxmemory-policy lets Redis end sessions when memory runs short; set it to noeviction"
            );
        }
    });
}

/// The first policy that evicts, in one answer or in several.
fn evicting(told: &Value) -> Option<String> {
    match told {
        Value::BulkString(bytes) => evicting_in(&String::from_utf8_lossy(bytes)),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => evicting_in(text),
        Value::Array(values) => values.iter().find_map(evicting),
        Value::Map(pairs) => pairs.iter().find_map(|(_, value)| evicting(value)),
        _ => None,
    }
}

fn evicting_in(text: &str) -> Option<String> {
    let policy = text.lines().find_map(|line| line.strip_prefix(POLICY))?.trim();
    (policy != KEEPS).then(|| policy.to_owned())
}
