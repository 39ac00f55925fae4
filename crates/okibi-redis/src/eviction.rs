//! Whether Redis may throw sessions away: looked up once, and nobody waits for it.

use redis::Value;
use tokio::runtime::Handle;

use crate::connection::Way;

/// The one policy under which nothing that was written is thrown away. Every other one can, since all sessions expire.
const KEEPS: &str = "noeviction";
/// How the policy is called in what `INFO memory` says; managed servers that forbid `CONFIG` still say it there.
const POLICY: &str = "maxmemory_policy:";

/// Asks in the background for the policy and warns if sessions may end before their time. A server that does not tell is
/// not complained about.
pub(crate) fn look_up(way: Way) {
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        let Ok(told) = way.ask_all(redis::cmd("INFO").arg("memory")).await else { return };
        if let Some(policy) = evicting(&told) {
            tracing::warn!(
                target: "okibi::redis",
                policy,
                "maxmemory-policy lets Redis end sessions when memory runs short; set it to noeviction"
            );
        }
    });
}

/// The first policy in an answer, or in one of several, that throws away.
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
