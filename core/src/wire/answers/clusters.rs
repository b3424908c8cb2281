//! The clusters that an engine knows, and what runs in them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::{Answers, read, unknown, value};
use crate::cluster::{Cluster, ClusterAccess, NewCluster, missing_role_yaml, role_yaml};
use crate::deploy::{
    DeployOptions, Manifest, Pruning, Rollout, RolloutState, Silent, Substitution, Workload, read_manifests,
};
use crate::engine::{ClusterRemoval, Clusters, cluster_error};
use crate::error::{Error, ErrorKind, Result};
use crate::explain::ClusterFailure;
use crate::pipeline::HumanDuration;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Add {
    name: String,
    access: ClusterAccess,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    pub(super) by: String,
}

impl Add {
    pub(super) fn cluster(&self) -> NewCluster {
        let Self { name, access, namespace, .. } = self;
        NewCluster { name: name.clone(), access: access.clone(), namespace: namespace.clone() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfName {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Remove {
    pub(super) name: String,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    pub(super) by: String,
}

impl Remove {
    pub(super) fn removal(&self) -> ClusterRemoval {
        if self.force { ClusterRemoval::Forced } else { ClusterRemoval::WhenUnused }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rights {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Role {
    namespace: String,
    account: String,
}

/// Manifests for a cluster, as text. What is left out is as in [`DeployOptions::new`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Deploy {
    cluster: String,
    deployment: String,
    manifests: String,
    #[serde(default)]
    variables: Option<BTreeMap<String, String>>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    create_namespace: bool,
    #[serde(default)]
    wait: Option<HumanDuration>,
    #[serde(default)]
    rollback: bool,
    #[serde(default)]
    prune: bool,
}

impl Deploy {
    fn manifests(&self) -> Result<Vec<Manifest>> {
        let substitution = self.variables.as_ref().map_or(Substitution::Off, Substitution::Of);
        read_manifests("manifests", &self.manifests, substitution).map_err(|error| {
            Error::new(ErrorKind::Invalid, "badManifest", "deploy", error.to_string()).with_source(error)
        })
    }

    fn options(&self) -> DeployOptions {
        let usual = DeployOptions::new(&self.deployment);
        DeployOptions {
            namespace: self.namespace.clone(),
            create_namespace: self.create_namespace,
            wait: self.wait.map_or(usual.wait, HumanDuration::get),
            rollback: self.rollback,
            pruning: if self.prune { Pruning::On } else { Pruning::Off },
            ..usual
        }
    }
}

/// A workload, and what else a request about it needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfWorkload {
    cluster: String,
    #[serde(deserialize_with = "workload")]
    workload: Workload,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    limit: Option<HumanDuration>,
    #[serde(default)]
    revision: Option<i64>,
    #[serde(default)]
    replicas: u32,
}

fn workload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Workload, D::Error> {
    Workload::from_str(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[async_trait]
impl Answers for Clusters {
    async fn answer(&self, request: &str, arguments: &str) -> Result<Value> {
        match request {
            "add" => {
                let add: Add = read(arguments, "addCluster")?;
                value(self.add(add.cluster(), &add.by).await?)
            }
            "stored" => value(self.stored().await?),
            "list" => value(self.list().await?),
            "test" => value(self.test(&read::<OfName>(arguments, "testCluster")?.name).await?),
            "users" => value(self.users(&read::<OfName>(arguments, "findUsers")?.name).await?),
            "remove" => {
                let remove: Remove = read(arguments, "removeCluster")?;
                value(self.remove(&remove.name, remove.removal(), &remove.by).await?)
            }
            "rights" => {
                let Rights { name, namespace } = read(arguments, "checkRights")?;
                let cluster = self.connect(&name).await?;
                let namespace = namespace.unwrap_or_else(|| cluster.namespace().to_owned());
                let checks = cluster.check_rights(&namespace).await;
                value(checks.map_err(|failure| cluster_error("checkRights", failure))?)
            }
            "missingRole" => {
                let Rights { name, namespace } = read(arguments, "checkRights")?;
                let cluster = self.connect(&name).await?;
                let namespace = namespace.unwrap_or_else(|| cluster.namespace().to_owned());
                let asked = futures::future::try_join(cluster.check_rights(&namespace), cluster.user()).await;
                let (checks, user) = asked.map_err(|failure| cluster_error("checkRights", failure))?;
                value(missing_role_yaml(&namespace, user.as_deref().unwrap_or("WHO-ASKS"), &checks))
            }
            "role" => {
                let Role { namespace, account } = read(arguments, "role")?;
                value(role_yaml(&namespace, &account))
            }
            "deploy" | "preview" => self.deployment(request, &read(arguments, "deploy")?).await,
            other => self.rollout(other, read(arguments, "rollout")?).await,
        }
    }
}

impl Clusters {
    async fn deployment(&self, request: &str, deploy: &Deploy) -> Result<Value> {
        let failed = |failure| cluster_error("deploy", failure);
        let (manifests, options) = (deploy.manifests()?, deploy.options());
        let cluster: Cluster = self.connect(&deploy.cluster).await?;
        if request == "preview" {
            return value(cluster.preview(manifests, &options, &self.clock()).await.map_err(failed)?);
        }
        let report = cluster.deploy(manifests, &options, &self.clock(), &Silent).await.map_err(failed)?;
        let objects = report.objects.iter();
        let objects = objects.map(|(object, outcome)| json!({ "object": object, "outcome": outcome }));
        Ok(json!({ "objects": objects.collect::<Vec<_>>() }))
    }

    async fn rollout(&self, request: &str, asked: OfWorkload) -> Result<Value> {
        let cluster = self.connect(&asked.cluster).await?;
        let rollout = cluster.workload(asked.workload.clone(), asked.namespace.as_deref());
        let done = self.obeyed(request, &asked, &rollout).await;
        let Some(done) = done else { return Err(unknown("the clusters", request)) };
        done.map_err(|failure| cluster_error("rollout", failure))
    }

    /// `None` for a word that is no request.
    async fn obeyed(
        &self,
        request: &str,
        asked: &OfWorkload,
        rollout: &Rollout,
    ) -> Option<Result<Value, ClusterFailure>> {
        let nothing = |()| Value::Null;
        Some(match request {
            "status" => rollout.status().await.map(state),
            "wait" => {
                let limit = asked.limit.map_or(Duration::from_secs(300), HumanDuration::get);
                rollout.wait(limit, &self.clock(), &Silent).await.map(nothing)
            }
            "history" => rollout.history().await.map(|revisions| json!(revisions)),
            "undo" => rollout.undo(asked.revision).await.map(Value::from),
            "pause" => rollout.pause().await.map(nothing),
            "resume" => rollout.resume().await.map(nothing),
            "restart" => rollout.restart(&self.clock()).await.map(nothing),
            "scale" => rollout.scale(asked.replicas).await.map(nothing),
            "delete" => rollout.delete().await.map(nothing),
            "recreate" => rollout.recreate(&self.clock()).await.map(nothing),
            _ => return None,
        })
    }
}

/// How far a rollout is, and the sentence that says it.
fn state(state: RolloutState) -> Value {
    let (word, message) = match state {
        RolloutState::Done => ("done", None),
        RolloutState::Going(how) => ("going", Some(how)),
        RolloutState::Failed(why) => ("failed", Some(why)),
    };
    json!({ "state": word, "message": message })
}
