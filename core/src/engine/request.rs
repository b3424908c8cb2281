//! What a run is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret_check::OwnCredentials;
use super::telemetry::TraceParent;
use crate::executor::Adopt;
use crate::pipeline::{CommitInfo, ExecutorName, Origin, PlannedConcurrency, RunInputs, TriggerInfo};
use crate::secret::Credential;

/// What a run is started with.
///
/// ```
/// use windlass::RunRequest;
/// let request = RunRequest::manual().parameter("TARGET", "dev").actor("ana");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRequest {
    pub(crate) inputs: RunInputs,
    pub(crate) source: Option<PathBuf>,
    pub(crate) priority: i32,
    pub(super) traceparent: Option<TraceParent>,
    pub(super) secrets: OwnCredentials,
}

impl RunRequest {
    /// A run that a person starts.
    pub fn manual() -> Self {
        Self::default()
    }

    /// A run that something else starts: `schedule`, `push`, `merge`, `tag`, `api`, `pipeline` …
    pub fn triggered_by(kind: impl Into<String>) -> Self {
        let mut request = Self::default();
        request.inputs.trigger.kind = kind.into();
        request
    }

    /// Gives a dynamic parameter its value.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inputs.parameters.insert(name.into(), value.into());
        self
    }

    /// Who starts it, as an opaque name of the portal.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.inputs.trigger.actor = actor.into();
        self
    }

    /// What it builds comes from a fork, as the merge requests of strangers do: it reads caches, and leaves none.
    #[must_use]
    pub fn from_fork(mut self) -> Self {
        self.inputs.trigger.origin = Origin::Fork;
        self
    }

    /// The commit for which it runs, as far as it is known.
    #[must_use]
    pub fn commit(mut self, commit: CommitInfo) -> Self {
        self.inputs.commit = commit;
        self
    }

    /// Runs the steps on this executor, whatever the pipeline says.
    #[must_use]
    pub fn executor(mut self, name: ExecutorName) -> Self {
        self.inputs.executor = Some(name);
        self
    }

    /// Gives a credential to this run alone, under a name that its tasks know: it goes before one of the engine. It is kept
    /// sealed until the run has ended, so that a crash of the process does not matter, and is gone then: a repetition of the
    /// run does not have it.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, credential: Credential) -> Self {
        self.secrets.insert(name.into(), credential);
        self
    }

    /// Puts the files of a folder into the workspace at the start; what git ignores stays out.
    #[must_use]
    pub fn source(mut self, folder: impl Into<PathBuf>) -> Self {
        self.source = Some(folder.into());
        self
    }

    /// Runs with a higher priority leave the queue first. 0 when unset.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The W3C trace context of what asks for the run, such as `00-TRACE_ID-SPAN_ID-01`: it stands on the run's span (see
    /// [`telemetry`](crate::telemetry)). A text that is none is ignored, as the standard has it.
    #[must_use]
    pub fn traceparent(mut self, text: impl AsRef<str>) -> Self {
        self.traceparent = TraceParent::parse(text.as_ref());
        self
    }
}

/// The request as the store keeps it, with what the engine decided when the run was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredRequest {
    pub(crate) trigger: TriggerInfo,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) commit: CommitInfo,
    /// The executor of this run; never changes, so that a recovered run finds its steps.
    pub(crate) executor: ExecutorName,
    #[serde(default)]
    pub(crate) source: Option<PathBuf>,
    #[serde(default)]
    pub(crate) priority: i32,
    #[serde(default)]
    pub(crate) concurrency: Option<PlannedConcurrency>,
    /// The kept workspace with which the run begins, instead of an empty one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) adopt: Option<Adopt>,
    /// The version of the stored pipeline that it runs; `None` for a definition that was given to the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pipeline_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<TraceParent>,
    /// The names of the credentials that it was given for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<String>,
}

impl StoredRequest {
    pub(crate) fn inputs(&self) -> RunInputs {
        RunInputs {
            parameters: self.parameters.clone(),
            trigger: self.trigger.clone(),
            commit: self.commit.clone(),
            executor: Some(self.executor.clone()),
        }
    }
}
