//! What goes wrong with a store.

use std::path::PathBuf;

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
    /// The data directory was written by a newer version.
    #[error("{path} has format {found}, and this version of Windlass knows formats up to {known}: use a newer Windlass")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one that this version knows.
        known: u32,
    },
    /// What is stored makes no sense: a torn write, flipped bits.
    #[error("{path} is damaged: {why}. Restore the data directory from a backup; what is left can be read with `windlass show`")]
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
