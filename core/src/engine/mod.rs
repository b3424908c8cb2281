//! The engine: the only place where plans, run machines, stores, logs and executors meet.
//!
//! [`Engine`] is opened on a data directory and started with pipelines; each run has a driver (see `driver.rs`) which lets
//! the pure run machine decide, commits what it decided, and only then carries it out.

mod action;
mod action_check;
mod action_log;
mod archive;
mod artifacts;
mod attempt_secrets;
mod attempts;
mod audit_trail;
#[cfg(feature = "sqlite")]
mod backup;
mod blob_house;
mod builder;
#[cfg(feature = "kubernetes")]
mod clusters;
mod control;
mod core;
mod credential_tests;
mod credentials;
#[cfg(feature = "cli")]
mod credentials_alone;
#[cfg(feature = "sqlite")]
mod data_copy;
mod deletion;
mod download;
mod driver;
mod effects;
mod engine_event;
mod engine_events;
mod event;
mod event_filter;
mod events;
// Beside the other tests, which need a Unix.
#[cfg(test)]
#[cfg(feature = "sqlite")]
#[path = "tests/everywhere.rs"]
mod everywhere;
mod executors;
mod expiry;
mod feed;
mod filing;
#[cfg(feature = "docker")]
mod images;
mod jobs;
mod launch;
mod listing;
mod log_pump;
mod log_search;
mod log_stream;
mod masking;
mod message;
mod names;
mod outline;
mod pipelines;
mod queue;
#[cfg(feature = "sqlite")]
mod reader;
mod recovery;
mod request;
mod rerun;
#[cfg(feature = "sqlite")]
mod restore;
mod restored;
mod retention;
mod run;
mod run_masks;
mod secret_check;
mod shutdown;
mod slots;
#[cfg(feature = "git")]
mod sources;
mod standstill;
mod step;
mod summary;
mod telemetry;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod timeline;
mod told;
mod vault;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

pub use artifacts::RunArtifact;
#[cfg(feature = "sqlite")]
pub use backup::BackupReport;
pub use builder::EngineBuilder;
#[cfg(all(feature = "cli", feature = "kubernetes"))]
pub(crate) use clusters::ClustersBeside;
#[cfg(feature = "kubernetes")]
pub(crate) use clusters::error as cluster_error;
#[cfg(feature = "kubernetes")]
pub use clusters::{ClusterAnswer, ClusterRemoval, ClusterStatus, Clusters};
pub use control::{Control, EngineStatus, RunName};
pub use credentials::{Credentials, KeyRotation, SavedCredential, StoredCredential};
pub use download::{DownloadOptions, LogDownload};
pub use engine_event::{EngineEvent, EngineEventKind};
pub use engine_events::EngineEvents;
pub use event::{Event, EventKind};
pub use event_filter::EventFilter;
pub use events::EventStream;
pub use log_search::{LogCursor, LogMatch, LogPage, LogPlace, LogQuery};
pub use log_stream::LogStream;
pub use pipelines::{PipelineDeletion, Pipelines, Running, Runs, StaleVersion, StoredPipeline, StoredVersion};
#[cfg(feature = "sqlite")]
pub use reader::Reader;
pub use request::RunRequest;
pub use rerun::Rerun;
#[cfg(feature = "sqlite")]
pub use restore::{RestoreReport, restore};
pub use run::Run;
pub use shutdown::{DrainReport, Shutdown};
#[cfg(feature = "git")]
pub use sources::{Remote, Sources};
pub use summary::{RunSummary, TaskSummary};

#[cfg(feature = "cli")]
pub(crate) use control::{back_up_alone, record_decision};
#[cfg(feature = "cli")]
pub(crate) use credentials_alone::CredentialsAlone;

use self::core::{Core, Hold};
use self::launch::NewRun;
use self::request::StoredRequest;
use self::secret_check::{OwnCredentials, check_secrets};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{self, ExecutorName, Pipeline, Plan};
use crate::run::RunId;
use crate::store::{RunFilter, RunListing};

/// An engine on a data directory. Clones share it; when the last one is dropped the engine closes, and its steps go on until
/// the next one takes them up.
#[derive(Clone, Debug)]
pub struct Engine {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
    hold: Mutex<Option<Arc<Hold>>>,
    /// Tells when nothing holds the data directory any more.
    gone: watch::Receiver<()>,
    /// Tells when no other process is answered any more.
    shut: watch::Receiver<()>,
    recovered: Vec<RunId>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.start_closing();
    }
}

impl Engine {
    /// How an engine is opened.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The runs that an earlier engine left unfinished and that this one took up when it was opened, oldest first.
    pub fn recovered(&self) -> &[RunId] {
        &self.handle.recovered
    }

    /// Starts a run of a definition, which need not be that of a stored pipeline: [`Pipelines::run`] is for those. Returns
    /// when the run is durable; it goes on by itself from there.
    ///
    /// # Errors
    /// `invalidPipeline` with every mistake of the definition and the parameters, and of the settings of actions;
    /// `unsupportedAction`, also for an action that nobody registered; `noSuchExecutor`; `concurrencyLimit` when its group is
    /// full and says `reject`; `noSuchCredential`, `noSuchKey` and the like for credentials of its tasks; `noSuchCluster`; `pipelineInactive` while the pipeline of this name is being deleted; `noSpace`, `readOnly` and
    /// the like from the store, after which nothing was started.
    pub async fn start(&self, pipeline: &Pipeline, request: RunRequest) -> Result<Run> {
        let new = self.plan_run(pipeline, request, None).await?;
        self.handle.core.launch(new).await
    }

