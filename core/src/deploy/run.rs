//! A deployment from its manifests to its end.

use std::collections::BTreeSet;

use futures::future;
use kube::api::{DeleteParams, ListParams};
use kube::discovery::Scope;
use serde::Serialize;
use serde_json::Value;

use super::apply::{self, Applied, Mode, Outcome, as_json};
use super::diff::{ObjectPreview, PreviewAction, changes};
use super::manifest::{Manifest, title};
use super::namespaces;
use super::objects::{self, Target};
use super::options::{DEPLOYMENT, DeployOptions, Pruning};
use super::progress::Progress;
use super::prune::{self, Identity};
use super::pull_secret;
use super::rollback;
use super::served::Served;
use super::wait::Waiting;
use crate::clock::SharedClock;
use crate::cluster::{Cluster, refused};
use crate::explain::{ClusterFailure, code};

/// What a deployment did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployReport {
    /// The objects in the order in which they were applied, those that were deleted at the end.
    pub objects: Vec<(String, ObjectOutcome)>,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectOutcome {
    /// It was made.
    Created,
    /// It was changed.
    Changed,
    /// It was as it shall be.
    Unchanged,
    /// It was deleted and made again.
    Replaced,
    /// It was deleted, since the files no longer have it.
    Deleted,
}

impl From<Applied> for ObjectOutcome {
    fn from(applied: Applied) -> Self {
        match applied {
            Applied::Created => Self::Created,
            Applied::Changed => Self::Changed,
            Applied::Unchanged => Self::Unchanged,
            Applied::Replaced => Self::Replaced,
        }
    }
}

impl Cluster {
    /// Applies objects in the order in which they need each other, and waits until they are as they shall be. The future may be
    /// dropped: what was applied stays.
    ///
    /// # Errors
    /// `apiNotServed` with the successor, `noNamespace`, `fieldConflict` with the owner, `forbidden` with the rule that is missing,
    /// `quotaExceeded`, `admissionDenied` …; `imagePull`, `outOfMemory` and `rolloutStuck` for a rollout that does not come to its
    /// end. With `rollback` everything is then as it was before.
    pub async fn deploy(
        &self,
        manifests: Vec<Manifest>,
        options: &DeployOptions,
        clock: &SharedClock,
        progress: &dyn Progress,
    ) -> Result<DeployReport, ClusterFailure> {
        let served = Served::ask(self).await?;
        let mut targets = self.targets(&served, manifests, options)?;
        namespaces::ensure(self, &targets, options, progress).await?;
        if let Some(secret) = &options.pull_secret {
            let made_first = targets.iter().filter(|target| target.manifest.kind() == "Namespace");
            for target in made_first {
                apply::apply(target, Mode::Real, clock).await?;
            }
            pull_secret::make_all(self, &targets, secret, progress).await?;
            pull_secret::attach(self, &mut targets, secret).await;
        }
        let mut done = Vec::with_capacity(targets.len());
        let rolled_out = self.roll_out(&targets, options, clock, progress, &mut done).await;
        if let Err(failure) = rolled_out {
            if options.rollback {
                progress.line(&format!("the deployment failed, and is undone: {}", failure.message)).await;
                rollback::undo(&done, progress).await;
            }
            return Err(failure);
        }
        let mut report = DeployReport::default();
        report.objects.extend(done.iter().map(|(target, outcome)| (target.title(), outcome.applied.into())));
        if options.pruning == Pruning::On {
            for object in self.prune(&served, &targets, options, Mode::Real).await? {
                progress.line(&format!("{object}: deleted, since the files no longer have it")).await;
                report.objects.push((object, ObjectOutcome::Deleted));
            }
        }
        Ok(report)
    }

    /// Says what a deployment would do; the cluster judges it as if it were meant, and nothing is changed.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy), as far as it comes.
    pub async fn preview(
        &self,
        manifests: Vec<Manifest>,
        options: &DeployOptions,
        clock: &SharedClock,
    ) -> Result<Vec<ObjectPreview>, ClusterFailure> {
        let served = Served::ask(self).await?;
        let mut targets = self.targets(&served, manifests, options)?;
        if let Some(secret) = &options.pull_secret {
            pull_secret::attach(self, &mut targets, secret).await;
        }
        let absent = namespaces::absent(self, &targets).await;
        let mut previews = Vec::with_capacity(targets.len());
        for target in &targets {
            let missing = target.manifest.namespace().filter(|namespace| absent.contains(*namespace));
            // The cluster judges nothing in a namespace that is not there.
            let (action, changes) = match missing {
                Some(namespace) if !options.create_namespace && !makes(&targets, namespace) => {
                    return Err(namespaces::missing(namespace));
                }
                Some(_) => (PreviewAction::Create, Vec::new()),
                None => previewed(&apply::apply(target, Mode::DryRun, clock).await?),
            };
            previews.push(ObjectPreview { object: target.title(), action, changes });
        }
        if options.pruning == Pruning::On {
            for object in self.prune(&served, &targets, options, Mode::DryRun).await? {
                previews.push(ObjectPreview { object, action: PreviewAction::Delete, changes: Vec::new() });
            }
        }
        Ok(previews)
    }

