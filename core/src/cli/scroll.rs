//! Events as lines of text, one after another: `unit | what the step printed`, and what happens to tasks between them.

use std::collections::HashMap;

use super::lines::{Lines, Tails, TaskKey};
use super::paint::Paint;
use super::{sanitize, text};
use crate::engine::{Event, EventKind};
use crate::pipeline::TaskId;
use crate::run::{AttemptState, Cause, RunId, TaskEnd, TaskStatus};

/// Turns events into lines. Does no output itself.
#[derive(Debug)]
pub(super) struct Scroll {
    paint: Paint,
    /// Whether what happens to tasks gets lines, beside the logs.
    tells: bool,
    /// Stands before each line when several runs are followed.
    labels: HashMap<RunId, String>,
    lines: Lines,
    tails: Tails,
    /// How the newest attempt failed, told when another one follows.
    failed_attempts: HashMap<TaskKey, String>,
}

impl Scroll {
    pub(super) fn new(paint: Paint, tells: bool) -> Self {
        Self {
            paint,
            tells,
            labels: HashMap::new(),
            lines: Lines::default(),
            tails: Tails::default(),
            failed_attempts: HashMap::new(),
        }
    }

    /// Puts this before each line of the run.
    pub(super) fn label(&mut self, run: RunId, label: String) {
        self.labels.insert(run, label);
    }

    /// The ends of the tasks' logs.
    pub(super) fn tails(&self) -> &Tails {
        &self.tails
    }

    /// Adds the lines that the event completes.
    pub(super) fn push(&mut self, event: &Event, to: &mut Vec<u8>) {
        if let EventKind::Log { task, bytes, .. } = &event.kind {
            self.log((event.run, task.clone()), bytes, to);
            return;
        }
        if let EventKind::AttemptFinished { task, .. } | EventKind::TaskFinished { task, .. } = &event.kind {
            self.end_line(&(event.run, task.clone()), to);
        }
        if let Some(told) = self.told(event).filter(|_| self.tells) {
            let label = self.labels.get(&event.run).map_or("", String::as_str);
            to.extend_from_slice(label.as_bytes());
            to.extend_from_slice(told.as_bytes());
            to.push(b'\n');
        }
    }

    fn log(&mut self, key: TaskKey, bytes: &[u8], to: &mut Vec<u8>) {
        let prefix = self.prefix(&key);
        let colors = self.paint.is_on();
        self.tails.push(&key, bytes);
        self.lines.push(&key, bytes, |line| log_line(&prefix, line, colors, to));
    }

    fn end_line(&mut self, key: &TaskKey, to: &mut Vec<u8>) {
        if let Some(rest) = self.lines.end(key) {
            log_line(&self.prefix(key), &rest, self.paint.is_on(), to);
        }
    }

    fn prefix(&self, (run, task): &TaskKey) -> String {
        let label = self.labels.get(run).map_or("", String::as_str);
        self.paint.dim(format_args!("{label}{task} |")) + " "
    }

    /// What the event says to a person who reads along; keeps what later lines need.
    fn told(&mut self, event: &Event) -> Option<String> {
        let key = |task: &TaskId| (event.run, task.clone());
        match &event.kind {
            EventKind::AttemptStarted { task, attempt } => {
                self.tails.forget(&key(task));
                let before = self.failed_attempts.remove(&key(task))?;
                Some(self.task_line(TaskStatus::Running, task, format_args!("attempt {attempt}, since {before}")))
            }
            EventKind::AttemptFinished { task, attempt, state, exit_code, cause, .. } => {
                if *state != AttemptState::Succeeded {
                    let end = end_words(attempt_status(*state), *exit_code, None, cause.as_ref());
                    self.failed_attempts.insert(key(task), format!("attempt {attempt} {end}"));
                }
                None
            }
            EventKind::TaskFinished { task, state, .. } => {
                self.failed_attempts.remove(&key(task));
                if matches!(state, TaskEnd::Succeeded | TaskEnd::Skipped) {
                    self.tails.forget(&key(task));
                }
                Some(self.finished(&event.kind))
            }
            EventKind::RunQueued { pipeline, number } => {
                let name = self.paint.bold(format_args!("{pipeline}#{number}"));
                Some(format!("{name} {}", self.paint.dim(event.run)))
            }
            _ => self.told_between(event),
        }
    }

    /// What is said between the beginning and the end of a task.
    fn told_between(&self, event: &Event) -> Option<String> {
        let (status, task, told) = match &event.kind {
            EventKind::TaskWaiting { task, reason } => {
                (TaskStatus::Waiting, task, format!("waiting: {}", text::one_line(&reason.message)))
            }
            EventKind::TaskStarted { stage, task } => {
                (TaskStatus::Running, task, format!("started ({})", stage.as_deref().unwrap_or("finally")))
            }
            EventKind::LogTruncated { task, limit, .. } => {
                let told = format!("its log reached {limit} bytes; what comes after is not kept");
                (TaskStatus::Running, task, told)
            }
            EventKind::AttemptStopping { task, cause, .. } => {
                (TaskStatus::Cancelled, task, format!("stopping: {}", text::one_line(&cause.message)))
            }
            EventKind::ApprovalRequested { task, message, .. } => {
                (TaskStatus::Waiting, task, format!("approval wanted: {}", text::one_line(message)))
            }
            EventKind::TaskRunning { .. } | EventKind::RunStarted | EventKind::RunFinished { .. } => return None,
            _ => return Some(text::one_line(&event.to_string())),
        };
        Some(self.task_line(status, task, format_args!("{told}")))
    }

    fn finished(&self, kind: &EventKind) -> String {
        let EventKind::TaskFinished { task, state, exit_code, cause, duration_ms } = kind else { return String::new() };
        let status = TaskStatus::from(*state);
        let duration = (*state != TaskEnd::Skipped).then_some(*duration_ms);
        self.task_line(status, task, format_args!("{}", end_words(status, *exit_code, duration, cause.as_ref())))
    }

    fn task_line(&self, status: TaskStatus, task: &TaskId, told: std::fmt::Arguments<'_>) -> String {
        format!("{} {}: {told}", self.paint.status(status, text::symbol(status)), self.paint.bold(task))
    }
}

/// `failed (exit 1, 2.1s): the script ended with exit code 1`.
fn end_words(status: TaskStatus, exit_code: Option<i32>, millis: Option<u64>, cause: Option<&Cause>) -> String {
    let details = text::end_details(exit_code, millis);
    let space = if details.is_empty() { "" } else { " " };
    let why = cause.map_or(String::new(), |cause| format!(": {}", text::one_line(&cause.message)));
    format!("{}{space}{details}{why}", text::status_words(status))
}

fn log_line(prefix: &str, line: &[u8], colors: bool, to: &mut Vec<u8>) {
    to.extend_from_slice(prefix.as_bytes());
    to.extend_from_slice(sanitize::line(line, colors).as_bytes());
    to.push(b'\n');
}

fn attempt_status(state: AttemptState) -> TaskStatus {
    match state {
        AttemptState::Succeeded => TaskStatus::Succeeded,
        AttemptState::Failed => TaskStatus::Failed,
        AttemptState::Cancelled => TaskStatus::Cancelled,
        AttemptState::TimedOut => TaskStatus::TimedOut,
        AttemptState::Lost => TaskStatus::Lost,
    }
}
