//! Waiting for a step's end, with or without having started it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::layout::{StepFolder, StepState};
use super::process::{self, Among, Held};
use super::start::Launched;
use super::watch::Watched;
use super::{Shared, io, lost};
use crate::executor::{ExecutorError, StepExit};
use crate::run::{StepEnd, StepKey};

/// What a step leaves in the background is asked to end, and has this long to do so.
const LEFTOVER_GRACE: Duration = Duration::from_millis(500);
/// As long as a step was shorter, the numbers of its processes follow that of its shim.
const SHORT: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) async fn wait(self: &Arc<Self>, key: &StepKey) -> Result<StepExit, ExecutorError> {
        let folder = self.step(key);
        let end = self.ended(key).await;
        folder.remove_secrets().map_err(io(format!("removing the secrets of {key}")))?;
        let end = end?;
        let doing = || format!("reading how the step {key} ended");
        let log_length = folder.log_length().map_err(io(doing()))?;
        let output = folder.read_output().map_err(io(doing()))?;
        Ok(StepExit { end, log_length, output })
    }

    /// Returns when the step has ended and nothing is left of it: from then on its log is final.
    pub(super) async fn ended(self: &Arc<Self>, key: &StepKey) -> Result<StepEnd, ExecutorError> {
        let launched = self.launched().get(key).cloned();
        let Some(launched) = launched else { return self.find_end(key, None).await };
        match launched.end.wait().await {
            Some(end) => Ok(*end),
            None => self.find_end(key, Some(&launched)).await,
        }
    }

    pub(super) async fn find_end(
        self: &Arc<Self>,
        key: &StepKey,
        launched: Option<&Launched>,
    ) -> Result<StepEnd, ExecutorError> {
        let folder = self.step(key);
        if let Some(launched) = launched {
            launched.ended(&self.clock).await;
        }
        let mut watched = None;
        loop {
            let state = folder.state().map_err(io(format!("looking at the step {key}")))?;
            match state {
                StepState::Ended { end, shim } => {
                    self.settle(&folder, Some(shim), launched).await?;
                    return Ok(end);
                }
                StepState::Stopped => return Err(ExecutorError::NeverStarted),
                StepState::Gone => return Err(lost(format!("there is no folder {}", folder.path().display()))),
                StepState::Free => {
                    if launched.is_some_and(Launched::has_ended) && is_free(&folder) {
                        return Err(died_early(key));
                    }
                    self.changed(&folder, &mut watched).await;
                }
                StepState::Taken { shim } => match shim_of(&folder, shim).await.map_err(io("looking at processes"))? {
                    Some(shim) => shim.gone(&self.clock).await,
                    None => return self.lose(key, &folder).await,
                },
            }
        }
    }

    async fn changed(&self, folder: &StepFolder, watched: &mut Option<Watched>) {
        match watched.take_if(|watched| watched.works()) {
            // The first time it may have changed before it was watched: look again at once.
            None => *watched = Some(self.watcher.watch(folder.path())),
            Some(kept) => {
                tokio::select! {
                    () = kept.changed() => {}
                    () = self.moment() => {}
                }
                *watched = Some(kept);
            }
        }
    }

    /// Stops what the step left in the background.
    async fn settle(
        &self,
        folder: &StepFolder,
        shim: Option<i32>,
        launched: Option<&Launched>,
    ) -> Result<(), ExecutorError> {
        if crate::failpoint::bug("step.leave-descendants") {
            return Ok(());
        }
        let ours = launched.filter(|launched| Some(launched.pid) == shim);
        let short = ours.filter(|launched| self.clock.now().elapsed.since(launched.at) < SHORT);
        let among = short.map_or(Among::All, |launched| Among::After(launched.pid));
        let mut marks = folder.marks();
        marks.spare = shim;
        // Its number cannot have come round again in so short a time.
        marks.session = short.map(|launched| launched.pid);
        marks.pipe = ours.map(|launched| launched.copying.pipe);
        if short.is_some() {
            marks.strangers = self.strangers(shim);
        }
        let left = process::hunt(&marks, among).await.map_err(io("looking for what the step left behind"))?;
        if !left.is_empty() {
            self.end_all(&marks, left, LEFTOVER_GRACE).await?;
        }
        let copying = ours.map(|launched| &launched.copying);
        self.copied(folder, copying).await.map_err(io("waiting for the end of the step's log"))
    }

    /// The token is taken and the shim is gone. What lives of the step is stopped, since nobody will know its end.
    async fn lose(&self, key: &StepKey, folder: &StepFolder) -> Result<StepEnd, ExecutorError> {
        let looking = || io(format!("looking at the step {key}"));
        // The shim may have written its exit since the look before.
        if let StepState::Ended { end, shim } = folder.state().map_err(looking())? {
            self.settle(folder, Some(shim), None).await?;
            return Ok(end);
        }
        self.settle(folder, None, None).await?;
        Err(lost(
            "it was started, but its process is gone and left no exit code; it was killed, the disk was full, or the machine was restarted",
        ))
    }
}

impl Shared {
    /// Sessions of other steps that go on: what runs in one of them is not worth a closer look.
    fn strangers(&self, own: Option<i32>) -> HashSet<i32> {
        let launched = self.launched();
        let others = launched.values().filter(|other| Some(other.pid) != own && !other.end.initialized());
        others.flat_map(|other| [other.pid, other.copying.pid()]).collect()
    }
}

fn is_free(folder: &StepFolder) -> bool {
    matches!(folder.state(), Ok(StepState::Free))
}

/// The step's shim as long as it lives.
pub(super) async fn shim_of(folder: &StepFolder, pid: Option<i32>) -> std::io::Result<Option<Held>> {
    let Some(pid) = pid else {
        // It died between taking the token and writing its number into it, or is about to write it.
        let mut found = process::hunt(&folder.marks(), Among::All).await?;
        return Ok(if found.is_empty() { None } else { Some(found.remove(0)) });
    };
    let held = Held::open(pid);
    Ok(held.filter(|_| process::carries(pid, &folder.cookie())).filter(Held::lives))
}

fn died_early(key: &StepKey) -> ExecutorError {
    ExecutorError::Infrastructure {
        code: "startFailed",
        message: format!("the shell that should run the step {key} ended before it began"),
        advice: "look whether the disk is full, whether /bin/sh works, and whether the machine is short of memory"
            .to_owned(),
    }
}
