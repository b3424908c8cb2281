//! The engine over the local executor and over the scripted one.

#[cfg(feature = "sqlite")]
mod backup;
mod engine_events;
mod keeping;
#[cfg(feature = "sqlite")]
mod engine_events_on_disk;
mod local;
mod rerun;
mod rerun_local;
mod scripted;
mod shutdown;
#[cfg(feature = "sqlite")]
mod standstill;
mod timeline;
mod site;
mod telemetry;

use crate::pipeline::{Pipeline, read};

/// A definition from its document.
pub(super) fn pipeline(document: &str) -> Pipeline {
    match read(document.as_bytes(), "test.yaml") {
        Ok(pipeline) => pipeline,
        Err(problems) => panic!("{problems}"),
    }
}
