//! The volumes of runs: made, found, kept, taken over and removed.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::connect::{REMOVAL, is_conflict, is_missing};
use super::live::Volumes;
use super::names::{CLAIMED, GENERATION, KIND, Kind, RUN};
use super::{Shared, all, convert};
use crate::executor::{Adopt, ExecutorError, RunScope, SweepReport};
use crate::run::RunId;

/// The volumes of the installation, by what their labels say.
struct Inventory {
    volumes: Vec<Volume>,
}

impl Inventory {
    fn label<'a>(volume: &'a Volume, name: &str) -> Option<&'a str> {
        volume.labels.get(name).map(String::as_str)
    }

    fn run(volume: &Volume) -> Option<RunId> {
        Self::label(volume, RUN)?.parse().ok()
    }

    fn of(&self, run: RunId, kind: Kind) -> impl Iterator<Item = &Volume> {
        self.volumes
            .iter()
            .filter(move |volume| Self::run(volume) == Some(run) && Self::label(volume, KIND) == Some(kind.word()))
    }

    /// The run that took over the workspace of this name.
    fn claimant(&self, workspace: &str) -> Option<RunId> {
        let claims = self.volumes.iter().filter(|volume| Self::label(volume, CLAIMED) == Some(workspace));
        claims.filter_map(Self::run).next()
    }

    /// The workspaces that are the run's, with their generations.
    fn workspaces(&self, run: RunId) -> Vec<(u32, String)> {
        let own = self.of(run, Kind::Workspace).filter(|volume| self.claimant(&volume.name).is_none_or(|by| by == run));
        let own = own.filter_map(|volume| Some((Self::label(volume, GENERATION)?.parse().ok()?, volume.name.clone())));
        let claimed = self.of(run, Kind::Claim).filter_map(|claim| Self::label(claim, CLAIMED));
        let claimed = claimed.filter(|name| self.volumes.iter().any(|volume| volume.name == **name));
        let mut all: Vec<(u32, String)> = claimed.map(|name| (1, name.to_owned())).chain(own).collect();
        all.sort();
        all
    }

    fn workspace(&self, run: RunId, generation: u32) -> Option<String> {
        self.workspaces(run).into_iter().find(|(found, _)| *found == generation).map(|(_, name)| name)
    }

    fn states(&self, run: RunId) -> Option<String> {
        self.of(run, Kind::States).next().map(|volume| volume.name.clone())
    }

    /// Everything of the run, in the order in which it can be removed: the claim last, since it says what belongs to the run.
    fn everything(&self, run: RunId) -> Vec<String> {
        let workspaces = self.workspaces(run).into_iter().map(|(_, name)| name);
        let states = self.of(run, Kind::States).map(|volume| volume.name.clone());
        let claims = self.of(run, Kind::Claim).map(|volume| volume.name.clone());
        workspaces.chain(states).chain(claims).collect()
    }

    /// The runs that have something. A workspace that was taken over is not its first run's any more.
    fn runs(&self) -> BTreeSet<RunId> {
        let runs = self.volumes.iter().filter_map(Self::run);
        runs.filter(|run| !self.everything(*run).is_empty()).collect()
    }
}

