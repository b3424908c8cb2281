//! Assertions about one task.

use super::outcome::TestOutcome;
use crate::engine::TaskSummary;
use crate::run::TaskStatus;

/// Assertions about a task, or about all instances of its matrix. Made by [`TestOutcome::assert_task`].
#[derive(Clone, Debug)]
pub struct TaskAssert<'a> {
    pub(super) outcome: &'a TestOutcome,
    pub(super) tasks: Vec<&'a TaskSummary>,
}

impl TaskAssert<'_> {
    /// It did its work.
    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        self.ended(TaskStatus::Succeeded)
    }

    /// It did not do its work.
    #[track_caller]
    pub fn failed(&self) -> &Self {
        self.ended(TaskStatus::Failed)
    }

    /// It did not do its work, and the cause has this code: `exitCode`, `commandNotFound`, `badValue`, …
    #[track_caller]
    pub fn failed_with(&self, code: &str) -> &Self {
        self.failed();
        for task in &self.tasks {
            let found = task.cause.as_ref().map_or("none", |cause| cause.code.as_str());
            if found != code {
                self.fail(&format!(
                    "{:?} should fail with the cause {code:?}, and its cause is {found:?}",
                    task.task.as_str()
                ));
            }
        }
        self
    }

    /// It was not started, because of its condition or of what happened before.
    #[track_caller]
    pub fn skipped(&self) -> &Self {
        self.ended(TaskStatus::Skipped)
    }

    /// It took longer than its timeout.
    #[track_caller]
    pub fn timed_out(&self) -> &Self {
        self.ended(TaskStatus::TimedOut)
    }

    /// It was stopped.
    #[track_caller]
    pub fn cancelled(&self) -> &Self {
        self.ended(TaskStatus::Cancelled)
    }

    /// It ended so.
    #[track_caller]
    pub fn ended(&self, status: TaskStatus) -> &Self {
        for task in &self.tasks {
            if task.status != status {
                let (name, found) = (task.task.as_str(), task.status.as_str());
                self.fail(&format!("{name:?} should be {}, and is {found}", status.as_str()));
            }
        }
        self
    }

    /// So many attempts at it were started; for each instance of a matrix.
    #[track_caller]
    pub fn attempts(&self, attempts: u32) -> &Self {
        for task in &self.tasks {
            if task.attempts != attempts {
                let (name, found) = (task.task.as_str(), task.attempts);
                self.fail(&format!("{name:?} should have {attempts} attempts, and has {found}"));
            }
        }
        self
    }

    /// Its newest attempt got this variable.
    #[track_caller]
    pub fn env(&self, variable: &str, value: &str) -> &Self {
        for task in &self.tasks {
            let name = task.task.as_str();
            let found = self.outcome.env(name).get(variable);
            if found.map(String::as_str) != Some(value) {
                self.fail(&format!("{name:?} should get {variable}={value:?}, and got {found:?}"));
            }
        }
        self
    }

    /// It wrote this to `$WINDLASS_OUTPUT`.
    #[track_caller]
    pub fn output(&self, key: &str, value: &str) -> &Self {
        for task in &self.tasks {
            let found = task.outputs.get(key);
            if found.map(String::as_str) != Some(value) {
                let name = task.task.as_str();
                self.fail(&format!("{name:?} should have the output {key}={value:?}, and has {found:?}"));
            }
        }
        self
    }

    /// It left an artifact of this name with this file in it.
    #[track_caller]
    pub fn left(&self, artifact: &str, file: &str) -> &Self {
        for task in &self.tasks {
            let name = task.task.as_str();
            let files = &self.outcome.artifact(name, artifact).files;
            if !files.contains_key(file) {
                let found: Vec<&str> = files.keys().map(String::as_str).collect();
                self.fail(&format!("{name:?} should leave {file:?} in the artifact {artifact:?}, which has {found:?}"));
            }
        }
        self
    }

    /// Of its tests so many failed or could not be carried out.
    #[track_caller]
    pub fn failed_tests(&self, number: u64) -> &Self {
        for task in &self.tasks {
            let found = task.tests.as_ref().map(|tests| tests.failed + tests.errors);
            if found != Some(number) {
                let name = task.task.as_str();
                let found = found.map_or("no test report".to_owned(), |found| format!("{found}"));
                self.fail(&format!("{name:?} should have {number} failed tests, and has {found}"));
            }
        }
        self
    }

    /// Its newest attempt printed this somewhere.
    #[track_caller]
    pub fn printed(&self, text: &str) -> &Self {
        for task in &self.tasks {
            let name = task.task.as_str();
            let log = self.outcome.log(name);
            if !log.contains(text) {
                self.fail(&format!("{name:?} should print {text:?}, and printed {log:?}"));
            }
        }
        self
    }

    #[track_caller]
    fn fail(&self, message: &str) -> ! {
        self.outcome.fail(message)
    }
}
