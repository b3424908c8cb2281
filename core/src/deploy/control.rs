//! What is done with a workload that is there: look, wait, undo, pause, restart, scale, delete, make again.

use std::time::Duration;

use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use super::apply::{as_json, delete_and_wait};
use super::diff::bare;
use super::history::{self, Revision};
use super::manifest::{Manifest, title};
use super::objects::Target;
use super::progress::Progress;
use super::served::ServedKind;
use super::state::RolloutState;
use super::wait::Waiting;
use super::workload::{Workload, WorkloadKind};
use crate::clock::SharedClock;
use crate::cluster::{Cluster, refused};
use crate::explain::{ClusterFailure, code};

/// A workload in a cluster. Made by [`Cluster::workload`].
#[derive(Clone, Debug)]
pub struct Rollout {
    cluster: Cluster,
    workload: Workload,
    namespace: String,
}

impl Cluster {
    /// A workload, in the cluster's own namespace unless another one is named. Nothing is asked yet.
    pub fn workload(&self, workload: Workload, namespace: Option<&str>) -> Rollout {
        let namespace = namespace.unwrap_or(self.namespace()).to_owned();
        Rollout { cluster: self.clone(), workload, namespace }
    }
}

impl Rollout {
    /// How far its rollout is.
    ///
    /// # Errors
    /// `notInCluster`; what the cluster refuses.
    pub async fn status(&self) -> Result<RolloutState, ClusterFailure> {
        Ok(RolloutState::of(&self.object().await?))
    }

    /// Waits until its rollout is done.
    ///
    /// # Errors
    /// `rolloutStuck`, `imagePull` and the like, in the words of its pods, after the limit at the latest.
    pub async fn wait(
        &self,
        limit: Duration,
        clock: &SharedClock,
        progress: &dyn Progress,
    ) -> Result<(), ClusterFailure> {
        let until = clock.now().elapsed + limit;
        let waiting = Waiting { cluster: &self.cluster, clock, progress, until, limit };
        waiting.wait(&self.target(&self.object().await?)?).await
    }

    /// The revisions that it had, the oldest first.
    ///
    /// # Errors
    /// `notInCluster`; what the cluster refuses.
    pub async fn history(&self) -> Result<Vec<Revision>, ClusterFailure> {
        history::of(&self.cluster, self.workload.kind, &self.namespace, &self.object().await?).await
    }

