//! Undoing what a deployment did.

use kube::Error;
use kube::api::{DeleteParams, PostParams};
use serde_json::Value;

use super::FIELD_MANAGER;
use super::apply::{self, Applied, Outcome};
use super::diff::bare;
use super::objects::Target;
use super::progress::Progress;
use crate::cluster::refused;
use crate::explain::ClusterFailure;

/// Puts objects back as they were, the last one first; those that were not there before are deleted. What holds data stays. It goes
/// on after a failure; the lines say what could not be undone.
pub(super) async fn undo(done: &[(&Target, Outcome)], progress: &dyn Progress) {
    for (target, outcome) in done.iter().rev() {
        let undone = match (&outcome.before, outcome.applied) {
            (_, Applied::Unchanged) => continue,
            (None, _) if holds_data(target.manifest.kind()) => continue,
            (None, _) => remove(target).await.map(|()| "deleted again"),
            (Some(before), _) => put_back(target, before).await.map(|()| "as it was before"),
        };
        let line = match undone {
            Ok(what) => format!("{}: {what}", target.title()),
            Err(failure) => format!("{}: cannot be undone: {failure}", target.title()),
        };
        progress.line(&line).await;
    }
}

fn holds_data(kind: &str) -> bool {
    matches!(kind, "Namespace" | "PersistentVolume" | "PersistentVolumeClaim" | "CustomResourceDefinition")
}

async fn remove(target: &Target) -> Result<(), ClusterFailure> {
    match target.api.delete(target.manifest.name(), &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(refused(&target.title(), &error)),
    }
}

/// Replaces the object by what it was, whatever it is now.
async fn put_back(target: &Target, before: &Value) -> Result<(), ClusterFailure> {
    let now = apply::look(target).await?;
    let mut object = bare(before);
    if let Some(version) = now.as_ref().and_then(|now| now.pointer("/metadata/resourceVersion")) {
        object["metadata"]["resourceVersion"] = version.clone();
    }
    let failed = |error| refused(&target.title(), &error);
    let object = serde_json::from_value(object).map_err(|error| failed(Error::SerdeError(error)))?;
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match now {
        Some(_) => target.api.replace(target.manifest.name(), &parameters, &object).await.map(drop).map_err(failed),
        None => target.api.create(&parameters, &object).await.map(drop).map_err(failed),
    }
}
