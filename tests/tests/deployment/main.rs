//! Deployment to a real Kubernetes cluster. `scripts/test` brings one up; alone, run `tests/cluster/up` first.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod access;
mod clusters;
mod command_clusters;
mod command_line;
mod command_rollouts;
mod crowd;
mod desk;
mod jobs;
mod manifests;
mod many;
mod proxies;
mod refusals;
mod restricted;
mod rights;
mod rolling;
mod support;
mod wording;
mod workloads;
