//! Who changed what: the audit trail. Pure.

use serde::{Deserialize, Serialize};

use crate::run::{Decision, Now, RunId};
use crate::secret::CredentialKind;

/// One change with who made it and when. Committed together with the change itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub at: Now,
    /// Who, as an opaque name of the portal; may be empty. What the engine does by itself is done by [`ENGINE`].
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

/// The actor of what the engine does by itself: retention, runs that make room for newer ones.
pub const ENGINE: &str = "windlass";

/// Something that a person, or the engine by itself, changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Change {
    /// A pipeline was made.
    PipelineCreated {
        /// Its name.
        pipeline: String,
        /// The version of its definition.
        version: u64,
        /// The pipeline of which it is a copy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copied_from: Option<String>,
    },
    /// A pipeline has another definition.
    PipelineUpdated {
        /// Its name.
        pipeline: String,
        /// The new version.
        version: u64,
    },
    /// A pipeline can be run again.
    PipelineActivated {
        /// Its name.
        pipeline: String,
    },
    /// A pipeline cannot be run any more.
    PipelineDeactivated {
        /// Its name.
        pipeline: String,
    },
    /// A pipeline is gone, with the history of its definition.
    PipelineDeleted {
        /// Its name.
        pipeline: String,
        /// The version that it had.
        version: u64,
    },
    /// A run was asked for.
    RunRequested {
        /// The run.
        run: RunId,
        /// Its pipeline.
        pipeline: String,
        /// Its number.
        number: u64,
        /// The run that it repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rerun_of: Option<RunId>,
    },
    /// A run was asked to end.
    RunCancelled {
        /// The run.
        run: RunId,
        /// Its pipeline.
        pipeline: String,
        /// Why; may be empty.
        reason: String,
    },
    /// A task that waited for an approval was decided about.
    ApprovalDecided {
        /// The run.
        run: RunId,
        /// Its pipeline.
        pipeline: String,
        /// The task.
        task: String,
        /// How.
        decision: Decision,
        /// Why; may be empty.
        reason: String,
    },
    /// A run is gone, with all that belonged to it.
    RunDeleted {
        /// The run.
        run: RunId,
        /// Its pipeline.
        pipeline: String,
        /// Its number.
        number: u64,
        /// Why; may be empty.
        reason: String,
    },
    /// A cluster was added.
    ClusterAdded {
        /// Its name.
        cluster: String,
        /// The address of its API server.
        server: String,
    },
    /// A cluster is gone from the engine; in the cluster itself nothing was changed.
    ClusterRemoved {
        /// Its name.
        cluster: String,
        /// The pipelines that name it all the same.
        used_by: Vec<String>,
    },
    /// A backup was made.
    BackupMade {
        /// Where.
        path: String,
    },
    /// A credential was made, or has another value. The value is told nowhere.
    CredentialSet {
        /// Its name.
        credential: String,
        /// What kind it is now.
        kind: CredentialKind,
    },
    /// A credential is gone.
    CredentialRemoved {
        /// Its name.
        credential: String,
    },
    /// Every credential is sealed with another master key.
    MasterKeyRotated {
        /// The name of the new key, which tells nothing about it.
        key: String,
        /// How many credentials were sealed anew.
        credentials: u64,
    },
}

impl Change {
    /// Every word that [`Change::kind`] gives.
    pub const KINDS: &[&str] = &[
        "pipelineCreated",
        "pipelineUpdated",
        "pipelineActivated",
        "pipelineDeactivated",
        "pipelineDeleted",
        "runRequested",
        "runCancelled",
        "approvalDecided",
        "runDeleted",
        "clusterAdded",
        "clusterRemoved",
        "backupMade",
        "credentialSet",
        "credentialRemoved",
        "masterKeyRotated",
    ];

    /// The word for it: the `type` of its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PipelineCreated { .. } => "pipelineCreated",
            Self::PipelineUpdated { .. } => "pipelineUpdated",
            Self::PipelineActivated { .. } => "pipelineActivated",
            Self::PipelineDeactivated { .. } => "pipelineDeactivated",
            Self::PipelineDeleted { .. } => "pipelineDeleted",
            Self::RunRequested { .. } => "runRequested",
            Self::RunCancelled { .. } => "runCancelled",
            Self::ApprovalDecided { .. } => "approvalDecided",
            Self::RunDeleted { .. } => "runDeleted",
            Self::ClusterAdded { .. } => "clusterAdded",
            Self::ClusterRemoved { .. } => "clusterRemoved",
            Self::BackupMade { .. } => "backupMade",
            Self::CredentialSet { .. } => "credentialSet",
            Self::CredentialRemoved { .. } => "credentialRemoved",
            Self::MasterKeyRotated { .. } => "masterKeyRotated",
        }
    }

    /// The pipeline that it is about, when it is about one.
    pub fn pipeline(&self) -> Option<&str> {
        match self {
            Self::PipelineCreated { pipeline, .. }
            | Self::PipelineUpdated { pipeline, .. }
            | Self::PipelineActivated { pipeline }
            | Self::PipelineDeactivated { pipeline }
            | Self::PipelineDeleted { pipeline, .. }
            | Self::RunRequested { pipeline, .. }
            | Self::RunCancelled { pipeline, .. }
            | Self::ApprovalDecided { pipeline, .. }
            | Self::RunDeleted { pipeline, .. } => Some(pipeline),
            Self::ClusterAdded { .. }
            | Self::ClusterRemoved { .. }
            | Self::BackupMade { .. }
            | Self::CredentialSet { .. }
            | Self::CredentialRemoved { .. }
            | Self::MasterKeyRotated { .. } => None,
        }
    }

    /// The run that it is about, when it is about one.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::RunRequested { run, .. }
            | Self::RunCancelled { run, .. }
            | Self::ApprovalDecided { run, .. }
            | Self::RunDeleted { run, .. } => Some(*run),
            _ => None,
        }
    }
}