impl Shared {
    pub(super) async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        let live = self.run(scope.run);
        let mut known = live.volumes.lock().await;
        if scope.existing {
            let found = self.found(scope).await;
            *known = found.as_ref().ok().cloned();
            return found.map(drop);
        }
        let volumes = self.made(scope).await?;
        let filled = known.as_ref() == Some(&volumes);
        if let Some(source) = scope.source.clone().filter(|_| !filled) {
            self.keeper(scope.run, &volumes).await?.copy_source(source).await?;
        }
        *known = Some(volumes);
        Ok(())
    }

    /// What must be there.
    async fn found(&self, scope: &RunScope) -> Result<Volumes, ExecutorError> {
        let inventory = self.inventory().await?;
        let states = inventory.states(scope.run);
        match inventory.workspace(scope.run, scope.generation).filter(|_| states.is_some()) {
            Some(workspace) => Ok(Volumes { generation: scope.generation, workspace, states }),
            None => Err(gone(scope.run, "there is no volume with it")),
        }
    }

    /// What is made unless it is there. Without a workspace that is taken over, the names say everything, and making a volume
    /// again changes nothing: whatever else the engine has need not be looked through.
    async fn made(&self, scope: &RunScope) -> Result<Volumes, ExecutorError> {
        let (names, run, generation) = (self.names()?, scope.run, scope.generation);
        let make = |kind, name| self.make_volume(convert::run_volume(names, run, kind, generation, name));
        let states = names.states(run);
        let taken_over = match scope.adopt {
            None => None,
            Some(kept) => Some(self.taken_over(scope, kept).await?),
        };
        let workspace = match taken_over {
            Some(workspace) => {
                make(Kind::States, states.clone()).await?;
                workspace
            }
            None => {
                let workspace = names.workspace(run, generation);
                futures::try_join!(make(Kind::Workspace, workspace.clone()), make(Kind::States, states.clone()))?;
                workspace
            }
        };
        Ok(Volumes { generation, workspace, states: Some(states) })
    }

    /// The workspace that the run takes over, or has taken over already.
    async fn taken_over(&self, scope: &RunScope, kept: Adopt) -> Result<String, ExecutorError> {
        let inventory = self.inventory().await?;
        if let Some(workspace) = inventory.workspace(scope.run, scope.generation) {
            return Ok(workspace);
        }
        let Some(workspace) = inventory.workspace(kept.run, kept.generation) else {
            return Err(gone(kept.run, "it was to be taken over, and there is no volume with it"));
        };
        self.take_over(scope.run, kept.run, &workspace, &inventory).await?;
        Ok(workspace)
    }

    /// Makes the claim before the old one goes, so that the workspace always is somebody's.
    async fn take_over(
        &self,
        run: RunId,
        old: RunId,
        workspace: &str,
        inventory: &Inventory,
    ) -> Result<(), ExecutorError> {
        self.make_volume(convert::claim(self.names()?, run, workspace)).await?;
        all(self.containers_of(old).await?, |id| async move { self.remove_container(&id).await }).await?;
        let left = inventory.of(old, Kind::Claim).chain(inventory.of(old, Kind::States));
        all(left.map(|volume| volume.name.clone()), |name| async move { self.remove_volume(&name).await }).await?;
        self.runs().remove(&old);
        Ok(())
    }

    /// The volumes of a generation, which must be there.
    pub(super) async fn volumes_for(&self, run: RunId, generation: u32) -> Result<Volumes, ExecutorError> {
        let live = self.run(run);
        let mut known = live.volumes.lock().await;
        if let Some(volumes) = known.as_ref().filter(|volumes| volumes.generation == generation) {
            return Ok(volumes.clone());
        }
        let inventory = self.inventory().await?;
        let Some(workspace) = inventory.workspace(run, generation) else {
            return Err(gone(run, "there is no volume with it"));
        };
        let volumes = Volumes { generation, workspace, states: inventory.states(run) };
        *known = Some(volumes.clone());
        Ok(volumes)
    }

    /// The volumes of the newest generation.
    pub(super) async fn newest_volumes(&self, run: RunId) -> Result<Volumes, ExecutorError> {
        let live = self.run(run);
        if let Some(volumes) = live.volumes.lock().await.as_ref() {
            return Ok(volumes.clone());
        }
        let inventory = self.inventory().await?;
        let Some((generation, workspace)) = inventory.workspaces(run).pop() else {
            return Err(gone(run, "there is no volume with it"));
        };
        Ok(Volumes { generation, workspace, states: inventory.states(run) })
    }

    /// Forgets what is known of a run, of which nothing is being made any more then.
    async fn leave(&self, run: RunId) {
        let live = self.runs().remove(&run);
        if let Some(live) = live {
            live.made().await;
        }
    }

    pub(super) async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.leave(run).await;
        all(self.containers_of(run).await?, |id| async move { self.remove_container(&id).await }).await?;
        for name in self.inventory().await?.everything(run) {
            self.remove_volume(&name).await?;
        }
        Ok(())
    }

    pub(super) async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        self.leave(run).await;
        let inventory = self.inventory().await?;
        let Some(kept) = inventory.workspace(run, generation) else {
            self.release(run).await?;
            return Ok(false);
        };
        all(self.containers_of(run).await?, |id| async move { self.remove_container(&id).await }).await?;
        let claim = self.names()?.claim(run);
        for name in inventory.everything(run).into_iter().filter(|name| *name != kept && *name != claim) {
            self.remove_volume(&name).await?;
        }
        Ok(true)
    }

    pub(super) async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let mut runs = self.inventory().await?.runs();
        runs.extend(self.runs_with_containers().await?);
        let removed: Vec<RunId> = runs.into_iter().filter(|run| !keep.contains(run)).collect();
        for run in &removed {
            self.release(*run).await?;
        }
        Ok(SweepReport { removed })
    }

    async fn runs_with_containers(&self) -> Result<Vec<RunId>, ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = ListContainersOptionsBuilder::new().all(true).filters(&self.names()?.filter(None)).build();
        let found = docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| self.connection.error("listing the installation's containers", error))?;
        let run = |labels: HashMap<String, String>| labels.get(RUN)?.parse().ok();
        Ok(found.into_iter().filter_map(|container| run(container.labels?)).collect())
    }

    async fn inventory(&self) -> Result<Inventory, ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = ListVolumesOptionsBuilder::new().filters(&self.names()?.filter(None)).build();
        let found = docker.list_volumes(Some(options)).await;
        let found = found.map_err(|error| self.connection.error("listing the installation's volumes", error))?;
        Ok(Inventory { volumes: found.volumes.unwrap_or_default() })
    }

    async fn make_volume(&self, request: VolumeCreateRequest) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let made = docker.create_volume(request).await;
        made.map(drop).map_err(|error| self.connection.error("making a volume", error))
    }

    /// Removes a volume. Its last container may still be on its way out.
    async fn remove_volume(&self, name: &str) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let deadline = self.clock.now().elapsed + REMOVAL;
        loop {
            match docker.remove_volume(name, None::<RemoveVolumeOptions>).await {
                Ok(()) => return Ok(()),
                Err(error) if is_missing(&error) => return Ok(()),
                Err(error) if is_conflict(&error) && self.clock.now().elapsed < deadline => {
                    self.clock.sleep_until(self.clock.now().elapsed + std::time::Duration::from_millis(50)).await;
                }
                Err(error) => return Err(self.connection.error(&format!("removing the volume {name}"), error)),
            }
        }
    }
}

fn gone(run: RunId, why: &str) -> ExecutorError {
    ExecutorError::WorkspaceLost { run, why: why.to_owned() }
}
