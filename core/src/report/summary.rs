//! Test results, added up.

use serde::{Deserialize, Serialize};

/// How many failed tests are kept by name; the others are only counted.
pub(super) const MAX_FAILED: usize = 500;

/// The results of tests: of one file, or of many added up. Counted from the single tests, never from what a file says of its
/// totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// All tests.
    pub tests: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that could not be carried out.
    pub errors: u64,
    /// Those that were left out.
    pub skipped: u64,
    /// The time of all tests together, in milliseconds.
    pub duration_ms: u64,
    /// The failed ones and those with errors, in the order of the file; at most 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedTest>,
}

/// A test that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedTest {
    /// The suites in which it stands, from the outside in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suite: Vec<String>,
    /// Its class or module; may be empty.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Whether it failed or could not be carried out.
    pub outcome: Outcome,
    /// What was said, in short; may be empty.
    pub message: String,
    /// What was said, at length; cut after 16 KiB.
    pub details: String,
    /// The file in which the test stands, as far as it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It passed.
    #[default]
    Passed,
    /// It failed.
    Failed,
    /// It could not be carried out.
    Error,
    /// It was left out.
    Skipped,
}

impl TestReport {
    /// Whether no test failed or could not be carried out.
    pub fn is_green(&self) -> bool {
        self.failed == 0 && self.errors == 0
    }

    /// Adds the results of another file.
    pub fn add(&mut self, other: Self) {
        self.tests += other.tests;
        self.passed += other.passed;
        self.failed += other.failed;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        let room = MAX_FAILED.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }

    /// Counts one test.
    pub(super) fn count(&mut self, outcome: Outcome, duration_ms: u64) {
        self.tests += 1;
        self.duration_ms = self.duration_ms.saturating_add(duration_ms);
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed => &mut self.failed,
            Outcome::Error => &mut self.errors,
            Outcome::Skipped => &mut self.skipped,
        } += 1;
    }
}