    /// Makes it what it was in a revision; in the one before without a number. Returns the number of that revision.
    ///
    /// # Errors
    /// `noSuchRevision` with those that there are; `notInCluster`; what the cluster refuses.
    pub async fn undo(&self, to: Option<i64>) -> Result<i64, ClusterFailure> {
        let object = self.object().await?;
        if object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
            let message = format!("{}: it is paused, and so is an undo", self.title());
            return Err(ClusterFailure::failed(code::ROLLOUT_PAUSED, message, "Resume it first."));
        }
        let history = history::of(&self.cluster, self.workload.kind, &self.namespace, &object).await?;
        let chosen = match to {
            Some(number) => history.iter().find(|revision| revision.number == number),
            None => history.iter().rev().find(|revision| !revision.current),
        };
        let chosen = chosen.ok_or_else(|| self.no_revision(to, &history))?;
        let mut template = chosen.template.clone();
        // Without this, containers that the revision does not have would stay.
        template["$patch"] = Value::from("replace");
        self.patch(&Patch::Strategic(json!({ "spec": { "template": template } }))).await?;
        Ok(chosen.number)
    }

    /// Changes do nothing until it is resumed. Only a Deployment can do this.
    ///
    /// # Errors
    /// `unsupported` for other kinds; `notInCluster`; what the cluster refuses.
    pub async fn pause(&self) -> Result<(), ClusterFailure> {
        self.set_paused(json!(true)).await
    }

    /// Changes do something again, also those that were made meanwhile.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub async fn resume(&self) -> Result<(), ClusterFailure> {
        self.set_paused(Value::Null).await
    }

    /// Makes all of its pods again, as a rolling update.
    ///
    /// # Errors
    /// `notInCluster`; what the cluster refuses.
    pub async fn restart(&self, clock: &SharedClock) -> Result<(), ClusterFailure> {
        let at = clock.now().wall.to_string();
        let annotations = json!({ "windlass/restarted-at": at });
        self.merge(&json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } })).await
    }

    /// Says how many pods it shall have. A DaemonSet has as many as there are nodes.
    ///
    /// # Errors
    /// `unsupported` for a DaemonSet; `notInCluster`; what the cluster refuses.
    pub async fn scale(&self, replicas: u32) -> Result<(), ClusterFailure> {
        if self.workload.kind == WorkloadKind::DaemonSet {
            return Err(self.unsupported("scaled", "A DaemonSet has one pod on each node that its nodeSelector takes."));
        }
        self.merge(&json!({ "spec": { "replicas": replicas } })).await
    }

    /// Deletes it with its pods. One that is not there is deleted already.
    ///
    /// # Errors
    /// What the cluster refuses.
    pub async fn delete(&self) -> Result<(), ClusterFailure> {
        match self.api().delete(&self.workload.name, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Deletes it with its pods, waits until they are gone, and makes it again: what uses a volume that only one pod may have, or
    /// has to change what cannot be changed in place. Its volume claims stay. There is a gap in its service.
    ///
    /// # Errors
    /// `notInCluster`; what the cluster refuses.
    pub async fn recreate(&self, clock: &SharedClock) -> Result<(), ClusterFailure> {
        let object = self.object().await?;
        delete_and_wait(&self.target(&object)?, clock).await?;
        let mut again = bare(&object);
        if let Some(metadata) = again.get_mut("metadata").and_then(Value::as_object_mut) {
            ["finalizers", "deletionTimestamp", "ownerReferences"]
                .iter()
                .for_each(|field| drop(metadata.remove(*field)));
        }
        let again = serde_json::from_value(again).map_err(|error| self.refused(&kube::Error::SerdeError(error)))?;
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.api().create(&parameters, &again).await.map(drop).map_err(|error| self.refused(&error))
    }

    async fn set_paused(&self, paused: Value) -> Result<(), ClusterFailure> {
        if self.workload.kind != WorkloadKind::Deployment {
            return Err(self.unsupported("paused", "Only a Deployment can be paused."));
        }
        self.merge(&json!({ "spec": { "paused": paused } })).await
    }

    async fn merge(&self, patch: &Value) -> Result<(), ClusterFailure> {
        self.patch(&Patch::Merge(patch)).await
    }

    async fn patch<P: serde::Serialize + std::fmt::Debug>(&self, patch: &Patch<P>) -> Result<(), ClusterFailure> {
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.api().patch(&self.workload.name, &parameters, patch).await.map(drop).map_err(|error| self.refused(&error))
    }

    async fn object(&self) -> Result<Value, ClusterFailure> {
        self.api().get(&self.workload.name).await.map(|object| as_json(&object)).map_err(|error| self.refused(&error))
    }

    fn target(&self, object: &Value) -> Result<Target, ClusterFailure> {
        let manifest = Manifest::new(object.clone(), self.title());
        let manifest = manifest.map_err(|why| ClusterFailure::failed(code::CLUSTER_REFUSED, why, ""))?;
        let kind = ServedKind::of_workload(self.workload.kind);
        Ok(Target { manifest, kind, api: self.api() })
    }

    fn api(&self) -> Api<DynamicObject> {
        self.workload.kind.api(self.cluster.client().clone(), &self.namespace)
    }

    fn title(&self) -> String {
        title(self.workload.kind.as_str(), Some(&self.namespace), &self.workload.name)
    }

    fn refused(&self, error: &kube::Error) -> ClusterFailure {
        refused(&self.title(), error)
    }

    fn unsupported(&self, what: &str, advice: &str) -> ClusterFailure {
        ClusterFailure::failed(code::UNSUPPORTED, format!("{}: it cannot be {what}", self.title()), advice)
    }

    fn no_revision(&self, to: Option<i64>, history: &[Revision]) -> ClusterFailure {
        let numbers: Vec<String> = history.iter().map(|revision| revision.number.to_string()).collect();
        let message = match to {
            Some(number) => format!("{}: it has no revision {number}", self.title()),
            None => format!("{}: there is nothing to go back to", self.title()),
        };
        let advice = format!("It has {}; `revisionHistoryLimit` says how many are kept.", numbers.join(", "));
        ClusterFailure::failed(code::NO_REVISION, message, advice)
    }
}
