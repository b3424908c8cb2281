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

/// Test results as events and listings have them: all counts, and the first failures in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestSummary {
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
    /// How many files were read.
    pub files: u64,
    /// How many files could not be read: what they say of tests is missing here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// The first failed tests, at most 20, with texts of at most 500 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedTest>,
    /// The object with the whole report, when it says more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How many failures a summary has.
const SHORT_FAILED: usize = 20;
/// The longest text in a summary.
const SHORT_TEXT: usize = 500;
/// The most suites that a summary names of one test.
const SHORT_SUITES: usize = 4;

impl TestSummary {
    /// The report in short.
    pub fn of(report: &TestReport, files: u64, unreadable: u64) -> Self {
        Self {
            tests: report.tests,
            passed: report.passed,
            failed: report.failed,
            errors: report.errors,
            skipped: report.skipped,
            duration_ms: report.duration_ms,
            files,
            unreadable,
            failures: report.failures.iter().take(SHORT_FAILED).map(FailedTest::short).collect(),
            object: None,
        }
    }

    /// Whether the report says more than this.
    pub fn is_shorter_than(&self, report: &TestReport) -> bool {
        self.failures != report.failures
    }

    /// Whether no test failed or could not be carried out.
    pub fn is_green(&self) -> bool {
        self.failed == 0 && self.errors == 0
    }

    /// `3 of 210 tests failed: a, b, c`, with the first three names; nothing when all is well.
    pub fn in_words(&self) -> Option<String> {
        let bad = self.failed + self.errors;
        if bad == 0 {
            return None;
        }
        let names: Vec<String> = self.failures.iter().take(3).map(FailedTest::title).collect();
        let more = bad.saturating_sub(names.len() as u64);
        let more = if more > 0 && !names.is_empty() { format!(" and {more} more") } else { String::new() };
        let colon = if names.is_empty() { "" } else { ": " };
        let tests = if self.tests == 1 { "test" } else { "tests" };
        Some(format!("{bad} of {} {tests} failed{colon}{}{more}", self.tests, names.join(", ")))
    }
}

impl From<TestSummary> for TestReport {
    fn from(short: TestSummary) -> Self {
        let TestSummary { tests, passed, failed, errors, skipped, duration_ms, failures, .. } = short;
        Self { tests, passed, failed, errors, skipped, duration_ms, failures }
    }
}

impl FailedTest {
    /// `class.name`, or what is known of it, in one line of at most 120 characters.
    pub fn title(&self) -> String {
        let name = match (self.class.as_str(), self.name.as_str()) {
            ("", "") => "a test without a name".to_owned(),
            ("", name) | (name, "") => name.to_owned(),
            (class, name) => format!("{class}.{name}"),
        };
        let line: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        shortened(&line, 120)
    }

    fn short(&self) -> Self {
        let short = |text: &String| shortened(text, SHORT_TEXT);
        Self {
            suite: self.suite.iter().take(SHORT_SUITES).map(short).collect(),
            class: short(&self.class),
            name: short(&self.name),
            outcome: self.outcome,
            message: short(&self.message),
            details: short(&self.details),
            file: self.file.as_ref().map(short),
            line: self.line,
        }
    }
}

/// At most so many characters; what is cut ends with `…`.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
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

    /// Changes every text in it, as masking does.
    pub(crate) fn change_texts(&mut self, change: impl Fn(&str) -> String) {
        for test in &mut self.failures {
            let texts = [&mut test.class, &mut test.name, &mut test.message, &mut test.details];
            for text in texts.into_iter().chain(&mut test.suite).chain(&mut test.file) {
                *text = change(text);
            }
        }
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
