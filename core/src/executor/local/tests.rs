//! The local executor by the contract, and by what only it can be asked.

mod conformance;
mod full_disk;
mod keeping;
mod latency;
mod processes;
mod recovery;
pub(super) mod support;
