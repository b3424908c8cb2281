//! The rules of the run machine, one test each, and a simulation of whole runs.

mod commits;
mod driver;
mod kit;

mod approvals;
mod ends;
mod finally;
mod illegal;
mod order;
mod queue;
mod replay;
mod rerun;
mod retention;
mod retries;
mod reuse;
mod simulation;
mod timeline;
mod timeouts;
mod workspaces;
