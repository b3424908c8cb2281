//! What a task can do. The backends of most come with their features; the types are complete from the start, so that a
//! definition written today reads the same tomorrow.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::model::{is_default, is_false};
use super::name::CredentialName;
use super::template::Template;

/// What a task does. Exactly one of these is a key of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Runs a script in the executor. Variables reach it as environment, never as text.
    Script(String),
    /// Brings a git repository into the workspace.
    Checkout(Checkout),
    /// Builds a container image, and pushes it.
    BuildImage(BuildImage),
    /// Applies Kubernetes manifests and waits for the rollout.
    DeployManifests(DeployManifests),
    /// Packages a Helm chart and pushes it.
    PublishChart(PublishChart),
    /// Installs or upgrades a Helm release.
    DeployChart(DeployChart),
    /// Copies files to a host over SSH and runs commands there.
    SyncFiles(SyncFiles),
    /// Runs a Kubernetes Job to its end.
    RunJob(RunJob),
    /// Waits for a person to say yes.
    Approve(Approve),
    /// An action that the embedder registered.
    Custom(Custom),
}

/// The keys of all actions, in the order of [`Action`].
pub(super) const ACTION_KEYS: [&str; 10] = [
    "script",
    "checkout",
    "buildImage",
    "deployManifests",
    "publishChart",
    "deployChart",
    "syncFiles",
    "runJob",
    "approve",
    "custom",
];

impl Action {
    /// The key under which it stands in the document.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Script(_) => "script",
            Self::Checkout(_) => "checkout",
            Self::BuildImage(_) => "buildImage",
            Self::DeployManifests(_) => "deployManifests",
            Self::PublishChart(_) => "publishChart",
            Self::DeployChart(_) => "deployChart",
            Self::SyncFiles(_) => "syncFiles",
            Self::RunJob(_) => "runJob",
            Self::Approve(_) => "approve",
            Self::Custom(_) => "custom",
        }
    }
}

impl Action {
    /// The outputs that the action has without a declaration.
    pub fn outputs(&self) -> &'static [&'static str] {
        match self {
            Self::BuildImage(build) if build.push => &["DIGEST"],
            _ => &[],
        }
    }

    /// What it is told in the definition, as JSON in which variables are not replaced yet: `with` of `custom`, and what stands
    /// under the key of any other.
    pub fn settings(&self) -> serde_json::Value {
        let settings = match self {
            Self::Script(text) => Ok(serde_json::Value::String(text.clone())),
            Self::Checkout(settings) => serde_json::to_value(settings),
            Self::BuildImage(settings) => serde_json::to_value(settings),
            Self::DeployManifests(settings) => serde_json::to_value(settings),
            Self::PublishChart(settings) => serde_json::to_value(settings),
            Self::DeployChart(settings) => serde_json::to_value(settings),
            Self::SyncFiles(settings) => serde_json::to_value(settings),
            Self::RunJob(settings) => serde_json::to_value(settings),
            Self::Approve(settings) => serde_json::to_value(settings),
            Self::Custom(custom) => Ok(serde_json::Value::Object(custom.with.clone().into_iter().collect())),
        };
        // Maps with texts as keys can always be written.
        settings.unwrap_or_default()
    }
}

/// Brings a commit of a git repository into the workspace, over what is there.
///
/// The first checkout of a run also says for which commit the run is, unless its trigger did: `CI_COMMIT_SHA`,
/// `CI_COMMIT_SHORT_SHA`, `CI_COMMIT_BRANCH`, `CI_COMMIT_TAG`, `CI_COMMIT_MESSAGE`, `CI_COMMIT_AUTHOR`, `CI_REPOSITORY_URL` and
/// `commit.*` in `when` have it for all tasks after it. What the trigger left out is taken from the first checkout of the same commit. Others change nothing
/// about that; side by side, the one that ends first counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkout {
    /// Where the repository is: `https://…`, `ssh://…`, `git@host:path` or a local path.
    pub url: Template,
    /// The branch, the tag, the 40 digits of a commit, a merge request (`pull/7`, `merge-requests/7`) or a full name below
    /// `refs/`. What the remote has checked out, its default branch, when unset or empty.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Template>,
    /// The credential to fetch with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// The folder in the workspace, so that several checkouts stand side by side. The workspace itself when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Template>,
    /// How many commits of history the workspace gets. All when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<std::num::NonZeroU32>,
    /// Whether submodules are fetched as well. The credential is used for those at the same host only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub submodules: bool,
    /// Certificates of authorities, in PEM, that are trusted beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<Template>,
    /// Whether the host's certificate is looked at. True when unset; without it, whoever is in between reads the credential.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub verify_certificate: bool,
}

