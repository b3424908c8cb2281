//! Windlass is a CI/CD engine to put inside your own program: typed pipelines, durable runs, no server to operate.
//!
//! An [`Engine`] is opened on a data directory. It is given pipelines, starts runs of them, and tells what happens in one
//! stream of events. Every event is on disk before anything acts on it; when the process dies, steps go on, and the next
//! engine that is opened on the directory takes every run up where it was.
//!
//! ```
//! use windlass::{Engine, Pipeline, RunRequest, Stage, Task};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let data_dir = folder.path().join("data");
//! let engine = Engine::builder().data_dir(data_dir).open().await?;
//! let pipeline = Pipeline::builder("hello")
//!     .stage(Stage::parallel("Test").task(Task::script("unit", "echo fine")).task(Task::script("lint", "echo clean")))
//!     .build()?;
//!
//! let run = engine.start(&pipeline, RunRequest::manual()).await?;
//! let mut events = run.events().await?; // replay, then live
//! while let Some(event) = events.next().await? {
//!     println!("{event}");
//! }
//! let outcome = run.wait().await?;
//! assert!(outcome.succeeded());
//! assert_eq!(run.logs("unit").await?, "fine\n");
//! # engine.close().await?;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # The rooms
//!
//! - [`pipeline`]: what a person writes. [`pipeline::read`] reads YAML and JSON strictly and reports every mistake with its
//!   place; the builders make the same values; [`pipeline::plan`] makes a run's graph of tasks. Pure.
//! - [`run`]: events, the state that they add up to, and the decisions. Pure: no clock, no IO.
//! - [`store`]: where pipelines, runs and events are kept; SQLite, or memory.
//! - [`audit`]: who changed what.
//! - [`secret`]: credentials, how they are sealed, where else they come from, and the forms in which one could be printed; the
//!   engine keeps them as [`Credentials`].
//! - [`report`]: test reports and remarks about places in files.
//! - [`blob`]: caches, artifacts and whole reports, where they are kept, and how much of them.
//! - `registry`: registries of images, with the feature `docker`.
//! - [`log`]: what steps print, as it is kept.
//! - [`executor`]: where steps run. [`executor::LocalExecutor`] runs them as processes of the host; embedders bring their
//!   own, most simply as a [`executor::SimpleExecutor`].
//! - [`action`]: what tasks do inside the engine; embedders register their own.
//! - `cluster`, `deploy` (with the feature `kubernetes`): Kubernetes clusters, and deployment to them.
//! - [`explain`]: failures in words for the person who gets them.
//! - [`engine`]: the only place where all of them meet.
//! - [`telemetry`]: the names of spans and metrics for OpenTelemetry and the like.
//! - [`clock`]: the only place that asks the machine for time and ids.
//! - [`wire`]: what bindings of other languages give and get as data, read strictly.
//! - [`testing`]: a scripted executor, a virtual clock, and the conformance suites for stores and executors.
//!
//! # Features
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `sqlite` | the store on disk | yes |
//! | `git` | `checkout`, and asking repositories what they have | yes |
//! | `kubernetes` | clusters by name, steps in their pods, deployment to them, Jobs | no |
//! | `cli` | the `windlass` command | no |
//! | `docker` | images built and published, registries of images | no |
//! | `prometheus` | metrics as text, see [`telemetry`] | no |
//! | `failpoints` | crash points for tests of recovery; never for a release | no |

pub mod action;
pub mod audit;
mod below;
pub mod blob;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "kubernetes")]
pub mod cluster;
#[cfg(feature = "kubernetes")]
pub mod deploy;
mod disk;
pub mod engine;
mod error;
pub mod executor;
pub mod explain;
#[doc(hidden)]
pub mod failpoint;
pub mod log;
pub mod pipeline;
#[cfg(feature = "docker")]
pub mod registry;
pub mod report;
pub mod run;
pub mod secret;
#[cfg(feature = "git")]
pub mod source;
pub mod store;
pub mod telemetry;
pub mod testing;
pub mod wire;

#[cfg(feature = "sqlite")]
pub use engine::{BackupReport, Reader, RestoreReport, restore};
#[cfg(feature = "kubernetes")]
pub use engine::{ClusterAnswer, ClusterRemoval, ClusterStatus, Clusters};
pub use engine::{
    Control, Credentials, DownloadOptions, DrainReport, Engine, EngineBuilder, EngineEvent, EngineEventKind,
    EngineEvents, EngineStatus, Event, EventFilter, EventKind, EventStream, KeyRotation, LogCursor, LogDownload,
    LogMatch, LogPage, LogQuery, LogStream, PipelineDeletion, Pipelines, Rerun, Run, RunArtifact, RunName, RunRequest,
    RunSummary, Running, Runs, SavedCredential, Shutdown, StaleVersion, StoredCredential, StoredPipeline,
    StoredVersion, TaskSummary,
};
#[cfg(feature = "git")]
pub use engine::{Remote, Sources};
pub use error::{Error, ErrorKind, Result};
pub use log::{Query, QueryOptions};
pub use pipeline::{Action, Parameter, Pipeline, Stage, Task};
pub use run::retention::RetentionPolicy;
