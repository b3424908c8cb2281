//! Starting a step.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use tokio::sync::SetOnce;

use super::copier::{Copier, Copying, Succession};
use super::layout::{StepFolder, StepState, open_writable};
use super::process::{Held, reap};
use super::secrets::write_secrets;
use super::spare::Spare;
use super::spawn::Files;
use super::{Shared, io, shim, spawn};
use crate::clock::SharedClock;
use crate::executor::{ExecutorError, StepSpec};
use crate::failpoint;
use crate::pipeline::WorkspaceUse;
use crate::run::{Elapsed, StepEnd, StepKey};

/// A shim that this instance started. It may have found the token taken.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) pid: i32,
    pub(super) at: Elapsed,
    held: Option<Held>,
    pub(super) copying: Copying,
    /// How it ended, found out once for all who ask; `None` when that could not be found out.
    pub(super) end: SetOnce<Option<StepEnd>>,
}

impl Launched {
    /// Returns when the shim has ended.
    pub(super) async fn ended(&self, clock: &SharedClock) {
        if let Some(held) = &self.held {
            held.gone(clock).await;
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.held.as_ref().is_none_or(|held| !held.lives())
    }

    /// Frees what the system keeps of the shim, and finds out how the step ended, wherever the embedder's futures for the
    /// step went. In a task of its own, so that nobody who asks waits for somebody who no longer does.
    async fn attend(self: Arc<Self>, key: StepKey, shared: Weak<Shared>, clock: SharedClock, next: Succession) {
        tokio::join!(self.find_out(&key, &shared, &clock), self.copying.tend(next, &clock));
    }

    async fn find_out(&self, key: &StepKey, shared: &Weak<Shared>, clock: &SharedClock) {
        self.ended(clock).await;
        reap(self.pid);
        // An error is not kept: who asks finds it again.
        let end = match shared.upgrade() {
            Some(shared) => shared.find_end(key, Some(self)).await.ok(),
            None => None,
        };
        self.copying.let_end();
        let _ = self.end.set(end);
    }
}

impl Shared {
    /// Not on a thread for blocking work: the way there and back costs more than the few calls that are made here.
    pub(super) fn start(self: &Arc<Self>, step: &StepSpec) -> Result<(), ExecutorError> {
        let ignore_token = failpoint::bug("step.ignore-token");
        let folder = self.step(&step.key);
        let workspace = self.workspace_of(step, &folder)?;
        if step.resumed && self.run(step.key.run).outlived_a_boot() {
            return self.not_after_a_boot(&folder);
        }
        // Told before anything is there to clean up.
        let launch = shim::launch(&self.host, step, &folder, &workspace, ignore_token)?;
        let doing = || format!("making the folder of the step {}", folder.path().display());
        let (made, copier) = self.make_folder(step, &folder, &launch.files).map_err(io(doing()))?;
        if !made && !ignore_token {
            let state = folder.state().map_err(io(doing()))?;
            if !matches!(state, StepState::Free) {
                return Ok(());
            }
        }
        if step.workspace == WorkspaceUse::None {
            std::fs::create_dir_all(&workspace).map_err(io(doing()))?;
        }
        failpoint::crash("step.folder");
        let at = self.clock.now().elapsed;
        let copier = match copier {
            Some(copier) => copier,
            None => {
                let log = folder.open_log().map_err(io(doing()))?;
                Copier::start(&self.host.cat, &log).map_err(io("starting the copier of the step's log"))?
            }
        };
        let Copier { input, output, copying } = copier;
        let files = Files { input: None, output: input.as_fd() };
        let pid = spawn::spawn(&launch.program, &launch.argv, &launch.env, &files).map_err(refused)?;
        // From here on only the step holds that end of the pipe.
        drop(input);
        failpoint::crash("step.spawned");
        // Held before it is reaped, so that the number is still its own.
        let held = Held::open(pid);
        let launched = Arc::new(Launched { pid, at, held, copying, end: SetOnce::new() });
        self.launched().insert(step.key.clone(), Arc::clone(&launched));
        let next = Succession { output, cat: self.host.cat.clone(), log: folder.log() };
        tokio::spawn(launched.attend(step.key.clone(), Arc::downgrade(self), Arc::clone(&self.clock), next));
        self.spares.refill(&self.run(step.key.run), &self.host.cat);
        Ok(())
    }

    /// Makes the step's folder with its files, all at once; false when it was there. With it comes the copier that holds its
    /// log, unless the folder was there.
    fn make_folder(
        &self,
        step: &StepSpec,
        folder: &StepFolder,
        files: &[(&str, String)],
    ) -> std::io::Result<(bool, Option<Copier>)> {
        let Spare { folder: draft, copier } = self.spares.take(&self.run(step.key.run), &self.host.cat)?;
        for (name, text) in files {
            open_writable(&draft.join(name), 0o700)?.write_all(text.as_bytes())?;
        }
        write_secrets(&draft, &step.secrets)?;
        if folder.adopt(&draft)? {
            return Ok((true, Some(copier)));
        }
        copier.dismiss(&self.clock);
        std::fs::remove_dir_all(&draft)?;
        if matches!(folder.state()?, StepState::Free) {
            for (name, text) in files {
                folder.replace(name, text)?;
            }
            write_secrets(folder.path(), &step.secrets)?;
        }
        Ok((false, None))
    }

    /// A step that may have been started before the machine was restarted: its end may be written, a new start is not safe.
    fn not_after_a_boot(&self, folder: &StepFolder) -> Result<(), ExecutorError> {
        let state = folder.state().map_err(io(format!("looking at the step {}", folder.path().display())))?;
        if matches!(state, StepState::Ended { .. } | StepState::Stopped) {
            return Ok(());
        }
        Err(ExecutorError::Lost { why: "the machine was restarted while it may have been running".to_owned() })
    }

    fn workspace_of(&self, step: &StepSpec, folder: &StepFolder) -> Result<PathBuf, ExecutorError> {
        let run = self.run(step.key.run);
        let workspace = run.workspace(step.generation);
        if !run.steps().is_dir() || (step.workspace == WorkspaceUse::Shared && !workspace.is_dir()) {
            let why = format!("there is no folder {}", workspace.display());
            return Err(ExecutorError::WorkspaceLost { run: step.key.run, why });
        }
        Ok(if step.workspace == WorkspaceUse::None { folder.own_workspace() } else { workspace })
    }
}

fn refused(source: std::io::Error) -> ExecutorError {
    if source.raw_os_error() == Some(libc::E2BIG) {
        return ExecutorError::BadStep {
            code: "badCommand",
            message: "the step's arguments and environment are together larger than the system passes".to_owned(),
            advice: "pass large values in files of the workspace".to_owned(),
        };
    }
    io("starting the step's shell")(source)
}
