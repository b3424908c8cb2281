//! The pods with workspaces, and their owners: made, found, kept, taken over and removed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::{self, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy};
use serde_json::json;

use super::convert::{self, KEEPER};
use super::live::HomePod;
use super::names::{GENERATION, KEPT, KIND, POD, RUN, STOPPED, run_of};
use super::pull::pull_of;
use super::reach::{is_conflict, is_missing};
use super::run::LOOK;
use super::shape::{Home, Shape};
use super::status::{ended_pod, may_run, running};
use super::{Shared, workspace_lost};
use crate::executor::{Adopt, ExecutorError, RunScope, SweepReport};
use crate::run::RunId;

/// How many shapes get containers beforehand. Each asks for its part of a node, whether it is used or not.
const SHAPES: usize = 16;
/// How long the service account of a fresh namespace may take.
const ACCOUNT: Duration = Duration::from_secs(10);
/// How long removed pods are waited for. They go in any case.
const REMOVAL: Duration = Duration::from_secs(15);

impl Shared {
    pub(super) async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        let live = self.run(scope.run);
        let mut known = live.home.lock().await;
        // Before there is anything to be heard of.
        self.watch().await?;
        let owner = self.owner(scope.run).await?;
        if scope.existing {
            *known = None;
            *known = Some(self.existing(scope, owner.as_ref()).await?);
            return Ok(());
        }
        let filled = known.as_ref().is_some_and(|home| home.generation == scope.generation);
        let recorded = owner.as_ref().and_then(|owner| pod_of(owner, scope.generation));
        let taken = match scope.adopt {
            Some(kept) => Some((kept.run, self.kept_pod(scope.run, kept, recorded.clone()).await?)),
            None => None,
        };
        let owner = match owner {
            Some(owner) => owner,
            None => self.make_owner(scope.run).await?,
        };
        let uid = owner.metadata.uid.unwrap_or_default();
        let home = match (taken, recorded) {
            (Some((old, pod)), _) => self.take_over(scope, &uid, old, pod).await?,
            (None, Some(pod)) => self.home_of(scope.run, scope.generation, &pod).await?,
            (None, None) => self.make_pod(scope, &uid).await?,
        };
        *known = Some(home);
        drop(known);
        match scope.source.clone().filter(|_| !filled) {
            Some(source) => self.fill(scope.run, source).await,
            None => Ok(()),
        }
    }

    async fn fill(&self, run: RunId, source: PathBuf) -> Result<(), ExecutorError> {
        let filled = async { self.files(run).await?.copy_source(source).await };
        let filled = filled.await;
        if filled.is_err() {
            // The next one who prepares begins again.
            *self.run(run).home.lock().await = None;
        }
        filled
    }

    /// The pod of a workspace that was there.
    async fn existing(&self, scope: &RunScope, owner: Option<&ConfigMap>) -> Result<HomePod, ExecutorError> {
        let gone = || workspace_lost(scope.run, "nothing of it is left in the cluster");
        let owner = owner.ok_or_else(gone)?;
        let pod = match pod_of(owner, scope.generation) {
            Some(pod) => pod,
            None => self.names()?.pod(scope.run, scope.generation),
        };
        let data = owner.data.iter().flatten();
        let live = self.run(scope.run);
        data.clone().filter_map(|(key, _)| key.strip_prefix(STOPPED)).for_each(|slug| live.put_stopped(slug));
        let kept = data.clone().any(|(key, _)| key == KEPT);
        Ok(HomePod { kept, ..self.home_of(scope.run, scope.generation, &pod).await? })
    }

    /// Writes something down with the run's owner.
    pub(super) async fn note_of(&self, run: RunId, key: &str, value: &str) -> Result<(), ExecutorError> {
        let data = json!({"data": {key: value}});
        let owners = self.way.owners().await?;
        match owners.patch(&self.names()?.owner(run), &PatchParams::default(), &Patch::Merge(data)).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(workspace_lost(run, "nothing of it is left in the cluster")),
            Err(error) => Err(self.way.error(&format!("writing down something about the run {run}"), &error).await),
        }
    }

    /// A pod that must be there and must be the run's.
    async fn home_of(&self, run: RunId, generation: u32, pod: &str) -> Result<HomePod, ExecutorError> {
        let found = self.look(pod).await?.filter(|found| run_of(&found.metadata) == Some(run));
        let Some(found) = found else { return Err(workspace_lost(run, format!("the pod {pod} was removed"))) };
        if let Some(why) = found.status.as_ref().and_then(ended_pod) {
            return Err(workspace_lost(run, why));
        }
        if found.metadata.deletion_timestamp.is_some() {
            return Err(workspace_lost(run, format!("the pod {pod} is being removed")));
        }
        Ok(HomePod { run, generation, pod: pod.to_owned(), uid: found.metadata.uid.unwrap_or_default(), kept: false })
    }

    async fn make_pod(&self, scope: &RunScope, owner: &str) -> Result<HomePod, ExecutorError> {
        let site = self.site(scope.run, scope.generation)?;
        let pod = convert::run_pod(&site, owner, &known_shapes(scope), &known_secrets(scope, &site))?;
        let name = site.names.pod(scope.run, scope.generation);
        let made = self.create(&pod, scope.run).await?;
        let uid = match made {
            Some(made) => made.metadata.uid.unwrap_or_default(),
            None => return self.home_of(scope.run, scope.generation, &name).await,
        };
        Ok(HomePod { run: scope.run, generation: scope.generation, pod: name, uid, kept: false })
    }

    /// Makes a pod; `None` when there is one of that name.
    pub(super) async fn create(&self, pod: &Pod, run: RunId) -> Result<Option<Pod>, ExecutorError> {
        let deadline = self.clock.now().elapsed + ACCOUNT;
        loop {
            match self.way.pods().await?.create(&PostParams::default(), pod).await {
                Ok(made) => {
                    self.watch().await?.saw(made.clone());
                    return Ok(Some(made));
                }
                Err(error) if is_conflict(&error) => return Ok(None),
                // A namespace that was made just now.
                Err(error) if awaits_account(&error) && self.clock.now().elapsed < deadline => {
                    self.pause(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(self.way.error(&format!("making a pod for the run {run}"), &error).await),
            }
        }
    }

    pub(super) async fn owner(&self, run: RunId) -> Result<Option<ConfigMap>, ExecutorError> {
        match self.way.owners().await?.get_opt(&self.names()?.owner(run)).await {
            Ok(found) => Ok(found),
            Err(error) => Err(self.way.error(&format!("looking for what belongs to the run {run}"), &error).await),
        }
    }

    async fn make_owner(&self, run: RunId) -> Result<ConfigMap, ExecutorError> {
        let owner = convert::owner(self.names()?, run);
        match self.way.owners().await?.create(&PostParams::default(), &owner).await {
            Ok(made) => Ok(made),
            Err(error) if is_conflict(&error) => {
                let found = self.owner(run).await?;
                found.ok_or_else(|| workspace_lost(run, "its owner is removed while it is made"))
            }
            Err(error) => Err(self.way.error(&format!("making the owner of the run {run}"), &error).await),
        }
    }

    /// The pod of a workspace that another run kept, or that was taken over already.
    async fn kept_pod(&self, run: RunId, kept: Adopt, recorded: Option<String>) -> Result<String, ExecutorError> {
        if let Some(pod) = recorded {
            let found = self.look(&pod).await?;
            let of = found.and_then(|found| run_of(&found.metadata));
            let known = of.filter(|of| [run, kept.run].contains(of));
            return known.map(|_| pod).ok_or_else(|| workspace_lost(run, "the pod that it took over is gone"));
        }
        let gone = || workspace_lost(kept.run, "it was to be taken over, and nothing of it is left in the cluster");
        let owner = self.owner(kept.run).await?.ok_or_else(gone)?;
        let pod = match pod_of(&owner, kept.generation) {
            Some(pod) => pod,
            None => self.names()?.pod(kept.run, kept.generation),
        };
        Ok(self.home_of(kept.run, kept.generation, &pod).await?.pod)
    }

    /// Makes a kept workspace this run's. First it is written down which one, then the pod gets its new owner in one step.
    async fn take_over(
        &self,
        scope: &RunScope,
        owner: &str,
        old: RunId,
        pod: String,
    ) -> Result<HomePod, ExecutorError> {
        let names = self.names()?;
        self.note_of(scope.run, &format!("{POD}{}", scope.generation), &pod).await?;
        let change = json!({"metadata": {
            "labels": {RUN: scope.run.to_string(), GENERATION: scope.generation.to_string()},
            "ownerReferences": [convert::owned_by(names, scope.run, owner)],
        }});
        let pods = self.way.pods().await?;
        if let Err(error) = pods.patch(&pod, &PatchParams::default(), &Patch::Merge(change)).await {
            return Err(self.way.error("taking over the pod with a workspace", &error).await);
        }
        let home = self.home_of(scope.run, scope.generation, &pod).await?;
        self.runs.forget(old);
        self.remove_owner(old).await?;
        self.make_states(scope.run, &home).await?;
        Ok(home)
    }

    /// The new run's states have a folder of their own beside those of the old one.
    async fn make_states(&self, run: RunId, home: &HomePod) -> Result<(), ExecutorError> {
        let keeper = self.connection(run, (&super::names::head(home.generation), home), KEEPER);
        keeper.execute(convert::make_states(run)).await
    }

    /// The pod of a generation, which must be there.
    pub(super) async fn home_for(&self, run: RunId, generation: u32) -> Result<HomePod, ExecutorError> {
        let live = self.run(run);
        let mut known = live.home.lock().await;
        if let Some(home) = known.as_ref().filter(|home| home.generation == generation) {
            return Ok(home.clone());
        }
        let scope = RunScope { run, generation, existing: true, source: None, adopt: None, outlines: Vec::new() };
        let home = self.existing(&scope, self.owner(run).await?.as_ref()).await?;
        *known = Some(home.clone());
        Ok(home)
    }

    /// The pod of the newest generation.
    pub(super) async fn newest_home(&self, run: RunId) -> Result<HomePod, ExecutorError> {
        let live = self.run(run);
        if let Some(home) = live.home.lock().await.as_ref() {
            return Ok(home.clone());
        }
        let generation = self.newest_generation(run).await?;
        self.home_for(run, generation).await
    }

    async fn newest_generation(&self, run: RunId) -> Result<u32, ExecutorError> {
        let found = self.pods_of(Some(run)).await?;
        let kind = |pod: &Pod| pod.metadata.labels.as_ref()?.get(KIND).cloned();
        let homes = found.iter().filter(|pod| kind(pod).as_deref() == Some("run"));
        let generation = |pod: &Pod| pod.metadata.labels.as_ref()?.get(GENERATION)?.parse().ok();
        homes.filter_map(generation).max().ok_or_else(|| workspace_lost(run, "nothing of it is left in the cluster"))
    }

    /// The pods of a run, or of the installation.
    pub(super) async fn pods_of(&self, run: Option<RunId>) -> Result<Vec<Pod>, ExecutorError> {
        let selector = self.names()?.selector(run);
        match self.way.pods().await?.list(&ListParams::default().labels(&selector)).await {
            Ok(found) => Ok(found.items),
            Err(error) => Err(self.way.error("listing the installation's pods", &error).await),
        }
    }

    pub(super) async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.runs.forget(run);
        self.remove_pods(run, |_| true).await?;
        self.remove_owner(run).await
    }

    /// Removes pods of a run, and waits a while until they are gone.
    async fn remove_pods(&self, run: RunId, which: impl Fn(&Pod) -> bool) -> Result<(), ExecutorError> {
        let deadline = self.clock.now().elapsed + REMOVAL;
        let mut asked = false;
        loop {
            let left: Vec<Pod> = self.pods_of(Some(run)).await?.into_iter().filter(&which).collect();
            if left.is_empty() || (asked && left.iter().all(is_over)) || self.clock.now().elapsed >= deadline {
                return Ok(());
            }
            let names: Vec<String> = left.into_iter().filter_map(|pod| pod.metadata.name).collect();
            if !asked {
                let removals = names.iter().cloned().map(Ok);
                stream::iter(removals).try_for_each_concurrent(8, |name| self.remove_pod(name)).await?;
                asked = true;
            }
            self.seem_gone(&names).await?;
        }
    }

    /// Returns when the watch does not know these pods any more, or after a while.
    async fn seem_gone(&self, names: &[String]) -> Result<(), ExecutorError> {
        let watch = self.watch().await?;
        let mut changes = watch.changes();
        let known = |name: &String| watch.get(name).is_some_and(|pod| !is_over(&pod));
        if !names.iter().any(known) {
            // It does not know them yet.
            self.pause(Duration::from_millis(100)).await;
            return Ok(());
        }
        while names.iter().any(known) {
            tokio::select! {
                _ = changes.changed() => {}
                () = self.pause(LOOK) => return Ok(()),
            }
        }
        Ok(())
    }

    pub(super) async fn remove_pod(&self, name: String) -> Result<(), ExecutorError> {
        let grace =
            DeleteParams { grace_period_seconds: Some(convert::GRACE_SECONDS as u32), ..DeleteParams::default() };
        match self.way.pods().await?.delete(&name, &grace).await {
            Err(error) if !is_missing(&error) => Err(self.way.error(&format!("removing the pod {name}"), &error).await),
            _ => Ok(()),
        }
    }

    async fn remove_owner(&self, run: RunId) -> Result<(), ExecutorError> {
        let name = self.names()?.owner(run);
        let parameters =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
        match self.way.owners().await?.delete(&name, &parameters).await {
            Err(error) if !is_missing(&error) => {
                Err(self.way.error(&format!("removing what belongs to the run {run}"), &error).await)
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        let home = match self.home_for(run, generation).await {
            Ok(home) => home,
            Err(ExecutorError::WorkspaceLost { .. }) => return self.release(run).await.map(|()| false),
            Err(error) => return Err(error),
        };
        self.note_of(run, KEPT, "yes").await?;
        self.remove_pull_secrets(run).await?;
        self.runs.forget(run);
        self.remove_pods(run, |pod| pod.metadata.name.as_deref() != Some(&home.pod)).await?;
        let pod = self.pod(&home).await?;
        for (container, is_told) in may_run(&pod) {
            let quiet = self.quiet(run, &home, &container).await;
            // What cannot be reached and by now is not told to run either does not run.
            if quiet.is_err() && !is_told && !running(&self.pod(&home).await?).contains(&container) {
                continue;
            }
            quiet?;
        }
        Ok(true)
    }

    /// Ends everything in a container but its first process.
    async fn quiet(&self, run: RunId, home: &HomePod, container: &str) -> Result<(), ExecutorError> {
        let connection = self.connection(run, (&super::names::head(home.generation), home), container);
        let kill = ["/.windlass/bin/busybox", "sh", "-c", "trap '' TERM; kill -KILL -1; exit 0"];
        match connection.execute(kill.map(str::to_owned).to_vec()).await {
            // It ended by itself.
            Err(ExecutorError::Lost { .. }) => Ok(()),
            other => other,
        }
    }

    pub(super) async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let selector = self.names()?.selector(None);
        let owners = match self.way.owners().await?.list(&ListParams::default().labels(&selector)).await {
            Ok(found) => found.items,
            Err(error) => return Err(self.way.error("listing what belongs to runs", &error).await),
        };
        let pods = self.pods_of(None).await?;
        let pods = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(|pod| &pod.metadata);
        let all: BTreeSet<RunId> = owners.iter().map(|owner| &owner.metadata).chain(pods).filter_map(run_of).collect();
        let removed: Vec<RunId> = all.into_iter().filter(|run| !keep.contains(run)).collect();
        stream::iter(removed.iter().map(Ok)).try_for_each_concurrent(8, |run| self.release(*run)).await?;
        Ok(SweepReport { removed })
    }
}

fn is_over(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| ended_pod(status).is_some())
}

