//! Copying what an engine keeps: first the store, as it is at one moment, then the logs of the runs in it. By then every
//! byte that this store speaks of is in the logs; what they have beyond is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive::Archive;
use crate::blob::BlobStore;
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::run::{RunEvent, RunId, Seq, StepKey};
use crate::store::{DataDir, Draft, Position, RunFilter, RunListing, SqliteStore, Store};

/// How many runs are listed at once.
const RUNS: usize = 200;
/// How many events are read at once.
const EVENTS: usize = 1000;

/// What was copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    pub(super) log_bytes: u64,
    pub(super) runs: usize,
    pub(super) position: Position,
}

/// Says whether to go on.
pub(super) type GoOn = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// Copies everything into a draft. Nobody may delete runs meanwhile.
pub(super) async fn copy(from: &Archive, draft: &Draft, go_on: &GoOn) -> Result<Copied> {
    from.store.snapshot(&draft.db()).await?;
    go_on()?;
    let copied = Archive {
        store: Arc::new(open(draft)?),
        logs: LogStore::new(draft.logs()),
        blobs: BlobStore::folder(draft.blobs()),
    };
    let done = copy_logs(&from.logs, &copied, go_on).await;
    copied.store.close().await?;
    done
}

fn open(draft: &Draft) -> Result<SqliteStore> {
    Ok(SqliteStore::open_read_only(draft.db())?)
}

async fn copy_logs(from: &LogStore, to: &Archive, go_on: &GoOn) -> Result<Copied> {
    let mut copied = Copied { position: to.store.newest().await?, ..Copied::default() };
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&*to.store).await? {
        copied.runs += page.len();
        let (finished, going): (Vec<_>, Vec<_>) = page.into_iter().partition(|run| run.digest.is_finished());
        let mut ends = Vec::new();
        for run in going {
            ends.extend(log_ends(&*to.store, run.id).await?);
        }
        let (from, to, go_on) = (from.clone(), to.logs.clone(), go_on.clone());
        copied.log_bytes += blocking(move || {
            let mut bytes = 0;
            for run in finished {
                go_on()?;
                bytes += from.copy_run(run.id, &to)?;
            }
            for (key, end) in ends {
                go_on()?;
                bytes += from.copy_attempt(&key, end, &to)?;
            }
            Ok(bytes)
        })
        .await?;
    }
    Ok(copied)
}

/// Looks through a data directory: the database, and whether the logs have everything that it speaks of.
pub(super) async fn check(archive: &Archive, of: &DataDir) -> Result<()> {
    let db = of.db();
    SqliteStore::open_read_only(db)?.check().await?;
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&*archive.store).await? {
        for run in page {
            let ends = log_ends(&*archive.store, run.id).await?;
            if !ends.is_empty() {
                let logs = archive.logs.clone();
                blocking(move || Ok(ends.iter().try_for_each(|(key, end)| logs.check(key, *end))?)).await?;
            }
        }
    }
    Ok(())
}

/// How long the log of each attempt is, as far as it was committed.
async fn log_ends(store: &dyn Store, run: RunId) -> Result<BTreeMap<StepKey, u64>> {
    let (mut ends, mut last) = (BTreeMap::new(), Seq::ZERO);
    loop {
        let page = store.read(run, last, EVENTS).await?;
        let Some(newest) = page.last() else { return Ok(ends) };
        last = newest.seq;
        for fact in page {
            if let RunEvent::LogAppended { task, attempt, to: to @ 1.., .. } = fact.event {
                ends.insert(StepKey { run, task, attempt }, to);
            }
        }
    }
}

/// All runs, newest first.
#[derive(Default)]
struct Pages {
    filter: RunFilter,
}

impl Pages {
    async fn next(&mut self, store: &dyn Store) -> Result<Option<Vec<RunListing>>> {
        self.filter.limit = RUNS;
        let page = store.list(&self.filter).await?;
        let Some(oldest) = page.last() else { return Ok(None) };
        self.filter.before = Some(oldest.id);
        Ok(Some(page))
    }
}

/// Does something that waits for the disk, off the runtime's own threads.
pub(super) async fn blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "jobDied", "copy", error.to_string())))
}
