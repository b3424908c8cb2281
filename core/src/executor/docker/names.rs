//! How things of ours are called in a Docker engine, and the labels by which they are found again. Pure.

use std::collections::HashMap;

use crate::executor::installation::digest;
use crate::run::RunId;

/// Whose it is.
pub(super) const INSTALLATION: &str = "dev.windlass.installation";
/// The run.
pub(super) const RUN: &str = "dev.windlass.run";
/// What it is; see [`Kind`].
pub(super) const KIND: &str = "dev.windlass.kind";
/// The generation of a workspace.
pub(super) const GENERATION: &str = "dev.windlass.generation";
/// The step, for a container of its own: task and attempt.
pub(super) const STEP: &str = "dev.windlass.step";
/// The name of a service.
pub(super) const SERVICE: &str = "dev.windlass.service";
/// The volume with the workspace that a run took over.
pub(super) const CLAIMED: &str = "dev.windlass.claimed";

/// What a thing of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A container in which steps run.
    Steps,
    /// A container that serves files and states when no other one does.
    Keeper,
    /// A container beside steps, such as a database.
    Service,
    /// The volume with a workspace.
    Workspace,
    /// The volume with the states of a run's steps.
    States,
    /// An empty volume that says which workspace a run took over.
    Claim,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Keeper => "keeper",
            Self::Service => "service",
            Self::Workspace => "workspace",
            Self::States => "states",
            Self::Claim => "claim",
        }
    }
}

/// The names of one installation. Two engines on one Docker engine have two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    installation: String,
}

impl Names {
    pub(super) fn new(installation: &str) -> Self {
        Self { installation: installation.to_owned() }
    }

    pub(super) fn workspace(&self, run: RunId, generation: u32) -> String {
        format!("{}-workspace-{generation}", self.prefix(run))
    }

    pub(super) fn states(&self, run: RunId) -> String {
        format!("{}-states", self.prefix(run))
    }

    pub(super) fn claim(&self, run: RunId) -> String {
        format!("{}-claim", self.prefix(run))
    }

    pub(super) fn keeper(&self, run: RunId, generation: u32) -> String {
        format!("{}-keeper-{generation}", self.prefix(run))
    }

    pub(super) fn steps(&self, run: RunId, shape: &str) -> String {
        format!("{}-{shape}", self.prefix(run))
    }

    pub(super) fn service(&self, run: RunId, shape: &str, at: usize) -> String {
        format!("{}-{shape}-{at}", self.prefix(run))
    }

    fn prefix(&self, run: RunId) -> String {
        format!("windlass-{}-{run}", digest(self.installation.as_bytes(), 8))
    }

    /// The labels of a thing of a run.
    pub(super) fn labels(&self, run: RunId, kind: Kind, generation: u32) -> HashMap<String, String> {
        HashMap::from([
            (INSTALLATION.to_owned(), self.installation.clone()),
            (RUN.to_owned(), run.to_string()),
            (KIND.to_owned(), kind.word().to_owned()),
            (GENERATION.to_owned(), generation.to_string()),
        ])
    }

    /// What the engine is asked for to find everything of the installation, or of one run of it.
    pub(super) fn filter(&self, run: Option<RunId>) -> HashMap<String, Vec<String>> {
        let mut labels = vec![format!("{INSTALLATION}={}", self.installation)];
        labels.extend(run.map(|run| format!("{RUN}={run}")));
        HashMap::from([("label".to_owned(), labels)])
    }
}
