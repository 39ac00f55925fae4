//! The result of a run of the suite.

use std::fmt;

/// The findings of a run, one for each rule of the contract.
#[derive(Clone, Debug)]
pub struct Report {
    findings: Vec<Finding>,
}

/// The finding about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule, in words.
    pub rule: &'static str,
    /// Whether the store keeps the rule.
    pub verdict: Verdict,
}

/// Whether a store keeps a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The store keeps it.
    Kept,
    /// The store breaks it. The string says what happened instead.
    Broken(String),
    /// The store does not promise it. The string says why.
    Skipped(&'static str),
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { findings: Vec::new() }
    }

    pub(crate) fn add(&mut self, rule: &'static str, verdict: Verdict) {
        self.findings.push(Finding { rule, verdict });
    }

    /// Every rule with its verdict, in the order of the run.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The rules that the store breaks.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Broken(_)))
    }

    /// Checks that the store keeps every rule that it promises.
    ///
    /// # Panics
    /// A rule is broken. The message is the whole report.
    #[track_caller]
    pub fn assert_kept(&self) {
        let broken = self.broken().count();
        assert!(broken == 0, "the store breaks {broken} rules of the contract:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { rule, verdict } in &self.findings {
            match verdict {
                Verdict::Kept => writeln!(f, "kept     {rule}")?,
                Verdict::Broken(what) => writeln!(f, "BROKEN   {rule}\n         {what}")?,
                Verdict::Skipped(why) => writeln!(f, "skipped  {rule} ({why})")?,
            }
        }
        Ok(())
    }
}