    fn targets(
        &self,
        served: &Served,
        manifests: Vec<Manifest>,
        options: &DeployOptions,
    ) -> Result<Vec<Target>, ClusterFailure> {
        let namespace = options.namespace.as_deref().unwrap_or(self.namespace());
        objects::settle(served, manifests, namespace, &options.name)
    }

    /// Applies all, waits on the way for what others need, and at the end for all of them.
    async fn roll_out<'t>(
        &self,
        targets: &'t [Target],
        options: &DeployOptions,
        clock: &SharedClock,
        progress: &dyn Progress,
        done: &mut Vec<(&'t Target, Outcome)>,
    ) -> Result<(), ClusterFailure> {
        let until = clock.now().elapsed + options.wait;
        let waiting = Waiting { cluster: self, clock, progress, until, limit: options.wait };
        for target in targets {
            let outcome = apply::apply(target, Mode::Real, clock).await?;
            progress.line(&format!("{}: {}", target.title(), word(outcome.applied))).await;
            tell_changes(&outcome, progress).await;
            done.push((target, outcome));
            if matches!(target.manifest.kind(), "Namespace" | "CustomResourceDefinition") {
                waiting.wait(target).await?;
            }
        }
        let all = future::join_all(targets.iter().map(|target| waiting.wait(target))).await;
        all.into_iter().collect()
    }

    /// Deletes what carries the deployment's label and is not among the targets; returns its titles.
    async fn prune(
        &self,
        served: &Served,
        targets: &[Target],
        options: &DeployOptions,
        mode: Mode,
    ) -> Result<Vec<String>, ClusterFailure> {
        let wanted: BTreeSet<Identity> = targets.iter().map(Target::identity).collect();
        let own = options.namespace.as_deref().unwrap_or(self.namespace());
        let spaces: BTreeSet<&str> =
            targets.iter().filter_map(|target| target.manifest.namespace()).chain([own]).collect();
        let selector = ListParams::default().labels(&format!("{DEPLOYMENT}={}", options.name));
        let mut pruned = Vec::new();
        for (group, kind) in prune::PRUNED {
            let Some(found) = served.removable(group, kind).filter(|found| found.scope == Scope::Namespaced) else {
                continue;
            };
            for namespace in &spaces {
                let api = served.api(&found, Some(namespace));
                let doing = format!("{kind}s in {namespace:?}");
                let listed = match api.list(&selector).await.map_err(|error| refused(&doing, &error)) {
                    Ok(listed) => listed,
                    // Who may not even list a kind has put none of it there.
                    Err(failure) if failure.code == code::FORBIDDEN => continue,
                    Err(failure) => return Err(failure),
                };
                for object in listed {
                    let mut json = as_json(&object);
                    // Items of a list do not name their kind.
                    json["kind"] = Value::from(kind);
                    let identity = prune::identity(&json, group);
                    if !prune::is_pruned(&json, &identity, &wanted) {
                        continue;
                    }
                    let name = identity.3;
                    let object = title(kind, Some(namespace), &name);
                    if mode == Mode::Real {
                        let deleted = api.delete(&name, &DeleteParams::background()).await;
                        deleted.map_err(|error| refused(&object, &error))?;
                    }
                    pruned.push(object);
                }
            }
        }
        Ok(pruned)
    }
}

/// Says which fields of an object became another.
async fn tell_changes(outcome: &Outcome, progress: &dyn Progress) {
    const SHOWN: usize = 20;
    let Some(before) = outcome.before.as_ref().filter(|_| outcome.applied == Applied::Changed) else { return };
    let changes = changes(before, &outcome.after);
    for change in changes.iter().take(SHOWN) {
        progress.line(&format!("    {change}")).await;
    }
    if changes.len() > SHOWN {
        progress.line(&format!("    and {} more fields", changes.len() - SHOWN)).await;
    }
}

fn makes(targets: &[Target], namespace: &str) -> bool {
    targets.iter().any(|target| target.manifest.kind() == "Namespace" && target.manifest.name() == namespace)
}

fn previewed(outcome: &Outcome) -> (PreviewAction, Vec<super::FieldChange>) {
    let Some(before) = &outcome.before else { return (PreviewAction::Create, Vec::new()) };
    let changes = changes(before, &outcome.after);
    (if changes.is_empty() { PreviewAction::Keep } else { PreviewAction::Change }, changes)
}

fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Created => "created",
        Applied::Changed => "changed",
        Applied::Unchanged => "unchanged",
        Applied::Replaced => "replaced",
    }
}
