//! A run as a tree of stages and tasks: what is drawn while it goes on. Pure: events in, lines out.

use std::collections::HashMap;

use jiff::Timestamp;

use super::paint::Paint;
use super::text;
use crate::engine::{Event, EventKind, RunSummary, TaskSummary};
use crate::pipeline::TaskId;
use crate::run::{RunId, RunStatus, TaskStatus};

/// The room that a drawing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) lines: usize,
    pub(super) columns: usize,
}

/// A run and its tasks.
#[derive(Debug)]
pub(super) struct RunView {
    pub(super) id: RunId,
    name: String,
    status: RunStatus,
    started: Option<Timestamp>,
    duration_ms: Option<u64>,
    stages: Vec<StageView>,
    places: HashMap<TaskId, (usize, usize)>,
}

#[derive(Debug)]
struct StageView {
    name: String,
    tasks: Vec<TaskView>,
}

#[derive(Debug)]
struct TaskView {
    name: TaskId,
    status: TaskStatus,
    started: Option<Timestamp>,
    duration_ms: Option<u64>,
    /// The last line of its log, what it waits for, or why it failed.
    remark: String,
}

impl RunView {
    pub(super) fn of(run: &RunSummary) -> Self {
        let mut view = Self {
            id: run.id,
            name: format!("{}#{}", run.pipeline, run.number),
            status: run.status,
            started: run.started,
            duration_ms: run.duration_ms,
            stages: Vec::new(),
            places: HashMap::new(),
        };
        for task in &run.tasks {
            view.add(task);
        }
        view
    }

    fn add(&mut self, task: &TaskSummary) {
        let stage = task.stage.as_deref().unwrap_or("finally");
        if self.stages.last().is_none_or(|last| last.name != stage) {
            self.stages.push(StageView { name: stage.to_owned(), tasks: Vec::new() });
        }
        let at = self.stages.len() - 1;
        let tasks = &mut self.stages[at].tasks;
        self.places.insert(task.task.clone(), (at, tasks.len()));
        tasks.push(TaskView {
            name: task.task.clone(),
            status: task.status,
            started: task.started,
            duration_ms: task.duration_ms,
            remark: String::new(),
        });
    }

    fn task(&mut self, task: &TaskId) -> Option<&mut TaskView> {
        let (stage, at) = *self.places.get(task)?;
        self.stages.get_mut(stage)?.tasks.get_mut(at)
    }

    /// Takes in what an event says.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted => {
                self.status = RunStatus::Running;
                self.started.get_or_insert(event.time);
            }
            EventKind::RunFinished { state, duration_ms, .. } => {
                self.status = (*state).into();
                self.duration_ms = Some(*duration_ms);
            }
            EventKind::TaskWaiting { task, reason } => {
                self.change(task, TaskStatus::Waiting, text::one_line(&reason.message));
            }
            EventKind::ApprovalRequested { task, message, .. } => {
                self.change(task, TaskStatus::Waiting, format!("approval wanted: {}", text::one_line(message)));
            }
            EventKind::TaskStarted { task, .. } => {
                self.change(task, TaskStatus::Running, String::new());
                if let Some(task) = self.task(task) {
                    task.started.get_or_insert(event.time);
                }
            }
            EventKind::TaskRunning { task, attempt } | EventKind::AttemptStarted { task, attempt } => {
                let remark = if *attempt > 1 { format!("attempt {attempt}") } else { String::new() };
                self.change(task, TaskStatus::Running, remark);
            }
            EventKind::TaskFinished { task, state, cause, duration_ms, .. } => {
                let remark = cause.as_ref().map_or(String::new(), |cause| text::one_line(&cause.message));
                self.change(task, (*state).into(), remark);
                if let Some(task) = self.task(task) {
                    task.duration_ms = task.started.map(|_| *duration_ms);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, task: &TaskId, status: TaskStatus, remark: String) {
        if let Some(task) = self.task(task) {
            task.status = status;
            task.remark = remark;
        }
    }

    /// What a running task said last.
    pub(super) fn said(&mut self, task: &TaskId, line: String) {
        if let Some(task) = self.task(task).filter(|task| task.status == TaskStatus::Running) {
            task.remark = line;
        }
    }

    /// The tree in at most so many lines: first stages that need no attention are folded, then the rest is cut.
    pub(super) fn draw(&self, now: Timestamp, size: Size, paint: Paint) -> Vec<String> {
        let pen = Pen { now, columns: size.columns, paint };
        let all: usize = self.stages.iter().map(|stage| 1 + stage.tasks.len()).sum();
        let fold = 1 + all > size.lines;
        let mut lines = vec![self.head(&pen)];
        for stage in &self.stages {
            match stage.folded().filter(|_| fold) {
                Some(status) => lines.push(stage.in_one_line(status, &pen)),
                None => stage.draw(fold, &pen, &mut lines),
            }
        }
        if lines.len() > size.lines.max(2) {
            let hidden = lines.len() - (size.lines.max(2) - 1);
            lines.truncate(size.lines.max(2) - 1);
            lines.push(paint.dim(format_args!("  … and {hidden} more lines")));
        }
        lines
    }

    fn head(&self, pen: &Pen) -> String {
        let status = text::as_task(self.status);
        let words = text::run_words(self.status);
        let time = pen.time(self.started, self.duration_ms);
        format!("{} {} {}", pen.paint.bold(&self.name), pen.paint.status(status, words), pen.paint.dim(time))
            .trim_end()
            .into()
    }
}

