//! What became of a run, for tests of whole engines.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use windlass::{Run, RunSummary};

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What it is now.
    pub summary: RunSummary,
    /// The run.
    pub run: Run,
}

impl Outcome {
    /// Waits until the run has ended.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn of(run: Run) -> Self {
        Self { summary: run.wait().await.unwrap(), run }
    }

    /// The log of a task.
    ///
    /// # Panics
    /// When it has none.
    pub async fn log(&self, task: &str) -> String {
        String::from_utf8_lossy(&self.run.logs(task).await.unwrap()).into_owned()
    }

    /// The log of the task of a run that succeeded.
    ///
    /// # Panics
    /// When it did not.
    pub async fn success(&self, task: &str) -> String {
        let log = self.log(task).await;
        assert!(self.summary.succeeded(), "{:?}\n{log}", self.summary);
        log
    }

    /// Code, message and advice of a task that failed.
    ///
    /// # Panics
    /// When it did not.
    pub fn cause(&self, task: &str) -> (String, String, String) {
        let cause = self.summary.task(task).and_then(|task| task.cause.clone());
        let Some(cause) = cause else { panic!("it did not fail: {:?}", self.summary) };
        (cause.code, cause.message, cause.advice)
    }
}
