//! Following runs to their ends, and what Ctrl-C does meanwhile.
//!
//! Reading events, and answering signals, are tasks of their own: a slow reader of the output holds up neither the engine
//! nor a cancel.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::exit::{Exit, Failure};
use super::reporter::Reporter;
use super::signals::Signals;
use super::ui::eprintln_quietly;
use crate::clock::{Clock, SystemClock};
use crate::engine::{Event, EventKind, Run};
use crate::error::{ErrorKind, Result};
use crate::run::{RunStatus, Seq};

/// So many events are on their way to the reporter at most; more wait in the store.
const QUEUE: usize = 256;
/// So many bytes of logs are on their way at most.
const QUEUE_BYTES: u32 = 1024 * 1024;
/// How often a live display shows the passing of time.
const TICK: Duration = Duration::from_millis(100);

enum Message {
    /// With its share of the bytes that may be on their way.
    Event(Box<Event>, Option<OwnedSemaphorePermit>),
    /// No more events of this run come.
    Over(usize, Result<()>),
    Note(String),
}

/// Follows the runs to their ends. Answers how each of them ended, or what kept it from its end.
pub(super) async fn follow(
    runs: &[Run],
    after: Seq,
    reporter: &mut dyn Reporter,
    signals: Signals,
    clock: &SystemClock,
) -> Result<Vec<Exit>, Failure> {
    introduce(runs, reporter).await?;
    let (sender, mut messages) = mpsc::channel(QUEUE);
    let bytes = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
    for (at, run) in runs.iter().enumerate() {
        let way = Way { sender: sender.clone(), bytes: bytes.clone() };
        tokio::spawn(forward(at, run.clone(), after, way));
    }
    let watch = tokio::spawn(obey(signals, runs.to_vec(), sender, reporter.shows_time()));
    let mut exits = vec![None; runs.len()];
    while exits.contains(&None) {
        match next(&mut messages, reporter, clock).await {
            Some(Message::Event(event, _share)) => reporter.event(&event),
            Some(Message::Note(text)) => reporter.note(&text),
            Some(Message::Over(at, result)) => exits[at] = Some(end(&runs[at], result, reporter).await),
            None => break,
        }
    }
    watch.abort();
    reporter.flush();
    Ok(exits.into_iter().map(|exit| exit.unwrap_or(Exit::Engine)).collect())
}

async fn introduce(runs: &[Run], reporter: &mut dyn Reporter) -> Result<(), Failure> {
    for run in runs {
        if runs.len() > 1 {
            reporter.label(run.id(), format!("{}#{} ", run.pipeline(), run.number()));
        }
        if reporter.shows_time() {
            reporter.begin(&run.summary().await.map_err(Failure::engine)?);
        }
    }
    Ok(())
}

/// The next message. When none is there yet, what has come so far is shown first.
async fn next(
    messages: &mut mpsc::Receiver<Message>,
    reporter: &mut dyn Reporter,
    clock: &SystemClock,
) -> Option<Message> {
    if let Ok(message) = messages.try_recv() {
        return Some(message);
    }
    reporter.flush();
    if !reporter.shows_time() {
        return messages.recv().await;
    }
    loop {
        let now = clock.now();
        reporter.tick(now);
        tokio::select! {
            message = messages.recv() => return message,
            () = clock.sleep_until(now.elapsed + TICK) => {}
        }
    }
}

/// The way from the runs to the reporter.
struct Way {
    sender: mpsc::Sender<Message>,
    bytes: Arc<Semaphore>,
}

async fn forward(at: usize, run: Run, after: Seq, way: Way) {
    let result = forward_events(&run, after, &way).await;
    let _ = way.sender.send(Message::Over(at, result)).await;
}

async fn forward_events(run: &Run, after: Seq, way: &Way) -> Result<()> {
    let mut events = run.events_after(after).await?;
    while let Some(event) = events.next().await? {
        let share = match &event.kind {
            EventKind::Log { bytes, .. } => {
                let share = u32::try_from(bytes.len()).unwrap_or(QUEUE_BYTES).min(QUEUE_BYTES);
                way.bytes.clone().acquire_many_owned(share).await.ok()
            }
            _ => None,
        };
        if way.sender.send(Message::Event(Box::new(event), share)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Shows how a run ended.
async fn end(run: &Run, result: Result<()>, reporter: &mut dyn Reporter) -> Exit {
    let status = match result {
        Ok(()) => report(run, reporter).await,
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => Exit::of_run(status),
        Err(error) => {
            reporter.note(&format!("error: {error}"));
            Exit::Engine
        }
    }
}

async fn report(run: &Run, reporter: &mut dyn Reporter) -> Result<RunStatus> {
    if !reporter.reports() {
        return run.status().await;
    }
    let summary = run.summary().await?;
    reporter.end(&summary);
    Ok(summary.status)
}

/// The first signal cancels the runs; the second leaves at once.
async fn obey(mut signals: Signals, runs: Vec<Run>, sender: mpsc::Sender<Message>, live: bool) {
    let signal = signals.next().await;
    let what = if runs.len() > 1 { "the runs" } else { "the run" };
    let told =
        format!("{signal}: cancelling {what}, and waiting until everything is cleaned up; once more leaves at once");
    let notes = sender.clone();
    tokio::spawn(async move { notes.send(Message::Note(told)).await });
    let cancel = tokio::spawn(cancel(runs, signal, sender));
    signals.next().await;
    cancel.abort();
    // Not within the last line of a live display, where the cursor is.
    let line_break = if live { "\n" } else { "" };
    eprintln_quietly(&format!("{line_break}leaving at once; `windlass attach` takes up what is unfinished"));
    std::process::exit(i32::from(Exit::Cancelled.code()));
}

async fn cancel(runs: Vec<Run>, signal: &'static str, sender: mpsc::Sender<Message>) {
    for run in runs {
        match run.cancel("", signal).await {
            Ok(()) => {}
            // It ended in the same moment.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => {
                let _ = sender.send(Message::Note(format!("error: the run cannot be cancelled: {error}"))).await;
            }
        }
    }
}
