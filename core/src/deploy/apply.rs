//! One object applied.

use std::time::Duration;

use kube::Error;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, ValidationDirective};
use serde_json::Value;

use super::FIELD_MANAGER;
use super::objects::Target;
use crate::clock::SharedClock;
use crate::cluster::refused;
use crate::explain::{ClusterFailure, code};

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Created,
    Changed,
    Unchanged,
    /// It was deleted and made again, since it cannot be changed in place.
    Replaced,
}

/// An object as it was and as it is.
pub(super) struct Outcome {
    pub(super) before: Option<Value>,
    pub(super) after: Value,
    pub(super) applied: Applied,
}

/// How an object is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// For good.
    Real,
    /// The cluster only says what would become of it.
    DryRun,
}

/// The object as the cluster has it now.
pub(super) async fn look(target: &Target) -> Result<Option<Value>, ClusterFailure> {
    let found = target.api.get_opt(target.manifest.name()).await.map_err(|error| refused(&target.title(), &error))?;
    Ok(found.map(|object| as_json(&object)))
}

/// Applies an object on the server's side. Of fields that another manager owns it is told; those that Windlass itself set in
/// another way, by an undo or a restart, are its own.
pub(super) async fn apply(target: &Target, mode: Mode, clock: &SharedClock) -> Result<Outcome, ClusterFailure> {
    let before = look(target).await?;
    let patched = match patch(target, mode, false).await {
        Err(Error::Api(status)) if status.code == 409 && is_own_conflict(&status) => patch(target, mode, true).await,
        other => other,
    };
    let (after, replaced) = match patched.map_err(|error| refused(&target.title(), &error)) {
        Ok(after) => (after, false),
        // What a Job does cannot be changed: one of an earlier deployment makes room.
        Err(failure)
            if failure.code == code::IMMUTABLE_FIELD && target.manifest.kind() == "Job" && mode == Mode::Real =>
        {
            delete_and_wait(target, clock).await?;
            (patch(target, mode, false).await.map_err(|error| refused(&target.title(), &error))?, true)
        }
        Err(failure) => return Err(failure),
    };
    let after = as_json(&after);
    let version = |object: &Value| object.pointer("/metadata/resourceVersion").cloned();
    let applied = match &before {
        _ if replaced => Applied::Replaced,
        None => Applied::Created,
        Some(before) if version(before) == version(&after) => Applied::Unchanged,
        Some(_) => Applied::Changed,
    };
    Ok(Outcome { before, after, applied })
}

async fn patch(target: &Target, mode: Mode, force: bool) -> Result<DynamicObject, Error> {
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.force = force;
    parameters.dry_run = mode == Mode::DryRun;
    parameters.field_validation = Some(ValidationDirective::Strict);
    target.api.patch(target.manifest.name(), &parameters, &Patch::Apply(target.manifest.object())).await
}

/// Whether all the fields in conflict are Windlass' own.
fn is_own_conflict(status: &kube::core::Status) -> bool {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let own = format!("conflict with \"{FIELD_MANAGER}\"");
    !causes.is_empty() && causes.iter().all(|cause| cause.message.starts_with(&own))
}

/// Deletes an object with what it made, and waits until it is gone.
pub(super) async fn delete_and_wait(target: &Target, clock: &SharedClock) -> Result<(), ClusterFailure> {
    const TRIES: u32 = 600;
    let name = target.manifest.name();
    let doing = |error: &Error| refused(&target.title(), error);
    match target.api.delete(name, &DeleteParams::foreground()).await {
        Ok(_) => {}
        Err(Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(doing(&error)),
    }
    for _ in 0..TRIES {
        if target.api.get_opt(name).await.map_err(|error| doing(&error))?.is_none() {
            return Ok(());
        }
        clock.sleep_until(clock.now().elapsed + Duration::from_millis(200)).await;
    }
    let message = format!("{}: it was deleted, and is still there after two minutes", target.title());
    let advice = "Look at its `metadata.finalizers`: whoever set them has to take them away.";
    Err(ClusterFailure::infrastructure(code::ROLLOUT_STUCK, message, advice))
}

/// An object as JSON.
pub(super) fn as_json(object: &DynamicObject) -> Value {
    // What came as JSON can be written as JSON.
    serde_json::to_value(object).unwrap_or_default()
}
