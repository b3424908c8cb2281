//! Over a real Docker engine: the one that `tests/docker/up` has set up, with its images.

mod conformance;
mod faults;
mod lease;
mod output;
mod requests;
pub(super) mod support;
