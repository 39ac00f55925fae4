//! The checker itself: for every rule histories that break it, each beside one that barely does
//! not.

mod life;
mod service;
mod story;
mod values;

use std::collections::BTreeSet;

use super::RULES;

/// The rules that some planted history breaks. A rule without one might never find anything.
const PLANTED: [&[&str]; 3] = [values::PLANTED, life::PLANTED, service::PLANTED];

#[test]
fn every_rule_has_a_planted_violation() {
    let planted: BTreeSet<&str> = PLANTED.iter().flat_map(|rules| rules.iter().copied()).collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(planted, rules);
}
