//! The whole log of a run as one text, and the end of one log.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;

use super::Run;
use super::archive::{Archive, blocking};
use super::attempts::AttemptLog;
#[cfg(feature = "sqlite")]
use super::reader::Reader;
use crate::error::Result;
use crate::log::LogPieces;
use crate::run::{AttemptState, RunId, StepKey};

/// The most that a tail brings, in bytes.
const TAIL_BYTES: usize = 4 << 20;

/// How a run's log is downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DownloadOptions {
    /// Whether the time when it came stands before each line, in RFC 3339.
    pub timestamps: bool,
}

/// The logs of all attempts of a run, in the order of their start, each under a line that says whose it is; as far as there
/// were any when it was asked for. Comes in pieces of bounded size, however long it is.
#[derive(Debug)]
pub struct LogDownload {
    archive: Archive,
    run: RunId,
    name: String,
    options: DownloadOptions,
    attempts: VecDeque<AttemptLog>,
    current: Option<LogReading>,
    /// Whether anything was given out, and whether that ended a line.
    began: bool,
    line_open: bool,
}

impl Run {
    /// The logs of the whole run as one text.
    pub async fn download(&self, options: DownloadOptions) -> Result<LogDownload> {
        self.core.archive.download(self.id, options).await
    }

    /// The last lines of the stored log of a task's attempt, at most 4 MiB; 0 stands for the newest attempt.
    pub async fn tail(&self, task: &str, attempt: u32, lines: usize) -> Result<Bytes> {
        let key = self.logged(task, attempt).await?;
        self.core.archive.tail(key, lines).await
    }
}

#[cfg(feature = "sqlite")]
impl Reader {
    /// The logs of a whole run as one text.
    pub async fn download(&self, run: RunId, options: DownloadOptions) -> Result<LogDownload> {
        self.archive.download(run, options).await
    }

    /// The last lines of the stored log of a task's attempt, at most 4 MiB; 0 stands for the newest attempt.
    pub async fn tail(&self, run: RunId, task: &str, attempt: u32, lines: usize) -> Result<Bytes> {
        let named = || StepKey { run, task: crate::pipeline::TaskId::new(task), attempt };
        let key = self.archive.logged(run, task, attempt).await?.unwrap_or_else(named);
        self.archive.tail(key, lines).await
    }
}

impl Archive {
    async fn download(&self, run: RunId, options: DownloadOptions) -> Result<LogDownload> {
        let listing = self.listing(run).await?;
        Ok(LogDownload {
            archive: self.clone(),
            run,
            name: format!("{}#{}", listing.pipeline, listing.number),
            options,
            attempts: self.attempts(run).await?.into(),
            current: None,
            began: false,
            line_open: false,
        })
    }

    async fn tail(&self, key: StepKey, lines: usize) -> Result<Bytes> {
        let logs = self.logs.clone();
        Ok(blocking(move || logs.tail(&key, lines, TAIL_BYTES)).await?.into())
    }
}

impl LogDownload {
    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(reading) = &mut self.current
            && let Some(piece) = reading.next().await?
        {
            self.line_open = piece.last().is_some_and(|byte| *byte != b'\n');
            return Ok(Some(piece));
        }
        let Some(log) = self.attempts.pop_front() else { return Ok(None) };
        let (logs, key, timestamps) = (self.archive.logs.clone(), log.key(self.run), self.options.timestamps);
        let range = 0..log.stored;
        let pieces = blocking(move || logs.pieces(&key, range, timestamps)).await?;
        self.current = Some(LogReading { pieces: Some(pieces) });
        Ok(Some(self.heading(&log).into()))
    }

    /// The line over a log, on a line of its own.
    fn heading(&mut self, log: &AttemptLog) -> String {
        let line_end = if std::mem::take(&mut self.line_open) { "\n" } else { "" };
        let space = if std::mem::replace(&mut self.began, true) { "\n" } else { "" };
        let stage = log.stage.as_ref().map_or("finally", |stage| stage.as_str());
        let state = log.state.map_or("running", words);
        let (name, task, attempt, started) = (&self.name, &log.task, log.attempt, log.started.wall);
        format!("{line_end}{space}==> {name}, {stage} / {task}, attempt {attempt}, {state}, started {started:.3} <==\n")
    }
}

fn words(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Succeeded => "succeeded",
        AttemptState::Failed => "failed",
        AttemptState::Cancelled => "cancelled",
        AttemptState::TimedOut => "timed out",
        AttemptState::Lost => "lost",
    }
}

/// The stored log of one attempt, read on threads that may block.
#[derive(Debug)]
pub(crate) struct LogReading {
    pieces: Option<LogPieces>,
}

impl LogReading {
    /// The next piece; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(mut pieces) = self.pieces.take() else { return Ok(None) };
        let (pieces, piece) = blocking(move || pieces.next().map(|piece| (pieces, piece))).await?;
        self.pieces = piece.is_some().then_some(pieces);
        Ok(piece.map(Bytes::from))
    }
}

#[cfg(feature = "cli")]
impl Reader {
    /// The stored log of an attempt, or its last lines.
    pub(crate) async fn reading(&self, log: &StepKey, last: Option<usize>, timestamps: bool) -> Result<LogReading> {
        let logged = self.archive.logged(log.run, log.task.as_str(), log.attempt).await?;
        let (logs, log) = (self.archive.logs.clone(), logged.unwrap_or_else(|| log.clone()));
        let pieces = blocking(move || {
            let start = last.map_or(Ok(0), |lines| logs.tail_start(&log, lines))?;
            logs.pieces(&log, start..u64::MAX, timestamps)
        });
        Ok(LogReading { pieces: Some(pieces.await?) })
    }
}
