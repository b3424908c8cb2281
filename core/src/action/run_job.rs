//! `runJob`: a Kubernetes Job run to its end.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use crate::cluster::ClusterSource;
use crate::deploy::{JobOrder, JobRun, Substitution, read_manifests};

/// The longest file with a Job.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Runs a Job to its end.
#[derive(Debug)]
pub(crate) struct RunJob {
    clusters: Arc<dyn ClusterSource>,
}

/// The settings of a task, with variables replaced.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    path: Option<String>,
    manifest: Option<Value>,
    cluster: Option<String>,
    namespace: Option<String>,
}

impl RunJob {
    pub(crate) fn new(clusters: Arc<dyn ClusterSource>) -> Self {
        Self { clusters }
    }
}

#[async_trait]
impl ActionHandler for RunJob {
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        match (settings.get("path").is_some(), settings.get("manifest").is_some()) {
            (true, false) | (false, true) => Vec::new(),
            (true, true) => vec![SettingsProblem::new("", "give either `path` or `manifest`, not both")],
            (false, false) => vec![SettingsProblem::new("", "give the Job, as `path` of a file or as `manifest`")],
        }
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let settings: Settings = context.settings()?;
        let cluster = self.clusters.cluster(settings.cluster.as_deref()).await?;
        let object = job(&context, &settings).await?;
        let namespace = settings.namespace.as_deref().unwrap_or(cluster.namespace());
        let order = JobOrder::new(object, namespace, &context.idempotency_key())?;
        let run = JobRun::new(&cluster, &context, order);
        tokio::select! {
            biased;
            done = run.run() => done.map(|()| ActionOutput::default()).map_err(ActionError::from),
            () = context.cancelled() => {
                run.delete().await?;
                context.log_line("stopped; the Job and its pods are deleted").await;
                Err(ActionError::cancelled())
            }
        }
    }
}

/// The Job of a file, in which variables are replaced, or of the task itself, in which they were.
async fn job(context: &ActionContext, settings: &Settings) -> Result<Value, ActionError> {
    let Some(path) = &settings.path else { return Ok(settings.manifest.clone().unwrap_or_default()) };
    let bytes = context.read_file(path, MAX_BYTES).await?;
    let text = String::from_utf8_lossy(&bytes);
    let advice = "Write one Job of batch/v1 into the file.";
    let bad = |message: String| ActionError::failed("badManifest", message, advice);
    let mut objects =
        read_manifests(path, &text, Substitution::Of(context.variables())).map_err(|error| bad(error.to_string()))?;
    match (objects.pop(), objects.is_empty()) {
        (Some(job), true) => Ok(job.object().clone()),
        (None, _) => Err(bad(format!("{path} holds no object"))),
        (Some(_), false) => Err(bad(format!("{path} holds several objects"))),
    }
}
