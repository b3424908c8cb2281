//! For the tests of those who embed Windlass or extend it: what the contracts promise, as functions.

pub mod store_conformance;
