//! What a run is started with, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::engine::{Rerun, RunRequest};
use crate::error::Result;
use crate::pipeline::{CommitInfo, ExecutorName, TaskName};
use crate::secret::Credential;

/// What a [`RunRequest`] is made of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StartOptions {
    /// What starts it: `manual` unless something else is said. See [`RunRequest::triggered_by`].
    pub trigger: Option<String>,
    /// See [`RunRequest::parameter`].
    pub parameters: BTreeMap<String, String>,
    /// See [`RunRequest::actor`].
    pub actor: Option<String>,
    /// See [`RunRequest::commit`].
    pub commit: Option<CommitInfo>,
    /// See [`RunRequest::executor`].
    pub executor: Option<String>,
    /// See [`RunRequest::source`].
    pub source: Option<PathBuf>,
    /// See [`RunRequest::priority`].
    pub priority: Option<i32>,
    /// Whether what it builds comes from a fork. See [`RunRequest::from_fork`].
    pub fork: bool,
    /// Credentials for this run alone, by their names. See [`RunRequest::secret`].
    pub secrets: BTreeMap<String, Credential>,
    /// See [`RunRequest::traceparent`].
    pub traceparent: Option<String>,
}

impl StartOptions {
    /// The request.
    ///
    /// # Errors
    /// `badOption` for the name of an executor that none can have.
    pub fn request(self) -> Result<RunRequest> {
        let first = self.trigger.map_or_else(RunRequest::manual, RunRequest::triggered_by);
        let mut request =
            self.parameters.into_iter().fold(first, |request, (name, value)| request.parameter(name, value));
        request = self.secrets.into_iter().fold(request, |request, (name, value)| request.secret(name, value));
        if self.fork {
            request = request.from_fork();
        }
        if let Some(actor) = self.actor {
            request = request.actor(actor);
        }
        if let Some(commit) = self.commit {
            request = request.commit(commit);
        }
        if let Some(name) = self.executor {
            let name = ExecutorName::new(&name)
                .map_err(|error| super::bad_option("executor".to_owned(), error.to_string(), "start"))?;
            request = request.executor(name);
        }
        if let Some(source) = self.source {
            request = request.source(source);
        }
        if let Some(priority) = self.priority {
            request = request.priority(priority);
        }
        if let Some(traceparent) = self.traceparent {
            request = request.traceparent(traceparent);
        }
        Ok(request)
    }
}

/// How a run is run again: `"asItWas"`, `"asItIs"`, `"fromFailed"` or `{"fromTask": "unit"}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RerunMode {
    /// See [`Rerun::AsItWas`].
    AsItWas,
    /// See [`Rerun::AsItIs`].
    AsItIs,
    /// See [`Rerun::FromFailed`].
    FromFailed,
    /// See [`Rerun::FromTask`].
    FromTask(TaskName),
}

impl From<RerunMode> for Rerun {
    fn from(mode: RerunMode) -> Self {
        match mode {
            RerunMode::AsItWas => Self::AsItWas,
            RerunMode::AsItIs => Self::AsItIs,
            RerunMode::FromFailed => Self::FromFailed,
            RerunMode::FromTask(task) => Self::FromTask(task),
        }
    }
}
