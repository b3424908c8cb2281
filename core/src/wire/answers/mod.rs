//! Requests about one noun, answered in JSON: what bindings call, so that every language asks with the same words.

#[cfg(feature = "kubernetes")]
mod clusters;
mod control;
mod credentials;
mod engine;
mod pipelines;
#[cfg(feature = "sqlite")]
mod reader;
#[cfg(feature = "docker")]
mod registries;
mod run;
#[cfg(feature = "git")]
mod sources;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::RunArtifact;
use crate::error::{Error, ErrorKind, Result};

#[cfg(feature = "docker")]
pub use registries::Registries;

/// A noun of the engine that answers requests. A request is the name of a method in camelCase with its arguments as a JSON
/// object, such as `testReport` with `{"task": "unit"}` for [`Run::test_report`](crate::Run::test_report); arguments that are
/// left out have the defaults of the method.
///
/// ```
/// # async fn show(run: windlass::Run) -> windlass::Result<()> {
/// use windlass::wire::Answers;
///
/// let artifacts = run.answer("artifacts", "{}").await?;
/// println!("{}", artifacts[0]["sha256"]);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Answers: Debug + Send + Sync + 'static {
    /// Answers a request.
    ///
    /// # Errors
    /// `badOption` with the path of the mistake; `noSuchRequest` for a word that is none; what the method itself says.
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value>;
}

/// An artifact of a run, by its name, and by its task where two tasks have one of this name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactName {
    /// Its name.
    pub name: String,
    /// The task that left it.
    #[serde(default)]
    pub task: Option<String>,
}

impl ArtifactName {
    /// The newest one of this name.
    ///
    /// # Errors
    /// `noSuchArtifact`, with those that there are.
    pub fn among(&self, artifacts: Vec<RunArtifact>) -> Result<RunArtifact> {
        let named: Vec<String> = artifacts.iter().map(|artifact| format!("{:?}", artifact.name)).collect();
        let fits = |artifact: &RunArtifact| {
            artifact.name == self.name && self.task.as_deref().is_none_or(|task| artifact.task.as_str() == task)
        };
        artifacts.into_iter().rev().find(fits).ok_or_else(|| {
            let known =
                if named.is_empty() { "it has none".to_owned() } else { format!("it has {}", named.join(", ")) };
            let message = format!("the run has no artifact {:?}; {known}", self.name);
            Error::new(ErrorKind::NotFound, "noSuchArtifact", "artifact", message)
        })
    }
}

/// Where an artifact is unpacked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unpack {
    name: String,
    #[serde(default)]
    task: Option<String>,
    folder: PathBuf,
}

impl Unpack {
    async fn from(self, artifacts: Vec<RunArtifact>) -> Result<Value> {
        let Self { name, task, folder } = self;
        value(ArtifactName { name, task }.among(artifacts)?.unpack(folder).await?)
    }
}

/// The arguments of a request, read strictly.
fn read<T: DeserializeOwned>(arguments: &str, request: &'static str) -> Result<T> {
    super::read(arguments, request)
}

fn value(answer: impl Serialize) -> Result<Value> {
    serde_json::to_value(answer).map_err(|error| {
        let message = format!("an answer cannot be written as JSON: {error}");
        Error::new(ErrorKind::Internal, "unwritable", "answer", message)
    })
}

fn unknown(noun: &str, request: &str) -> Error {
    let message = format!("{noun} cannot be asked for {request:?}");
    Error::new(ErrorKind::Unsupported, "noSuchRequest", "answer", message)
}