    /// Plans a run of a definition, which is that of a stored pipeline in this version or of none, and refuses what cannot
    /// work. Writes nothing.
    async fn plan_run<'a>(
        &self,
        pipeline: &'a Pipeline,
        request: RunRequest,
        version: Option<u64>,
    ) -> Result<NewRun<'a>> {
        let core = &self.handle.core;
        core.writing("start")?;
        let plan = pipeline::plan(pipeline, &request.inputs)?;
        let executor = executor_for(core, &plan)?;
        refuse_unsupported(core, pipeline, &plan, &executor)?;
        let secrets = request.secrets;
        check_needs(core, &plan, &secrets).await?;
        let request = StoredRequest {
            trigger: plan.trigger.clone(),
            parameters: request.inputs.parameters,
            commit: plan.commit.clone(),
            executor,
            source: request.source.map(|path| std::path::absolute(&path).unwrap_or(path)),
            priority: request.priority,
            concurrency: plan.concurrency.clone(),
            adopt: None,
            pipeline_version: version,
            traceparent: request.traceparent,
            secrets: secrets.keys().cloned().collect(),
        };
        Ok(NewRun { pipeline, plan, request, rerun_of: None, reused: Vec::new(), secrets })
    }

    /// The handle of a run.
    pub async fn run(&self, id: RunId) -> Result<Run> {
        let core = self.handle.core.clone();
        let listing = core.archive.listing(id).await?;
        Ok(Run::of(core, &listing))
    }

    /// The run that a person means: an id, the beginning of one, `PIPELINE#NUMBER`, `PIPELINE#latest`, or `latest`.
    pub async fn find(&self, text: &str) -> Result<Run> {
        let id = self.handle.core.archive.find(text).await?;
        self.run(id).await
    }

    /// Runs, newest first; 50 unless the filter says otherwise. No events are read. For the page after, give the id of the
    /// last run as `before`: what starts meanwhile shifts nothing.
    ///
    /// ```
    /// # async fn all(engine: windlass::Engine) -> windlass::Result<()> {
    /// use windlass::store::RunFilter;
    ///
    /// let mut filter = RunFilter { pipeline: Some("hello".to_owned()), ..RunFilter::default() };
    /// loop {
    ///     let page = engine.runs(&filter).await?;
    ///     let Some(last) = page.last() else { break };
    ///     filter.before = Some(last.id);
    ///     for run in &page {
    ///         println!("#{} {} {:?} ms", run.number, run.status().as_str(), run.duration_ms());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunListing>> {
        Ok(self.handle.core.archive.store.list(filter).await?)
    }

    /// What an executor can do. `None` when there is none of this name.
    pub fn capabilities(&self, executor: &str) -> Option<crate::executor::Capabilities> {
        self.handle.core.executors.get(executor).map(|executor| executor.capabilities())
    }

    /// Closes the engine for all who share it, and returns when nothing of it works any more and the data directory is free.
    /// Steps go on; the next engine on the data directory takes them up.
    pub async fn close(&self) -> Result<()> {
        self.handle.core.start_closing();
        let hold = self.handle.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The store is closed while the directory is still held.
        let closed = match &hold {
            Some(_) => self.handle.core.archive.store.close().await,
            None => Ok(()),
        };
        drop(hold);
        for mut over in [self.handle.gone.clone(), self.handle.shut.clone()] {
            while over.changed().await.is_ok() {}
        }
        self.handle.core.until_uploads_are_given_up().await;
        Ok(closed?)
    }
}

/// Refuses a run whose tasks would not get their credentials, or would not find their clusters.
async fn check_needs(core: &Core, plan: &Plan, own: &OwnCredentials) -> Result<()> {
    check_secrets(core, plan, own).await?;
    #[cfg(feature = "kubernetes")]
    clusters::check_clusters(core, plan).await?;
    Ok(())
}

/// The executor of a run, by its plan or by default.
fn executor_for(core: &Core, plan: &Plan) -> Result<ExecutorName> {
    let executor = plan.executor.clone().unwrap_or_else(|| core.default_executor.clone());
    if core.executors.has(&executor) {
        return Ok(executor);
    }
    Err(core.executors.missing(&executor, "start"))
}

/// Refuses before the start what would fail for certain: tasks on another executor, actions that nobody carries out.
fn refuse_unsupported(core: &Core, pipeline: &Pipeline, plan: &Plan, executor: &ExecutorName) -> Result<()> {
    let elsewhere = plan.tasks.iter().find(|task| task.definition.executor.as_ref().is_some_and(|own| own != executor));
    if let Some(task) = elsewhere {
        let message = format!(
            "task {:?} names another executor than its run ({executor}): the tasks of a run share one workspace, and so \
             one executor. Remove `executor` from the task, or make it a pipeline of its own",
            task.name.as_str()
        );
        return Err(Error::new(ErrorKind::Unsupported, "severalExecutors", "start", message));
    }
    if let Some(executor_used) = core.executors.get(executor.as_str()) {
        action_check::check_containers(pipeline, executor.as_str(), &executor_used.capabilities())?;
    }
    action_check::check_actions(core, pipeline)
}
