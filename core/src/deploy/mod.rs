//! Deployment to Kubernetes: manifests read, put in order, applied and waited for; rollouts looked at, undone, paused, scaled.
//!
//! The decisions are plain functions over plain data: reading documents and replacing variables in them ([`read_manifests`]), the
//! order, what a rollout's state says ([`RolloutState`]), what differs ([`FieldChange`]), what is pruned. Beside them stands a thin
//! shell that talks to the API server: [`Cluster::deploy`](crate::cluster::Cluster::deploy),
//! [`Cluster::preview`](crate::cluster::Cluster::preview), [`Cluster::workload`](crate::cluster::Cluster::workload).

mod apply;
mod control;
mod diff;
mod history;
mod job;
mod job_log;
mod manifest;
mod namespaces;
mod objects;
mod options;
mod order;
mod progress;
mod prune;
mod pull_secret;
mod read;
mod rollback;
mod run;
mod served;
mod state;
mod stuck;
#[cfg(test)]
mod tests;
mod variables;
mod wait;
mod workload;
mod yaml;

pub use control::Rollout;
pub use diff::{FieldChange, ObjectPreview, PreviewAction};
pub use history::Revision;
pub use manifest::Manifest;
pub use options::{DeployOptions, Pruning, PullSecret};
pub use progress::{Progress, Silent};
pub use read::{ManifestError, read_manifests};
pub use run::{DeployReport, ObjectOutcome};
pub use state::RolloutState;
pub use variables::Substitution;
pub use workload::{Workload, WorkloadKind};

pub(crate) use job::{JobOrder, JobRun};
pub(crate) use options::deployment_label;

/// The field manager under which Windlass applies.
pub(crate) const FIELD_MANAGER: &str = "windlass";
