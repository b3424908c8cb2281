//! Artifacts and whole test reports of runs, listed and fetched.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::archive::Archive;
use super::run::Run;
use crate::blob::{ArchiveLimits, BlobError, BlobStore, each_file, to_folder, to_tar};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::stream::pipe;
use crate::pipeline::TaskId;
use crate::report::TestReport;
use crate::run::{RunId, RunState, StoredArtifact, TaskView};

/// More folders than this beside its files no artifact has.
const MAX_FOLDERS: u64 = 1 << 20;

/// An artifact of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunArtifact {
    /// Its name; unique among those of its task.
    pub name: String,
    /// The task that left it.
    pub task: TaskId,
    /// The attempt that did.
    pub attempt: u32,
    /// The run that did: an earlier one, for a task that was not done again.
    pub run: RunId,
    /// How many files are in it.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// The size of its archive, a gzipped tar.
    pub size: u64,
    /// SHA-256 of the archive in hexadecimal digits.
    pub sha256: String,
    /// When it is removed; with its run when `None`.
    pub until: Option<Timestamp>,
    #[serde(skip)]
    object: String,
    #[serde(skip)]
    blobs: BlobStore,
}

impl RunArtifact {
    fn of(blobs: &BlobStore, run: RunId, task: &TaskId, attempt: u32, stored: &StoredArtifact) -> Self {
        Self {
            name: stored.name.clone(),
            task: task.clone(),
            attempt,
            run,
            files: stored.files,
            bytes: stored.bytes,
            size: stored.size,
            sha256: stored.sha256.clone(),
            until: stored.until,
            object: stored.object.clone(),
            blobs: blobs.clone(),
        }
    }

    /// The archive, a gzipped tar, as a stream.
    ///
    /// # Errors
    /// `artifactGone` when it is not kept any more; `objectStoreFailed` and the like.
    pub async fn stream(&self) -> Result<BoxStream<'static, Result<Bytes>>> {
        let stream = self.blobs.get(&self.object).await.map_err(|error| self.failed(error))?;
        let this = self.clone();
        Ok(stream.map_err(move |error| this.failed(error)).boxed())
    }

    /// Unpacks it below a folder, which is made when it is missing. Files of the same names are replaced.
    ///
    /// # Errors
    /// As [`RunArtifact::stream`]; `objectDamaged` when it is not what was stored, before anything is unpacked; `noSpace`.
    pub async fn unpack(&self, folder: impl AsRef<Path>) -> Result<()> {
        self.check().await?;
        let stream = self.blobs.get(&self.object).await.map_err(|error| self.failed(error))?;
        let (feed, inlet) = pipe(stream);
        let (folder, limits) = (folder.as_ref().to_path_buf(), self.limits());
        let doing = format!("unpacking the artifact {:?} into {}", self.name, folder.display());
        let job = tokio::task::spawn_blocking(move || to_folder(BufReader::new(inlet), &folder, limits));
        let (fed, unpacked) = futures::join!(feed, job);
        fed.map_err(|error| self.failed(error))?;
        let died =
            |error: tokio::task::JoinError| Error::new(ErrorKind::Internal, "jobDied", "unpack", error.to_string());
        unpacked.map_err(died)?.map_err(|error| self.failed(BlobError::of_pack(doing, error)))?;
        Ok(())
    }

    /// Its files with their content, by path. What is no text is shown as �.
    pub(crate) async fn texts(&self) -> Result<BTreeMap<String, String>> {
        self.check().await?;
        let archive: BytesMut = self.stream().await?.try_collect().await?;
        let (mut tar, mut files) = (Vec::new(), BTreeMap::new());
        let read = to_tar(&archive[..], &mut tar, self.limits()).and_then(|_| {
            each_file(
                &tar[..],
                Path::new(""),
                |_| true,
                |name, _, content| {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes)?;
                    files.insert(name.display().to_string(), String::from_utf8_lossy(&bytes).into_owned());
                    Ok(())
                },
            )
        });
        read.map_err(|error| self.failed(BlobError::of_pack(format!("the artifact {:?}", self.name), error)))?;
        Ok(files)
    }

    /// What it was when it was stored is what it may be.
    fn limits(&self) -> ArchiveLimits {
        let entries = self.files.saturating_add(MAX_FOLDERS);
        ArchiveLimits { entries, bytes: self.bytes, ratio: u64::MAX }
    }

    /// Looks whether it is what was stored.
    async fn check(&self) -> Result<()> {
        let mut stream = self.stream().await?;
        let mut digest = Sha256::new();
        while let Some(piece) = stream.next().await {
            digest.update(&piece?);
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if digest == self.sha256 {
            return Ok(());
        }
        let why = "its content is not what was stored".to_owned();
        Err(self.failed(BlobError::Damaged { what: format!("the artifact {:?}", self.name), why }))
    }

    fn failed(&self, error: BlobError) -> Error {
        if !matches!(error, BlobError::Missing { .. }) {
            return error.into();
        }
        let until = self.until.map_or_else(String::new, |until| format!("; it was to be kept until {until:.0}"));
        let message = format!("the artifact {:?} of {} is not there any more{until}", self.name, self.task);
        Error::new(ErrorKind::NotFound, "artifactGone", "artifact", message).with_source(error)
    }
}

impl Run {
    /// The artifacts of the run, in the order of its tasks. Those of tasks that were not done again are those of the run that
    /// did them, as long as that one is there.
    pub async fn artifacts(&self) -> Result<Vec<RunArtifact>> {
        self.core.archive.artifacts(self.id).await
    }

    /// What the tests of a task's newest attempt said, whole: up to 500 failed ones with what they said. `None` when there was
    /// no report.
    pub async fn test_report(&self, task: &str) -> Result<Option<TestReport>> {
        self.core.archive.test_report(self.id, task).await
    }
}

impl Archive {
    pub(crate) async fn artifacts(&self, run: RunId) -> Result<Vec<RunArtifact>> {
        let state = self.replay(run, None).await?.state;
        let mut others: HashMap<RunId, Option<RunState>> = HashMap::new();
        let mut artifacts = Vec::new();
        for view in state.tasks() {
            let Some(reused) = view.reused() else {
                artifacts.extend(self.left_by(run, view));
                continue;
            };
            let origin = match others.entry(reused.run) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(match self.replay(reused.run, None).await {
                    Ok(replayed) => Some(replayed.state),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                }),
            };
            if let Some(origin) = origin
                && let Some(index) = origin.index_of(view.id())
            {
                artifacts.extend(self.left_by(reused.run, origin.task(index)));
            }
        }
        Ok(artifacts)
    }

    fn left_by<'a>(&'a self, run: RunId, view: TaskView<'a>) -> impl Iterator<Item = RunArtifact> + 'a {
        let stored = view.artifacts().iter();
        stored.map(move |(attempt, stored)| RunArtifact::of(&self.blobs, run, view.id(), *attempt, stored))
    }

    pub(crate) async fn test_report(&self, run: RunId, task: &str) -> Result<Option<TestReport>> {
        let state = self.replay(run, None).await?.state;
        let Some(index) = state.index_of(&TaskId::new(task)) else { return Ok(None) };
        let Some(tests) = state.task(index).tests() else { return Ok(None) };
        let whole = match &tests.object {
            Some(object) => self.blobs.get_bytes(object).await?,
            None => None,
        };
        // Without the whole one, what the events have is better than nothing.
        let read = whole.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Some(read.unwrap_or_else(|| tests.clone().into())))
    }
}
