//! Stored pipelines: what a portal creates, changes, runs and deletes.

mod change;
mod delete;
mod run;
mod stored;

pub use delete::{PipelineDeletion, Running, Runs};
pub use stored::{StaleVersion, StoredPipeline, StoredVersion};

use std::sync::Arc;

use super::Engine;
use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::nearest;
use crate::store::{PipelineFilter, PipelineListing, PipelineRecord};

/// How many names are looked through for the one that was probably meant.
const MOST_NAMES: usize = 10_000;
/// How many names are read at once.
const PAGE: usize = 1000;

/// The stored pipelines of an engine. Cheap to clone; like a clone of the engine it keeps the engine open.
///
/// Every change takes who makes it, an opaque name of the embedder's, and stands in the [audit trail](Engine::audit). A
/// definition has a version, which rises with each change and never comes twice under one name. Every save says which version
/// it was made from, so that of two people who edit the same pipeline the second one is told.
///
/// ```
/// use windlass::{Action, Engine, PipelineDeletion, RunRequest, Task};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let engine = Engine::builder().data_dir(folder.path().join("data")).store(windlass::store::MemoryStore::new()).open().await?;
/// let pipelines = engine.pipelines();
/// let drafted = pipelines.create_new("hello", "ana").await?; // Source, Build, Test, Deploy, all empty
/// let mut definition = drafted.definition.clone();
/// definition.stages[2].tasks.push(Task::new("unit".parse()?, Action::Script("echo fine".to_owned())));
/// let saved = pipelines.update(&definition, drafted.version, "ana").await?;
/// assert_eq!(saved.version, 2);
///
/// // Ben opened the editor before Ana saved.
/// let error = pipelines.update(&drafted.definition, drafted.version, "ben").await.unwrap_err();
/// assert_eq!(error.code(), "staleVersion");
/// assert_eq!(error.stale_version().unwrap().saved_by, "ana");
///
/// let run = pipelines.run("hello", RunRequest::manual().actor("ben")).await?;
/// assert_eq!(run.wait().await?.pipeline_version, Some(2));
/// pipelines.delete("hello", PipelineDeletion::default(), "ana").await?;
/// # engine.close().await?;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pipelines {
    engine: Engine,
}

impl Engine {
    /// The stored pipelines.
    pub fn pipelines(&self) -> Pipelines {
        Pipelines { engine: self.clone() }
    }
}

impl Pipelines {
    /// A pipeline as it is now.
    ///
    /// # Errors
    /// `noSuchPipeline`, with the name that was probably meant.
    pub async fn get(&self, name: &str) -> Result<StoredPipeline> {
        StoredPipeline::of(self.record(name).await?)
    }

    /// Pipelines in the order of their names, without their definitions; 50 unless the filter says otherwise. For the page
    /// after, give the last name as `after`.
    pub async fn list(&self, filter: &PipelineFilter) -> Result<Vec<PipelineListing>> {
        Ok(self.core().archive.store.pipelines(filter).await?)
    }

    /// The definitions that a pipeline had, newest first, beginning with the one that it has; only versions below `before`
    /// when that is given, and at most `limit` (0 stands for 50).
    ///
    /// # Errors
    /// `noSuchPipeline`; also for a deleted one, whose history goes with it.
    pub async fn history(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<StoredVersion>> {
        let limit = if limit == 0 { PipelineFilter::default().page() } else { limit };
        let versions = self.core().archive.store.history(name, before, limit).await?;
        if versions.is_empty() {
            self.record(name).await?;
        }
        versions.into_iter().map(StoredVersion::of).collect()
    }

    /// One definition that a pipeline had.
    ///
    /// # Errors
    /// `noSuchPipeline`, `noSuchVersion`.
    pub async fn version(&self, name: &str, version: u64) -> Result<StoredVersion> {
        match self.core().archive.store.version(name, version).await? {
            Some(found) => StoredVersion::of(found),
            None => {
                let newest = self.record(name).await?.version;
                let message = format!("the pipeline {name:?} has no version {version}; its newest one is {newest}");
                Err(Error::new(ErrorKind::NotFound, "noSuchVersion", "find", message))
            }
        }
    }

    fn core(&self) -> &Arc<Core> {
        &self.engine.handle.core
    }

    async fn record(&self, name: &str) -> Result<PipelineRecord> {
        match self.core().archive.store.pipeline(name).await? {
            Some(record) => Ok(record),
            None => Err(self.no_such_pipeline(name, "").await?),
        }
    }

    /// The error for a name that no pipeline has, with the one that was probably meant, and with more advice.
    async fn no_such_pipeline(&self, name: &str, advice: &str) -> Result<Error> {
        let names = self.names().await?;
        let meant = nearest(name, names.iter().map(String::as_str));
        let meant = meant.map(|meant| format!(", did you mean {meant:?}?")).unwrap_or_default();
        let message = format!("there is no pipeline {name:?}{meant}{advice}");
        Ok(Error::new(ErrorKind::NotFound, "noSuchPipeline", "find", message))
    }

    async fn names(&self) -> Result<Vec<String>> {
        let mut filter = PipelineFilter { limit: PAGE, ..PipelineFilter::default() };
        let mut names: Vec<String> = Vec::new();
        while names.len() < MOST_NAMES {
            let page = self.core().archive.store.pipelines(&filter).await?;
            let full = page.len() == PAGE;
            names.extend(page.into_iter().map(|listing| listing.name));
            filter.after = names.last().cloned();
            if !full {
                break;
            }
        }
        Ok(names)
    }
}
