//! Copying what an engine keeps: first the store, as it is at one moment, then the logs, artifacts and test reports of the runs
//! in it. By then every byte that this store speaks of is in the logs; what they have beyond is left out. Caches are left out:
//! they are made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Archive;
use crate::blob::{BlobError, BlobStore, EXPIRING, RUNS, expiry_of, is_artifact, run_prefix};
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::run::{RunEvent, RunId, Seq, StepKey, StoredArtifact};
use crate::store::{DataDir, Draft, Position, RunFilter, RunListing, SqliteStore, Store};

/// How many runs are listed at once.
const PAGE: usize = 200;
/// How many events are read at once.
const EVENTS: usize = 1000;

/// What was copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    log_bytes: u64,
    blob_bytes: u64,
    pub(super) runs: usize,
    /// `None` when they are kept elsewhere.
    pub(super) artifacts: Option<usize>,
    pub(super) position: Position,
}

impl Copied {
    /// The size of all of it.
    pub(super) fn bytes_with(&self, draft: &Draft) -> u64 {
        self.log_bytes + self.blob_bytes + std::fs::metadata(draft.db()).map_or(0, |found| found.len())
    }
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
    let done = async {
        let mut done = copy_logs(&from.logs, &copied, go_on).await?;
        copy_blobs(&from.blobs, &copied, &mut done, go_on).await?;
        Ok(done)
    };
    let done = done.await;
    copied.store.close().await?;
    done
}

/// Artifacts and test reports of the runs in the copy.
async fn copy_blobs(from: &BlobStore, to: &Archive, copied: &mut Copied, go_on: &GoOn) -> Result<()> {
    if !from.is_folder() {
        return Ok(());
    }
    let mut artifacts = BTreeSet::new();
    for name in from.folders(RUNS).await? {
        let Ok(run) = name.parse::<RunId>() else { continue };
        if to.store.listing(run).await?.is_none() {
            continue;
        }
        for object in from.list(&run_prefix(run)).await? {
            go_on()?;
            let name = object.location.to_string();
            // It can come to its time meanwhile.
            if let Some(bytes) = from.copy_to(&name, &to.blobs).await? {
                copied.blob_bytes += bytes;
                artifacts.extend(is_artifact(&name).then_some(name));
            }
        }
    }
    for marker in from.list(EXPIRING).await? {
        let marker = marker.location.to_string();
        if expiry_of(&marker).is_some_and(|(_, object)| artifacts.contains(&object)) {
            to.blobs.put_bytes(&marker, Bytes::new()).await?;
        }
    }
    copied.artifacts = Some(artifacts.len());
    Ok(())
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
            ends.extend(spoken_of(&*to.store, run.id).await?.ends);
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

/// Looks through a data directory: the database, and whether the logs have everything that it speaks of. Artifacts may be
/// elsewhere, or gone; those that are there must be whole.
pub(super) async fn check(archive: &Archive, of: &DataDir) -> Result<()> {
    let db = of.db();
    SqliteStore::open_read_only(db)?.check().await?;
    let mut pages = Pages::default();
    while let Some(page) = pages.next(&*archive.store).await? {
        for run in page {
            let Spoken { ends, artifacts } = spoken_of(&*archive.store, run.id).await?;
            for artifact in artifacts {
                check_artifact(&archive.blobs, artifact).await?;
            }
            if !ends.is_empty() {
                let logs = archive.logs.clone();
                blocking(move || Ok(ends.iter().try_for_each(|(key, end)| logs.check(key, *end))?)).await?;
            }
        }
    }
    Ok(())
}

async fn check_artifact(blobs: &BlobStore, artifact: StoredArtifact) -> Result<()> {
    let why = match blobs.size(&artifact.object).await? {
        None => return Ok(()),
        Some(size) if size == artifact.size => return Ok(()),
        Some(size) => format!("it has {size} bytes, and had {}", artifact.size),
    };
    Err(BlobError::Damaged { what: format!("the artifact {:?}", artifact.name), why }.into())
}

/// What the events of a run say that is kept beside them.
#[derive(Default)]
struct Spoken {
    /// How long the log of each attempt is, as far as it was committed.
    ends: BTreeMap<StepKey, u64>,
    artifacts: Vec<StoredArtifact>,
}

async fn spoken_of(store: &dyn Store, run: RunId) -> Result<Spoken> {
    let (mut spoken, mut last) = (Spoken::default(), Seq::ZERO);
    loop {
        let page = store.read(run, last, EVENTS).await?;
        let Some(newest) = page.last() else { return Ok(spoken) };
        last = newest.seq;
        for fact in page {
            match fact.event {
                RunEvent::LogAppended { task, attempt, to: to @ 1.., .. } => {
                    spoken.ends.insert(StepKey { run, task, attempt }, to);
                }
                RunEvent::ArtifactStored { artifact, .. } => spoken.artifacts.push(artifact),
                _ => {}
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
        self.filter.limit = PAGE;
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
