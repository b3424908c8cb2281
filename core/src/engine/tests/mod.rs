//! The engine over the local executor and over the scripted one.

mod actions;
mod audit;
#[cfg(feature = "sqlite")]
mod backup;
mod dates;
mod deletion;
mod engine_events;
#[cfg(feature = "sqlite")]
mod engine_events_on_disk;
#[cfg(feature = "sqlite")]
mod filing;
mod full_disk;
mod keeping;
#[cfg(feature = "sqlite")]
mod keeping_files;
mod kit;
mod local;
mod logs;
mod pipelines;
mod queued;
#[cfg(all(feature = "sqlite", target_os = "linux"))]
mod real_full_disk;
mod rerun;
mod rerun_local;
mod retention;
mod scripted;
#[cfg(feature = "sqlite")]
mod secrets;
mod shutdown;
mod site;
#[cfg(feature = "sqlite")]
mod standstill;
mod telemetry;
mod test_store;
mod timeline;

use crate::pipeline::{Pipeline, read};

/// A definition from its document.
pub(super) fn pipeline(document: &str) -> Pipeline {
    match read(document.as_bytes(), "test.yaml") {
        Ok(pipeline) => pipeline,
        Err(problems) => panic!("{problems}"),
    }
}
