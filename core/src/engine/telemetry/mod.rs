//! What the engine tells observers about committed events; `crate::telemetry` says what that is.

mod gauges;
mod measures;
mod result;
mod run;
mod spans;
mod trace_parent;

pub(super) use gauges::Waiting;
pub(super) use run::RunTelemetry;
pub(super) use trace_parent::TraceParent;
