//! Steps in pods of a real Kubernetes cluster. `scripts/test` brings one up; alone, run `tests/cluster/up` first.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bench;
mod broken;
mod cancels;
mod conformance;
mod events;
mod faults;
mod house;
mod kills;
mod private;
mod rights;
mod services;
mod settings;
mod support;
mod told;
