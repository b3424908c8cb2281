//! What embedders test with: conformance suites for their own executors and stores.

pub mod executor_conformance;
