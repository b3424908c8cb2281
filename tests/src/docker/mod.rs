//! A real Docker engine, real registries and images made here, as `tests/docker/up` sets them up; and engines of one's own that
//! a test may restart, kill and fill up.
#![expect(clippy::panic, reason = "a set-up that is not there ends the test that wants it")]

mod daemon;
mod front;
mod gate;
mod site;

pub use daemon::{Daemon, DaemonOptions, Logs, OnRestart};
pub use front::{Front, Reply, Request};
pub use gate::{Certificates, Gate};
pub use site::{Images, Registries, Site};