impl StageView {
    /// The state of all its tasks when they have the same one and it needs no attention.
    fn folded(&self) -> Option<TaskStatus> {
        let first = self.tasks.first()?.status;
        let quiet = matches!(first, TaskStatus::Pending | TaskStatus::Succeeded | TaskStatus::Skipped);
        (quiet && self.tasks.iter().all(|task| task.status == first)).then_some(first)
    }

    fn in_one_line(&self, status: TaskStatus, pen: &Pen) -> String {
        let count = text::count(self.tasks.len(), "task");
        let sign = pen.paint.status(status, text::symbol(status));
        format!("  {sign} {} {}", self.name, pen.paint.dim(format_args!("{count} {}", text::status_words(status))))
    }

    fn draw(&self, fold: bool, pen: &Pen, lines: &mut Vec<String>) {
        lines.push(format!("  {}", pen.paint.bold(&self.name)));
        let quiet =
            |task: &&TaskView| matches!(task.status, TaskStatus::Pending | TaskStatus::Succeeded | TaskStatus::Skipped);
        for task in self.tasks.iter().filter(|task| !(fold && quiet(task))) {
            lines.push(task.draw(pen));
        }
        let hidden = if fold { self.tasks.iter().filter(quiet).count() } else { 0 };
        if hidden > 0 {
            lines.push(pen.paint.dim(format_args!("    … {} more", text::count(hidden, "task"))));
        }
    }
}

impl TaskView {
    fn draw(&self, pen: &Pen) -> String {
        let sign = match self.status {
            TaskStatus::Running => pen.spinner(),
            other => text::symbol(other),
        };
        let time = pen.time(self.started, self.duration_ms);
        let gap = if time.is_empty() { "" } else { "  " };
        let used = 6 + self.name.as_str().chars().count() + gap.len() + time.chars().count() + 2;
        let remark: String = self.remark.chars().take(pen.columns.saturating_sub(used + 1)).collect();
        let remark = if remark.is_empty() { remark } else { format!("  {}", pen.paint.dim(remark)) };
        let sign = pen.paint.status(self.status, sign);
        format!("    {sign} {}{gap}{}{remark}", self.name, pen.paint.dim(time))
    }
}

struct Pen {
    now: Timestamp,
    columns: usize,
    paint: Paint,
}

impl Pen {
    /// How long it took, or has been going on.
    fn time(&self, started: Option<Timestamp>, duration_ms: Option<u64>) -> String {
        let going =
            || started.map(|started| (self.now.as_millisecond() - started.as_millisecond()).max(0).unsigned_abs());
        match duration_ms.or_else(going) {
            // Tenths of a running time only flicker.
            Some(millis) if duration_ms.is_none() && millis < 60_000 => format!("{}s", millis / 1000),
            Some(millis) => text::duration(millis),
            None => String::new(),
        }
    }

    fn spinner(&self) -> char {
        const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
        let frame = self.now.as_millisecond().unsigned_abs() / 100 % FRAMES.len() as u64;
        FRAMES[frame as usize]
    }
}
