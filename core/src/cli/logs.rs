//! `windlass logs`: the stored bytes, exactly.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::args::LogsArgs;
use super::exit::{Exit, Failure};
use super::grep::grep;
use super::open::{self, printed};
use super::output::Output;
use super::ui::Ui;
use crate::clock::{Clock, SystemClock};
use crate::engine::{DownloadOptions, EventKind, Reader, RunSummary, TaskSummary};
use crate::pipeline::TaskId;
use crate::run::{RunId, Seq, StepKey};

/// How often it is looked whether there is more; another process writes it.
const POLL: Duration = Duration::from_millis(100);

pub(super) async fn logs(args: LogsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?;
    if let Some(file) = &args.output {
        return download(&reader, run, args.timestamps, file).await;
    }
    let summary = reader.summary(run).await.map_err(Failure::engine)?;
    let chosen = choose(&summary, args.task.as_deref())?;
    if args.grep.is_some() {
        let named = chosen.iter().filter(|_| args.task.is_some());
        let tasks: Vec<String> = named.map(|task| task.task.as_str().to_owned()).collect();
        let mut out = Output::stdout();
        grep(&reader, run, &args, &tasks, &mut out, ui).await?;
        return printed(Exit::Succeeded, out.finish());
    }
    let mut out = Out { out: Output::stdout(), headers: chosen.len() > 1, shown: None, open_line: false };
    if args.follow {
        let first = args.attempt.unwrap_or(0);
        let last = args.attempt.unwrap_or(u32::MAX);
        let tasks = chosen.iter().map(|task| Wanted::new(task, first, last)).collect();
        Following { reader, run, tasks, whole: args.task.is_none() }.run(&mut out).await?;
    } else {
        for task in chosen.iter().filter(|task| task.attempts > 0 || task.reused.is_some()) {
            let log = StepKey { run, task: task.task.clone(), attempt: attempt(&summary, task, args.attempt)? };
            print(&reader, &log, &args, &mut out).await?;
        }
    }
    printed(Exit::Succeeded, out.out.finish())
}

/// The task of this name, the instances of its matrix, or all in the order of their start.
fn choose<'a>(summary: &'a RunSummary, name: Option<&str>) -> Result<Vec<&'a TaskSummary>, Failure> {
    let Some(name) = name else {
        let mut all: Vec<&TaskSummary> = summary.tasks.iter().collect();
        all.sort_by_key(|task| (task.started.is_none(), task.started));
        return Ok(all);
    };
    if let Some(task) = summary.task(name) {
        return Ok(vec![task]);
    }
    let is_instance =
        |task: &&TaskSummary| task.task.as_str().strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
    let instances: Vec<&TaskSummary> = summary.tasks.iter().filter(is_instance).collect();
    if instances.is_empty() {
        let known: Vec<&str> = summary.tasks.iter().take(20).map(|task| task.task.as_str()).collect();
        let name = format!("{}#{}", summary.pipeline, summary.number);
        return Err(Failure::input(format!("{name} has no such task; it has: {}", known.join(", "))));
    }
    Ok(instances)
}

fn attempt(summary: &RunSummary, task: &TaskSummary, wanted: Option<u32>) -> Result<u32, Failure> {
    match wanted {
        Some(attempt) if attempt > task.attempts => {
            let run = format!("{}#{}", summary.pipeline, summary.number);
            Err(Failure::input(format!("task {} of {run} had only {} attempts", task.task, task.attempts)))
        }
        wanted => Ok(wanted.unwrap_or(task.attempts)),
    }
}

/// Prints a stored log, or its last lines, to its end.
async fn print(reader: &Reader, log: &StepKey, args: &LogsArgs, out: &mut Out) -> Result<(), Failure> {
    let lines = args.tail.map(|lines| lines as usize);
    let mut pieces = reader.reading(log, lines, args.timestamps).await.map_err(Failure::engine)?;
    out.begin(&log.task);
    while out.out.is_open()
        && let Some(piece) = pieces.next().await.map_err(Failure::engine)?
    {
        out.piece(&log.task, &piece);
    }
    Ok(())
}

