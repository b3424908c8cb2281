//! `deployManifests`: manifests of the workspace applied to a cluster.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use serde_json::Value;
use tar::Archive;

use super::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem, files};
use crate::cluster::ClusterSource;
use crate::deploy::{
    DeployOptions, Manifest, ObjectPreview, Progress, Pruning, PullSecret, Substitution, deployment_label,
    read_manifests,
};
use crate::executor::stream::pipe;
use crate::explain::{ClusterFailure, FailureClass};
use crate::pipeline::{CredentialName, HumanDuration};
use crate::secret::Credential;

/// The most bytes of files that a deployment reads.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Applies manifests and waits for the rollout.
#[derive(Debug)]
pub(crate) struct DeployManifests {
    clusters: Arc<dyn ClusterSource>,
}

/// The settings of a task, with variables replaced.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    paths: Vec<String>,
    cluster: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    create_namespace: bool,
    pull_credential: Option<CredentialName>,
    wait: Option<HumanDuration>,
    #[serde(default = "yes")]
    substitute: bool,
    #[serde(default)]
    rollback: bool,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

impl DeployManifests {
    pub(crate) fn new(clusters: Arc<dyn ClusterSource>) -> Self {
        Self { clusters }
    }

    async fn deploy(&self, context: &ActionContext) -> Result<(), ActionError> {
        let settings: Settings = context.settings()?;
        let cluster = self.clusters.cluster(settings.cluster.as_deref()).await?;
        let manifests = manifests(context, &settings).await?;
        let mut options = DeployOptions::new(format!("{}.{}", context.pipeline(), context.task()));
        options.namespace = settings.namespace;
        options.create_namespace = settings.create_namespace;
        options.rollback = settings.rollback;
        options.wait = settings.wait.map_or(options.wait, |wait| wait.get());
        options.pruning = if settings.prune { Pruning::On } else { Pruning::Off };
        if let Some(name) = &settings.pull_credential {
            options.pull_secret = Some(pull_secret(name, &context.credential(name.as_str()).await?)?);
        }
        let count = manifests.len();
        context.log_line(format!("{count} objects for {} ({})", cluster.name(), cluster.server())).await;
        if settings.dry_run {
            let previews = cluster.preview(manifests, &options, context.clock()).await?;
            for line in previews.iter().flat_map(ObjectPreview::lines) {
                context.log_line(line).await;
            }
            return Ok(());
        }
        cluster.deploy(manifests, &options, context.clock(), context).await?;
        Ok(())
    }
}

#[async_trait]
impl ActionHandler for DeployManifests {
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        match settings.get("paths").and_then(Value::as_array) {
            Some(paths) if paths.is_empty() => vec![SettingsProblem::new("paths", "name at least one file or glob")],
            _ => Vec::new(),
        }
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        tokio::select! {
            biased;
            done = self.deploy(&context) => done.map(|()| ActionOutput::default()),
            () = context.cancelled() => {
                context.log_line("stopped; what was applied stays, and the cluster goes on with it").await;
                Err(ActionError::cancelled())
            }
        }
    }
}

#[async_trait]
impl Progress for ActionContext {
    async fn line(&self, line: &str) {
        self.log_line(line).await;
    }
}

impl From<ClusterFailure> for ActionError {
    fn from(failure: ClusterFailure) -> Self {
        match failure.class {
            FailureClass::Infrastructure => Self::infrastructure(failure.code, failure.message, failure.advice),
            _ => Self::failed(failure.code, failure.message, failure.advice),
        }
    }
}