/// Builds a container image, and pushes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildImage {
    /// The folder whose files the build sees. The workspace when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Template>,
    /// The Dockerfile, relative to the context. `Dockerfile` when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Template>,
    /// The image's name without a tag, such as `registry:5000/team/web`.
    pub image: Template,
    /// The tags. `latest` when unset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Template>,
    /// Build arguments.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub args: IndexMap<String, Template>,
    /// Labels of the image.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, Template>,
    /// The stage of the Dockerfile to build. The last one when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Template>,
    /// A file in the workspace with an image as `docker save` writes it, which is pushed instead of building one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Template>,
    /// The credential of the registry. Base images from the same registry are pulled with it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// Credentials of the kind `registry` with which base images of other registries are pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_credentials: Vec<CredentialName>,
    /// Whether the image is pushed. True when unset. Then the task has the output `DIGEST`.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub push: bool,
    /// Whether every instruction is carried out again, also where a layer of an earlier build would do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_cache: bool,
    /// Whether the registry may be spoken to over plain HTTP.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure: bool,
}

/// Applies Kubernetes manifests and waits for the rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployManifests {
    /// Files and globs, relative to the workspace.
    pub paths: Vec<Template>,
    /// The name of the cluster, as the embedder registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Template>,
    /// The namespace of objects that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Template>,
    /// Whether the namespace is made when it is missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub create_namespace: bool,
    /// A registry credential from which the pull secret is made when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_credential: Option<CredentialName>,
    /// How long to wait for the rollout. 5 minutes when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
    /// Whether variables of the run are replaced in the files. True when unset.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub substitute: bool,
    /// Whether a failed rollout is undone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rollback: bool,
    /// Whether objects of earlier deployments that are no longer in the files are deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prune: bool,
    /// Whether the log only says what would change, as the cluster judges it, and nothing does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
}

/// Packages a Helm chart and pushes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishChart {
    /// The chart's folder, relative to the workspace.
    pub path: Template,
    /// The repository, `oci://…` or `https://…`.
    pub repository: Template,
    /// The chart's name, when it differs from `Chart.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Template>,
    /// The version, when it differs from `Chart.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Template>,
    /// The credential of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
}

/// Installs or upgrades a Helm release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployChart {
    /// The release's name.
    pub release: Template,
    /// The chart: a folder, or a name in the repository.
    pub chart: Template,
    /// The repository, `oci://…` or `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Template>,
    /// The chart's version. The newest when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Template>,
    /// The name of the cluster, as the embedder registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Template>,
    /// The release's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Template>,
    /// Values over those of the chart. Variables are replaced in the texts among them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, serde_json::Value>,
    /// Files of values, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<Template>,
    /// The credential of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// How long to wait until everything is ready. 5 minutes when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
}

/// Copies files to a host over SSH and runs commands there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncFiles {
    /// The host's name or address.
    pub host: Template,
    /// The port. 22 when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The credential: user and password, or user and key.
    pub credential: CredentialName,
    /// What is copied, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<Transfer>,
    /// Commands run on the host after the transfers. Variables reach them as environment, never as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// How long a connection may take to come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
}

/// One set of files on their way to a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// Globs, relative to the workspace.
    pub include: Vec<Template>,
    /// Globs that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Template>,
    /// The beginning that is cut off the files' paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<Template>,
    /// The folder on the host.
    pub to: Template,
    /// Whether the folder is emptied first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub clean: bool,
}

/// Runs a Kubernetes Job to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunJob {
    /// The manifest's file, relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Template>,
    /// The manifest itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<serde_json::Value>,
    /// The name of the cluster, as the embedder registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Template>,
    /// The namespace of a Job that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Template>,
}

/// Waits for a person to say yes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approve {
    /// What the person is asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub message: Template,
    /// Opaque names of those who may decide, for the portal to enforce. Anyone when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
}

/// An action that the embedder registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Custom {
    /// The name under which it was registered.
    pub name: String,
    /// Its settings; the action itself checks them. Variables are replaced in the texts among them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: IndexMap<String, serde_json::Value>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}
