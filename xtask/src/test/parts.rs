//! The list of all parts, in the order in which they begin.

use super::{guides, runtimes, rust, site, stores, typescript};
use crate::{faults, fuzz, release, run::Outcome, site as documentation, tidy};

/// One part of the tests.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// The group of the part. A group's name selects all of its parts.
    pub(super) group: &'static str,
    pub(super) turn: Turn,
    /// The required program. If it is missing, the part is skipped, or fails in continuous
    /// integration.
    pub(super) needs: &'static [fn() -> Outcome],
    pub(super) run: fn() -> Outcome,
}

/// Which other parts may run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// None. It takes a second or two and comes before all others.
    Alone,
    /// All but those that run alone.
    Any,
    /// The same, but only one that compiles with cargo for most of its time: cargo runs one build at
    /// a time, and the others would occupy a lane and wait.
    Building,
}

/// Seconds per fuzz target. `cargo xtask fuzz` runs longer.
const FUZZ_SECONDS: u64 = 5;

const NODE: &[fn() -> Outcome] = &[typescript::need_node];
const NEWER_NODE: &[fn() -> Outcome] = &[runtimes::need_newer_node];

/// The servers of the stores.
const SERVERS: &[fn() -> Outcome] =
    &[typescript::need_node, stores::need_redis, stores::need_newer_redis, stores::need_postgres, stores::need_mariadb];

/// The servers, and a proxy in front of apps.
const PROXIED: &[fn() -> Outcome] = &[
    typescript::need_node,
    stores::need_redis,
    stores::need_newer_redis,
    stores::need_postgres,
    stores::need_mariadb,
    stores::need_nginx,
];

/// What the pages of the documentation run on.
const GUIDES: &[fn() -> Outcome] =
    &[runtimes::need_newer_node, stores::need_redis, stores::need_postgres, stores::need_mariadb];

/// In the order in which they begin: what others wait for comes first, then the long parts, then the
/// short ones, so that no long part is left alone at the end.
pub(super) const PARTS: &[Part] = &[
    Part { name: "format", group: "rust", turn: Turn::Alone, needs: &[rust::need_rustfmt], run: rust::format },
    Part { name: "tidy", group: "tidy", turn: Turn::Alone, needs: &[], run: tidy::check },
    Part { name: "clippy", group: "rust", turn: Turn::Building, needs: &[rust::need_clippy], run: rust::clippy },
    Part { name: "wasm", group: "ts", turn: Turn::Any, needs: NODE, run: typescript::wasm },
    Part { name: "biome", group: "ts", turn: Turn::Any, needs: NODE, run: typescript::biome },
    Part { name: "types", group: "ts", turn: Turn::Any, needs: NODE, run: typescript::types },
    Part { name: "benches", group: "ts", turn: Turn::Any, needs: NODE, run: typescript::benches },
    Part { name: "unit", group: "rust", turn: Turn::Building, needs: &[], run: rust::tests },
    Part { name: "workerd", group: "runtimes", turn: Turn::Any, needs: NEWER_NODE, run: runtimes::workerd },
    Part { name: "consumers", group: "consumers", turn: Turn::Any, needs: NEWER_NODE, run: runtimes::consumers },
    Part { name: "vitest", group: "ts", turn: Turn::Any, needs: NODE, run: typescript::vitest },
    Part { name: "stores", group: "stores", turn: Turn::Any, needs: PROXIED, run: stores::real },
    Part { name: "features", group: "rust", turn: Turn::Building, needs: &[rust::need_clippy], run: rust::features },
    Part { name: "databases", group: "stores", turn: Turn::Any, needs: PROXIED, run: rust::databases },
    Part { name: "newer-node", group: "runtimes", turn: Turn::Any, needs: NEWER_NODE, run: runtimes::newer_node },
    Part { name: "guides", group: "guides", turn: Turn::Building, needs: GUIDES, run: guides::follow },
    Part { name: "deno", group: "runtimes", turn: Turn::Any, needs: NODE, run: runtimes::deno },
    Part { name: "faults", group: "faults", turn: Turn::Any, needs: SERVERS, run: faults::in_tests },
    Part { name: "bun", group: "runtimes", turn: Turn::Any, needs: NODE, run: runtimes::bun },
    Part { name: "browser", group: "browser", turn: Turn::Any, needs: &[site::need_browser], run: site::browser },
    Part {
        name: "browser-examples",
        group: "browser",
        turn: Turn::Any,
        needs: &[site::need_browser, runtimes::need_newer_node, stores::need_redis],
        run: site::browser_examples,
    },
    Part { name: "fuzz", group: "fuzz", turn: Turn::Any, needs: &[], run: || fuzz::in_tests(FUZZ_SECONDS) },
    Part { name: "docs", group: "rust", turn: Turn::Building, needs: &[], run: rust::docs },
    Part { name: "site", group: "site", turn: Turn::Building, needs: NODE, run: documentation::in_tests },
    Part { name: "no-std", group: "rust", turn: Turn::Any, needs: &[], run: rust::no_std },
    Part { name: "packages", group: "rust", turn: Turn::Any, needs: &[], run: release::in_tests },
    Part { name: "examples", group: "ts", turn: Turn::Any, needs: NODE, run: site::examples },
    Part { name: "readme", group: "readme", turn: Turn::Any, needs: NODE, run: site::readme },
];
