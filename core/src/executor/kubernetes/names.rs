//! How things of ours are called in a cluster, and the labels by which they are found again. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::executor::installation::digest;
use crate::run::{RunId, StepKey};

/// Whose it is.
pub(super) const INSTALLATION: &str = "windlass.dev/installation";
/// The run.
pub(super) const RUN: &str = "windlass.dev/run";
/// What it is; see [`Kind`].
pub(super) const KIND: &str = "windlass.dev/kind";
/// The generation of a workspace.
pub(super) const GENERATION: &str = "windlass.dev/generation";
/// In the data of a run's owner, before the generation: the pod with the workspace.
pub(super) const POD: &str = "pod-";
/// In the same place: that only the workspace is left of the run.
pub(super) const KEPT: &str = "kept";
/// In the same place, before its slug: a step that was stopped before anything of the run could run.
pub(super) const STOPPED: &str = "stopped-";

/// What a thing of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The object that owns all others of a run.
    Owner,
    /// The pod with a run's workspace.
    Run,
    /// The pod of one step.
    Step,
    /// A secret by which images are fetched.
    Pull,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Run => "run",
            Self::Step => "step",
            Self::Pull => "pull",
        }
    }
}

/// The names of one installation. Two engines on one namespace have two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    installation: String,
}

impl Names {
    pub(super) fn new(installation: &str) -> Self {
        Self { installation: digest(installation.as_bytes(), 16) }
    }

    /// What all names of the installation begin with.
    pub(super) fn stem(&self) -> String {
        format!("windlass-{}-", &self.installation[..8])
    }

    /// The object that owns all others of a run.
    pub(super) fn owner(&self, run: RunId) -> String {
        format!("{}{run}", self.stem())
    }

    /// The pod with the workspace of a generation.
    pub(super) fn pod(&self, run: RunId, generation: u32) -> String {
        format!("{}-{}", self.owner(run), head(generation))
    }

    /// The pod of one step.
    pub(super) fn step_pod(&self, step: &StepKey, generation: u32) -> String {
        format!("{}-{}", self.owner(step.run), step_head(step, generation))
    }

    /// The secret for what is opened by this.
    pub(super) fn pull_secret(&self, run: RunId, what: &str) -> String {
        format!("{}-pull-{}", self.owner(run), digest(what.as_bytes(), 8))
    }

    /// The pod of this head; see [`place_name`].
    pub(super) fn pod_of_head(&self, run: RunId, head: &str) -> String {
        format!("{}-{head}", self.owner(run))
    }

    /// The run whose pod had this name when it was made.
    pub(super) fn run_of_pod(&self, pod: &str) -> Option<RunId> {
        let rest = pod.strip_prefix(&self.stem())?;
        // The head has no dashes but those behind its generation.
        rest.match_indices("-g").find_map(|(at, _)| rest[..at].parse().ok())
    }

    /// The labels of a thing of a run.
    pub(super) fn labels(&self, run: RunId, kind: Kind) -> BTreeMap<String, String> {
        let (managed, by) = crate::cluster::MANAGED_BY;
        BTreeMap::from([
            (managed.to_owned(), by.to_owned()),
            (INSTALLATION.to_owned(), self.installation.clone()),
            (RUN.to_owned(), run.to_string()),
            (KIND.to_owned(), kind.word().to_owned()),
        ])
    }

    /// What the cluster is asked for to find everything of the installation, or of one run of it.
    pub(super) fn selector(&self, run: Option<RunId>) -> String {
        let run = run.map(|run| format!(",{RUN}={run}")).unwrap_or_default();
        format!("{INSTALLATION}={}{run}", self.installation)
    }
}

/// The run to which a thing belongs, by its label.
pub(super) fn run_of(metadata: &ObjectMeta) -> Option<RunId> {
    metadata.labels.as_ref()?.get(RUN)?.parse().ok()
}

/// What tells the pod of a generation apart from the run's others.
pub(super) fn head(generation: u32) -> String {
    format!("g{generation}")
}

/// What tells the pod of a step apart from the run's others.
pub(super) fn step_head(step: &StepKey, generation: u32) -> String {
    format!("{}-{}", head(generation), step.slug().replace('.', "-"))
}

/// The name by which a container is known to the steps of its run.
pub(super) fn place_name(head: &str, container: &str) -> String {
    format!("{head}.{container}")
}

/// The head and the container of such a name.
pub(super) fn read_place_name(name: &str) -> Option<(&str, &str)> {
    name.split_once('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::pipeline::TaskId;

    #[test]
    fn names_are_those_of_kubernetes_and_differ_by_generation_and_attempt() {
        let run = RunId::new(SystemClock::resume(None).new_id());
        let names = Names::new("the portal of ÄÖÜ");
        let step = |attempt| StepKey { run, task: TaskId::new("unit[PY=3.11]"), attempt };
        let all = [
            names.owner(run),
            names.pod(run, 1),
            names.pod(run, 2),
            names.step_pod(&step(1), 1),
            names.step_pod(&step(2), 1),
            names.step_pod(&step(1), 2),
        ];
        for (at, name) in all.iter().enumerate() {
            assert!(name.len() < 200 && name.starts_with(&names.stem()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert!(!all[..at].contains(name), "{name} twice");
        }
        for value in names.labels(run, Kind::Run).values() {
            assert!(value.len() <= 63, "{value}");
        }
        for pod in &all[1..] {
            assert_eq!(names.run_of_pod(pod), Some(run), "{pod}");
        }
        assert_eq!(names.run_of_pod("somebody-elses-g1"), None);
        assert_eq!(read_place_name(&place_name("g1", "s-1")), Some(("g1", "s-1")));
    }
}