fn awaits_account(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.message.contains("serviceaccount \"default\" not found") || status.message.contains("error looking up service account"))
}

/// The pod with a workspace that the run took over.
fn pod_of(owner: &ConfigMap, generation: u32) -> Option<String> {
    owner.data.as_ref()?.get(&format!("{POD}{generation}")).cloned()
}

/// The secrets of private images that are known beforehand and can be fetched for the run's pod, each once.
fn known_secrets(scope: &RunScope, site: &convert::Site<'_>) -> Vec<String> {
    let shapes: Vec<Shape> = scope.outlines.iter().filter_map(|outline| Shape::of(outline).ok()).collect();
    let late = shapes.iter().filter(|shape| shape.home() == Home::Late);
    let names: BTreeSet<String> = late.filter_map(pull_of).map(|pull| pull.secret(site)).collect();
    names.into_iter().collect()
}

/// The shapes that are known beforehand and can be in the run's pod, each once.
fn known_shapes(scope: &RunScope) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    // What is wrong with a step is told when it is started.
    for shape in scope.outlines.iter().filter_map(|outline| Shape::of(outline).ok()) {
        let fits = matches!(shape.home(), Home::Anywhere | Home::Early) && shapes.len() < SHAPES;
        if fits && !shapes.iter().any(|known| known.container() == shape.container()) {
            shapes.push(shape);
        }
    }
    shapes
}