/// Writes the whole run's log to a file.
async fn download(reader: &Reader, run: RunId, timestamps: bool, to: &Path) -> Result<Exit, Failure> {
    let failed = |error: &std::io::Error| Failure::engine(format!("{} cannot be written: {error}", to.display()));
    let mut log = reader.download(run, DownloadOptions { timestamps }).await.map_err(Failure::engine)?;
    let mut file = File::create(to).map_err(|error| failed(&error))?;
    while let Some(piece) = log.next().await.map_err(Failure::engine)? {
        file.write_all(&piece).map_err(|error| failed(&error))?;
    }
    file.sync_all().map_err(|error| failed(&error))?;
    Ok(Exit::Succeeded)
}

/// Exact bytes; headers between tasks only when there are several.
struct Out<W: Write = std::io::Stdout> {
    out: Output<W>,
    headers: bool,
    shown: Option<TaskId>,
    open_line: bool,
}

impl<W: Write> Out<W> {
    fn begin(&mut self, task: &TaskId) {
        if !self.headers || self.shown.as_ref() == Some(task) {
            return;
        }
        if self.open_line {
            self.out.write(b"\n");
            self.open_line = false;
        }
        if self.shown.is_some() {
            self.out.write(b"\n");
        }
        self.out.line(format!("==> {task} <=="));
        self.shown = Some(task.clone());
    }

    fn piece(&mut self, task: &TaskId, bytes: &[u8]) {
        self.begin(task);
        self.out.write(bytes);
        self.open_line = bytes.last().is_some_and(|byte| *byte != b'\n');
    }
}

/// A task whose log is followed, with the attempts that are shown.
struct Wanted {
    task: TaskId,
    first: u32,
    last: u32,
    over: bool,
}

impl Wanted {
    /// From the given attempt on; 0 stands for the newest one.
    fn new(task: &TaskSummary, first: u32, last: u32) -> Self {
        let first = if first == 0 { task.attempts } else { first };
        Self { task: task.task.clone(), first, last, over: false }
    }
}

/// Logs that grow while another process works.
struct Following {
    reader: Reader,
    run: RunId,
    tasks: Vec<Wanted>,
    /// Whether the end of the run is waited for, and not only that of the tasks.
    whole: bool,
}

impl Following {
    async fn run(mut self, out: &mut Out) -> Result<(), Failure> {
        let clock = SystemClock::resume(None);
        let mut seen = Seq::ZERO;
        while out.out.is_open() {
            // Asked before the events are read: when it was over by then, they are the last ones.
            let listing = self.reader.listing(self.run).await.map_err(Failure::engine)?;
            let over = listing.digest.status.is_final();
            seen = self.catch_up(seen, out).await?;
            out.out.flush();
            if over || (!self.whole && self.tasks.iter().all(|task| task.over)) {
                break;
            }
            clock.sleep_until(clock.now().elapsed + POLL).await;
        }
        Ok(())
    }

    /// Shows what came after an event; answers the newest one.
    async fn catch_up(&mut self, mut seen: Seq, out: &mut Out) -> Result<Seq, Failure> {
        let mut events = self.reader.run_events_after(self.run, seen);
        while let Some(event) = events.next().await.map_err(Failure::engine)? {
            seen = event.seq;
            match &event.kind {
                EventKind::Log { task, attempt, bytes, .. } if self.shows(task, *attempt) => out.piece(task, bytes),
                EventKind::AttemptFinished { task, attempt, .. } => {
                    if let Some(wanted) = self.wanted(task) {
                        wanted.over |= *attempt == wanted.last;
                    }
                }
                EventKind::TaskFinished { task, .. } => {
                    if let Some(wanted) = self.wanted(task) {
                        wanted.over = true;
                    }
                }
                _ => {}
            }
        }
        Ok(seen)
    }

    fn shows(&mut self, task: &TaskId, attempt: u32) -> bool {
        self.wanted(task).is_some_and(|wanted| (wanted.first..=wanted.last).contains(&attempt))
    }

    fn wanted(&mut self, task: &TaskId) -> Option<&mut Wanted> {
        self.tasks.iter_mut().find(|wanted| wanted.task == *task)
    }
}
