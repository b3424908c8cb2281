//! Searching the logs of a run, or of many runs.

use serde::{Deserialize, Serialize};

use super::archive::{Archive, blocking};
use super::attempts::AttemptLog;
#[cfg(feature = "sqlite")]
use super::reader::Reader;
use super::{Engine, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{BadQuery, LineMatch, LogError, LogSearch, Query};
use crate::pipeline::TaskId;
use crate::run::RunId;
use crate::store::RunFilter;

/// How many matches a page has unless the query says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// What is looked for in the logs of runs.
#[derive(Clone, Debug)]
pub struct LogQuery {
    query: Query,
    task: Option<TaskId>,
    limit: usize,
    after: Option<LogCursor>,
}

/// A place in the logs of runs, from which a search goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogCursor {
    /// The run.
    pub run: RunId,
    /// Where in its logs; `None` at their end.
    pub within: Option<LogPlace>,
}

/// A place in the log of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlace {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The offset of the match that was found last.
    pub offset: u64,
}

/// A line that matches, and whose log it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogMatch {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The line.
    #[serde(flatten)]
    pub found: LineMatch,
}

/// Matches in the logs of many runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// What was found, newest runs first; in a run in the order in which its attempts started.
    pub matches: Vec<LogMatch>,
    /// Where the search goes on; `None` when all runs were looked at.
    pub next: Option<LogCursor>,
}

impl LogQuery {
    /// Looks into the logs of all tasks.
    pub fn new(query: Query) -> Self {
        Self { query, task: None, limit: DEFAULT_LIMIT, after: None }
    }

    /// Looks only into the logs of this task.
    #[must_use]
    pub fn task(mut self, task: impl AsRef<str>) -> Self {
        self.task = Some(TaskId::new(task.as_ref()));
        self
    }

    /// Finds at most so many lines at once. 100 unless set.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Goes on after a place: that of the last match of the page before, or what [`LogPage::next`] says.
    #[must_use]
    pub fn after(mut self, cursor: LogCursor) -> Self {
        self.after = Some(cursor);
        self
    }
}

impl LogMatch {
    /// The place of this match: a search goes on after it.
    pub fn cursor(&self) -> LogCursor {
        let place = LogPlace { task: self.task.clone(), attempt: self.attempt, offset: self.found.offset };
        LogCursor { run: self.run, within: Some(place) }
    }
}

impl From<BadQuery> for Error {
    fn from(error: BadQuery) -> Self {
        Self::new(ErrorKind::Invalid, "badQuery", "search", error.to_string()).with_source(error)
    }
}

impl Run {
    /// Searches the logs of the run, as far as they are stored: of each line that matches the first match. To go on, ask
    /// again with [`LogQuery::after`] the last match's cursor; fewer matches than the limit are the last ones.
    pub async fn search(&self, query: &LogQuery) -> Result<Vec<LogMatch>> {
        self.core.archive.search_run(self.id, query).await
    }
}

impl Engine {
    /// Searches the logs of runs, newest first. `runs.limit` bounds how many runs are looked at for one page, so that a page
    /// takes bounded time also when little matches; `runs.before` is set by the query's cursor when it has one.
    pub async fn search(&self, runs: &RunFilter, query: &LogQuery) -> Result<LogPage> {
        self.handle.core.archive.search(runs, query).await
    }
}

#[cfg(feature = "sqlite")]
impl Reader {
    /// Searches the logs of a run as [`Run::search`] does.
    pub async fn search_run(&self, run: RunId, query: &LogQuery) -> Result<Vec<LogMatch>> {
        self.archive.search_run(run, query).await
    }

    /// Searches the logs of runs as [`Engine::search`] does.
    pub async fn search(&self, runs: &RunFilter, query: &LogQuery) -> Result<LogPage> {
        self.archive.search(runs, query).await
    }
}

impl Archive {
    async fn search(&self, runs: &RunFilter, query: &LogQuery) -> Result<LogPage> {
        let mut filter = runs.clone();
        let mut matches = Vec::new();
        if let Some(cursor) = &query.after {
            filter.before = Some(cursor.run);
            if cursor.within.is_some() && self.store.listing(cursor.run).await?.is_some() {
                matches = self.search_run(cursor.run, query).await?;
            }
        }
        let listings = self.store.list(&filter).await?;
        let mut looked_at = query.after.as_ref().map(|cursor| cursor.run);
        for listing in &listings {
            if matches.len() >= query.limit {
                break;
            }
            let rest = LogQuery { limit: query.limit - matches.len(), after: None, ..query.clone() };
            match self.search_run(listing.id, &rest).await {
                Ok(found) => matches.extend(found),
                // It was deleted meanwhile.
                Err(error) if error.code() == "noSuchRun" => {}
                Err(error) => return Err(error),
            }
            looked_at = Some(listing.id);
        }
        let full = matches.len() >= query.limit;
        let next = match matches.last() {
            Some(last) if full => Some(last.cursor()),
            _ if listings.len() < filter.page() => None,
            _ => looked_at.map(|run| LogCursor { run, within: None }),
        };
        Ok(LogPage { matches, next })
    }

    async fn search_run(&self, run: RunId, query: &LogQuery) -> Result<Vec<LogMatch>> {
        let attempts = self.attempts(run).await?;
        let place = query.after.as_ref().filter(|cursor| cursor.run == run);
        let mut matches = Vec::new();
        for (log, from) in rest_of(&attempts, place) {
            if query.task.as_ref().is_some_and(|task| *task != log.task) || from >= log.stored {
                continue;
            }
            let wanted = query.limit - matches.len();
            let (logs, key, pattern) = (self.logs.clone(), log.key(run), query.query.clone());
            let range = from..log.stored;
            let found = to_the_end(move || logs.searching(&key, &pattern, range, wanted)).await?;
            let of_log = |found| LogMatch { run, task: log.task.clone(), attempt: log.attempt, found };
            matches.extend(found.into_iter().map(of_log));
            if matches.len() >= query.limit {
                break;
            }
        }
        Ok(matches)
    }
}

/// The logs after a place, and from where each is looked at.
fn rest_of<'a>(attempts: &'a [AttemptLog], after: Option<&LogCursor>) -> impl Iterator<Item = (&'a AttemptLog, u64)> {
    let (first, from) = match after {
        None => (0, 0),
        Some(LogCursor { within: None, .. }) => (attempts.len(), 0),
        Some(LogCursor { within: Some(place), .. }) => {
            let of_place = |log: &AttemptLog| log.task == place.task && log.attempt == place.attempt;
            let first = attempts.iter().position(of_place).unwrap_or(attempts.len());
            (first, place.offset.saturating_add(1))
        }
    };
    let logs = attempts.iter().enumerate().skip(first);
    logs.map(move |(at, log)| (log, if at == first { from } else { 0 }))
}

/// Runs a search on threads that may block, in steps: when nobody waits for it any more, it ends after the next one.
async fn to_the_end(begin: impl FnOnce() -> Result<LogSearch, LogError> + Send + 'static) -> Result<Vec<LineMatch>> {
    let mut search = blocking(begin).await?;
    loop {
        let step = move || search.step().map(|more| (search, more));
        let more;
        (search, more) = blocking(step).await?;
        if !more {
            return blocking(move || search.found()).await;
        }
    }
}