/// The objects of all files that the paths take, in the order of the paths.
async fn manifests(context: &ActionContext, settings: &Settings) -> Result<Vec<Manifest>, ActionError> {
    let substitution = if settings.substitute { Substitution::Of(context.variables()) } else { Substitution::Off };
    let mut manifests = Vec::new();
    let mut read = Vec::new();
    for path in &settings.paths {
        let found = texts(context, path).await?;
        if found.is_empty() {
            let message = format!("no file of the workspace fits {path:?}");
            let advice = "Look at the path, and whether an earlier task brings the files (`checkout`).";
            return Err(ActionError::failed("fileNotFound", message, advice));
        }
        for (file, text) in found {
            if read.contains(&file) {
                continue;
            }
            let objects = read_manifests(&file, &text, substitution);
            manifests.extend(objects.map_err(|error| {
                ActionError::failed("badManifest", error.to_string(), "Correct the file, and run the pipeline again.")
            })?);
            read.push(file);
        }
    }
    Ok(manifests)
}

/// The files that a path or glob takes, by their names. Only the folder before the first wildcard is read.
async fn texts(context: &ActionContext, path: &str) -> Result<BTreeMap<String, String>, ActionError> {
    let path = path.trim_start_matches("./");
    let Some(wild) = path.find(['*', '?', '[', '{']) else {
        let bytes = context.read_file(path, MAX_BYTES).await?;
        return Ok(BTreeMap::from([(path.to_owned(), text(path, &bytes)?)]));
    };
    let bad =
        |error: globset::Error| ActionError::failed("badSettings", format!("{path:?}: {error}"), "Correct the glob.");
    let glob = GlobBuilder::new(path).literal_separator(true).build().map_err(bad)?;
    let glob = GlobSetBuilder::new().add(glob).build().map_err(bad)?;
    let folder = path[..wild].rsplit_once('/').map_or(".", |(folder, _)| folder);
    let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
    let above = above.to_owned();
    let (feed, inlet) = pipe(context.read(folder).await?);
    let job = tokio::task::spawn_blocking(move || matching(inlet, &glob, &above));
    let (fed, found) = futures::join!(feed, job);
    fed.map_err(|error| files::not_found(folder, error))?;
    let died = |error: tokio::task::JoinError| ActionError::infrastructure("jobDied", error.to_string(), "");
    let found = found.map_err(died)??;
    found.into_iter().map(|(name, bytes)| text(&name, &bytes).map(|text| (name, text))).collect()
}

/// The files of an archive that a glob takes, whatever else is in it. `above` is the folder in which the archive's own stands.
fn matching(archive: impl Read, glob: &GlobSet, above: &str) -> Result<BTreeMap<String, Vec<u8>>, ActionError> {
    let broken = |error: std::io::Error| ActionError::infrastructure("badArchive", error.to_string(), "");
    let mut found = BTreeMap::new();
    let mut room = MAX_BYTES as u64;
    for entry in Archive::new(archive).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let inner = entry.path().map_err(broken)?.to_string_lossy().trim_start_matches("./").to_owned();
        let name = if above.is_empty() { inner } else { format!("{above}/{inner}") };
        if !glob.is_match(&name) {
            continue;
        }
        room = room.checked_sub(entry.size()).ok_or_else(|| {
            let message = format!("the files that the paths take hold more than {MAX_BYTES} bytes, with {name:?}");
            ActionError::failed("fileTooLarge", message, "Let the glob take manifests only.")
        })?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        found.insert(name, bytes);
    }
    Ok(found)
}

fn text(path: &str, bytes: &[u8]) -> Result<String, ActionError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| ActionError::failed("badManifest", format!("{path:?} is no text"), "Name files of YAML or JSON."))
}

/// The pull secret that a credential makes.
fn pull_secret(name: &CredentialName, credential: &Credential) -> Result<PullSecret, ActionError> {
    let secret = deployment_label(&format!("windlass-pull-{}", name.as_str())).to_lowercase().replace(['_', '.'], "-");
    let (server, user, password) = match credential {
        Credential::Registry { server, user, password } => (Some(server.clone()), user, password),
        Credential::UserPassword { user, password } => (None, user, password),
        other => {
            let message =
                format!("the credential {:?} is a {}, and opens no registry", name.as_str(), other.kind().as_str());
            return Err(ActionError::failed("credential", message, "Name one of the kind registry or userPassword."));
        }
    };
    Ok(PullSecret { name: secret, server, user: user.clone(), password: password.clone() })
}
