//! Assertions about a whole run. They say what happened instead.

use super::outcome::{TestOutcome, is_of};
use super::task_assert::TaskAssert;
use crate::engine::EventKind;
use crate::run::{RunStatus, TaskStatus};

/// Assertions; all of them panic with the state of every task when something else happened.
impl TestOutcome {
    /// The run succeeded.
    #[track_caller]
    pub fn assert_succeeded(&self) -> &Self {
        self.assert_status(RunStatus::Succeeded)
    }

    /// The run failed.
    #[track_caller]
    pub fn assert_failed(&self) -> &Self {
        self.assert_status(RunStatus::Failed)
    }

    /// The run was cancelled.
    #[track_caller]
    pub fn assert_cancelled(&self) -> &Self {
        self.assert_status(RunStatus::Cancelled)
    }

    /// The run took longer than the pipeline's timeout.
    #[track_caller]
    pub fn assert_timed_out(&self) -> &Self {
        self.assert_status(RunStatus::TimedOut)
    }

    /// The run ended so.
    #[track_caller]
    pub fn assert_status(&self, status: RunStatus) -> &Self {
        if self.summary.status != status {
            let (ended, wanted) = (self.summary.status.as_str(), status.as_str());
            self.fail(&format!("the run should be {wanted}, and is {ended}"));
        }
        self
    }

    /// Goes on with a task, or with all instances of its matrix.
    #[track_caller]
    pub fn assert_task(&self, task: &str) -> TaskAssert<'_> {
        TaskAssert { outcome: self, tasks: self.tasks(task) }
    }

    /// The task succeeded; all instances, if it has a matrix.
    #[track_caller]
    pub fn assert_ran(&self, task: &str) -> &Self {
        self.assert_task(task).succeeded();
        self
    }

    /// The task was skipped; all instances, if it has a matrix.
    #[track_caller]
    pub fn assert_skipped(&self, task: &str) -> &Self {
        self.assert_task(task).skipped();
        self
    }

    /// The tasks ran one after another: each was started when the one before had ended. Others may have run between them.
    #[track_caller]
    pub fn assert_order<T: AsRef<str>>(&self, tasks: impl IntoIterator<Item = T>) -> &Self {
        let spans = self.spans(tasks);
        for pair in spans.windows(2) {
            let [(first, before), (second, after)] = pair else { continue };
            if before.end > after.start {
                self.fail(&format!("{second:?} should start after the end of {first:?}, and did not"));
            }
        }
        self
    }

    /// The tasks ran side by side: each was started before any of them had ended.
    #[track_caller]
    pub fn assert_side_by_side<T: AsRef<str>>(&self, tasks: impl IntoIterator<Item = T>) -> &Self {
        let spans = self.spans(tasks);
        let first_end = spans.iter().min_by_key(|(_, span)| span.end);
        let last_start = spans.iter().max_by_key(|(_, span)| span.start);
        if let (Some((first, ended)), Some((second, started))) = (first_end, last_start)
            && started.start > ended.end
        {
            self.fail(&format!("{second:?} should run beside {first:?}, and started after its end"));
        }
        self
    }

    #[track_caller]
    fn spans<T: AsRef<str>>(&self, tasks: impl IntoIterator<Item = T>) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        // A closure would be the place that a failure points at.
        for task in tasks {
            spans.push((task.as_ref().to_owned(), self.span(task.as_ref())));
        }
        spans
    }

    /// When a task, with all instances of its matrix, was started first and had ended. An approval starts when it is asked
    /// for.
    #[track_caller]
    fn span(&self, name: &str) -> Span {
        self.tasks(name);
        let (mut start, mut end) = (None, None);
        for event in &self.events {
            match &event.kind {
                EventKind::TaskStarted { task, .. } | EventKind::ApprovalRequested { task, .. }
                    if is_of(task, name) =>
                {
                    start = start.or(Some(event.seq.0));
                }
                EventKind::TaskFinished { task, .. } if is_of(task, name) => end = Some(event.seq.0),
                _ => {}
            }
        }
        match (start, end) {
            (Some(start), Some(end)) => Span { start, end },
            _ => self.fail(&format!("{name:?} was never started")),
        }
    }

    /// Fails the test, and shows what happened.
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how an assertion fails")]
    pub(super) fn fail(&self, message: &str) -> ! {
        panic!("{message}\n{self}{}", self.last_words())
    }

    /// The end of the log of each task that failed.
    fn last_words(&self) -> String {
        const LINES: usize = 10;
        let failed = self.summary.tasks.iter().filter(|task| task.status == TaskStatus::Failed);
        failed
            .map(|task| (task.task.as_str(), self.log(task.task.as_str())))
            .filter(|(_, log)| !log.is_empty())
            .map(|(task, log)| {
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(LINES)..].iter().map(|line| format!("\n    {line}"));
                format!("\n  {task} printed at its end:{}", last.collect::<String>())
            })
            .collect()
    }
}

/// The numbers of the events with which a task began and ended.
struct Span {
    start: u64,
    end: u64,
}
