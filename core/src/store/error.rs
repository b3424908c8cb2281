//! What goes wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use crate::run::{RunId, Seq};

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else appended to the run. Nothing was written.
    #[error("run {run} has {found} events, the writer expected {expected}: somebody else wrote to it")]
    Stale {
        /// The run.
        run: RunId,
        /// What the writer knew.
        expected: Seq,
        /// What is there.
        found: Seq,
    },
    /// The id or the number is taken. Nothing was written.
    #[error("there is a run {what} already")]
    Duplicate {
        /// Which.
        what: String,
    },
    /// There is no such run.
    #[error("there is no run {run}")]
    NoSuchRun {
        /// Which.
        run: RunId,
    },
    /// Somebody else changed the pipeline since it was read. Nothing was written.
    #[error(
        "pipeline {pipeline:?} has version {found} by now, and the change was made to version {expected}: look at what \
         was changed meanwhile, and make the change again"
    )]
    StaleVersion {
        /// The pipeline.
        pipeline: String,
        /// The version that the writer knew.
        expected: u64,
        /// The version that is there.
        found: u64,
    },
    /// There is a pipeline of this name. Nothing was written.
    #[error("there is a pipeline {name:?} already: choose another name, or change that one")]
    PipelineExists {
        /// Its name.
        name: String,
    },
    /// There is no such pipeline.
    #[error("there is no pipeline {name:?}")]
    NoSuchPipeline {
        /// The name.
        name: String,
    },
    /// The run goes on, and cannot be deleted. Nothing was written.
    #[error("run {run} has not ended, or something of it is not freed yet: cancel it first, or wait for its end")]
    Unfinished {
        /// The run.
        run: RunId,
    },
    /// The workspace of the run is not kept, or not any more. Nothing was written.
    #[error("the workspace of run {run} is not kept any more")]
    NotKept {
        /// The run.
        run: RunId,
    },
    /// There is no such credential. Nothing was written.
    #[error("there is no credential {name:?}")]
    NoSuchCredential {
        /// The name.
        name: String,
    },
    /// Somebody else works with the data directory.
    #[error("{path} is in use by {}: end it first, or use another data directory", holder(*.pid))]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, where the system tells; may be this one.
        pid: Option<u32>,
    },
    /// There is nothing that could be opened, or it is something else.
    #[error("{path} is not a data directory of Windlass: {why}")]
    NotADataDir {
        /// What was to be opened.
        path: PathBuf,
        /// What was found instead, and what to do.
        why: String,
    },
    /// A data directory cannot be made there. Nothing was made.
    #[error("no data directory can be made at {path}: {why}")]
    NoPlace {
        /// Where.
        path: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// It was written by an older version, and whoever opens it may only read.
    #[error(
        "{path} has the older format {found}: open it once for writing with this version, which brings it to format {known}"
    )]
    OlderFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this version.
        known: u32,
    },
    /// The data directory was written by a newer version.
    #[error(
        "{path} has format {found}, and this version of Windlass knows formats up to {known}: use a newer Windlass"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one that this version knows.
        known: u32,
    },
    /// What is stored makes no sense: a torn write, flipped bits.
    #[error(
        "{path} is damaged: {why}. Restore the data directory from a backup; what is left can be read with `windlass show`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It cannot be written: a read-only folder or file system, or missing rights.
    #[error("{path} cannot be written: {why}")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// There is no space left. Nothing was written; it can be tried again when there is room.
    #[error("no space is left for {path}: free some, or move the data directory")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that the disk or the database said.
    #[error("{doing}: {why}")]
    Io {
        /// What was being done.
        doing: String,
        /// What was said.
        why: String,
    },
}

impl StoreError {
    /// What the system said about a file, as the error that tells the person what to do.
    pub(crate) fn from_io(path: &Path, doing: &str, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Self::Full { path },
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied => Self::ReadOnly { path, why: error.to_string() },
            _ => Self::Io { doing: format!("{doing} {}", path.display()), why: error.to_string() },
        }
    }
}

/// The holder of a lock in words.
fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => format!("this process ({pid}) already"),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
