//! Ending steps with everything that they started.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::layout::{RunFolder, StepFolder, StepState};
use super::process::{self, Among, Held, Marks};
use super::wait::shim_of;
use super::{Shared, io, remove, workspace};
use crate::executor::{ExecutorError, SweepReport};
use crate::failpoint;
use crate::run::{RunId, StepKey};

/// After a kill a process is gone at once, unless it hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many kills without an effect are a machine's trouble, not ours.
const ROUNDS: usize = 20;
/// What is left of a run that is released has this long to end by itself.
const RELEASE_GRACE: Duration = Duration::from_millis(500);

impl StepFolder {
    /// By what the step's processes are known.
    pub(super) fn marks(&self) -> Marks {
        Marks {
            cookie: self.cookie(),
            prefix: false,
            session: None,
            log: self.log_identity(),
            pipe: None,
            strangers: HashSet::new(),
            spare: None,
        }
    }
}

impl RunFolder {
    fn marks(&self) -> Marks {
        Marks {
            cookie: self.cookie_prefix(),
            prefix: true,
            session: None,
            log: None,
            pipe: None,
            strangers: HashSet::new(),
            spare: None,
        }
    }
}

impl Shared {
    pub(super) async fn stop(self: &Arc<Self>, key: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let folder = self.step(key);
        let run = self.run(key.run);
        if run.steps().is_dir() {
            let doing = || io(format!("stopping the step {key}"));
            folder.create().map_err(doing())?;
            folder.take_tombstone().map_err(doing())?;
        }
        let state = folder.state().map_err(io(format!("looking at the step {key}")))?;
        let shim = match state {
            StepState::Taken { shim } => shim,
            StepState::Ended { shim, .. } => Some(shim),
            // A shim that came too late is about to leave.
            _ => return self.end_marked(&folder.marks(), grace).await,
        };
        let shim = shim_of(&folder, shim).await.map_err(io("looking at processes"))?;
        failpoint::crash("stop.sent");
        if failpoint::bug("step.leave-descendants") {
            return self.stop_first_only(&folder, shim).await;
        }
        let mut marks = folder.marks();
        marks.spare = shim.as_ref().map(|shim| shim.pid);
        marks.session = marks.spare;
        marks.pipe = self.pipe_of(key, marks.spare);
        self.end_marked(&marks, grace).await?;
        if let Some(shim) = shim {
            // All that it waited for is gone, so it writes how that ended and leaves.
            self.gone_within(std::slice::from_ref(&shim), PATIENCE).await;
        }
        let rest = Marks { pipe: marks.pipe, ..folder.marks() };
        self.end_marked(&rest, Duration::ZERO).await
    }

    /// The pipe of a step that was started here. On a full disk there may be no copier by which to find it.
    fn pipe_of(&self, key: &StepKey, shim: Option<i32>) -> Option<(u64, u64)> {
        let launched = self.launched();
        let ours = launched.get(key).filter(|ours| Some(ours.pid) == shim && !ours.copying.is_finished());
        ours.map(|ours| ours.copying.pipe)
    }

    /// The planted bug: what the step started lives on.
    async fn stop_first_only(&self, folder: &StepFolder, shim: Option<Held>) -> Result<(), ExecutorError> {
        let Some(shim) = shim else { return Ok(()) };
        let mut marks = folder.marks();
        marks.spare = Some(shim.pid);
        let found = process::hunt(&marks, Among::All).await.map_err(io("looking at processes"))?;
        if let Some(first) = found.first() {
            first.signal(Signal::SIGKILL);
        }
        self.gone_within(&[shim], PATIENCE).await;
        Ok(())
    }

    async fn end_marked(&self, marks: &Marks, grace: Duration) -> Result<(), ExecutorError> {
        let found = process::hunt(marks, Among::All).await.map_err(io("looking at processes"))?;
        if found.is_empty() { Ok(()) } else { self.end_all(marks, found, grace).await }
    }

    /// Ends the processes and all that they start meanwhile: first asks, after `grace` kills, and looks again until a look
    /// finds nothing.
    pub(super) async fn end_all(&self, marks: &Marks, found: Vec<Held>, grace: Duration) -> Result<(), ExecutorError> {
        let mut held = found;
        if !grace.is_zero() {
            let deadline = self.clock.now().elapsed + grace;
            loop {
                // A stopped process gets its signal only when it goes on.
                for process in &held {
                    process.signal(Signal::SIGTERM);
                    process.signal(Signal::SIGCONT);
                }
                let left = deadline.since(self.clock.now().elapsed);
                if left.is_zero() || !self.gone_within(&held, left).await {
                    break;
                }
                held = self.find_again(marks, Vec::new()).await?;
                if held.is_empty() {
                    return Ok(());
                }
            }
        }
        for _ in 0..ROUNDS {
            held = self.find_again(marks, held).await?;
            if held.is_empty() {
                return Ok(());
            }
            for process in &held {
                process.signal(Signal::SIGKILL);
            }
            self.gone_within(&held, PATIENCE).await;
        }
        Err(stuck(&held))
    }

    /// Those of `held` that still live, and those that carry the marks now.
    async fn find_again(&self, marks: &Marks, held: Vec<Held>) -> Result<Vec<Held>, ExecutorError> {
        let mut held: Vec<Held> = held.into_iter().filter(Held::lives).collect();
        for found in process::hunt(marks, Among::All).await.map_err(io("looking at processes"))? {
            if held.iter().all(|known| known.pid != found.pid) {
                held.push(found);
            }
        }
        Ok(held)
    }

    /// Whether all of them ended in this time.
    async fn gone_within(&self, held: &[Held], time: Duration) -> bool {
        let deadline = self.clock.now().elapsed + time;
        let all = async {
            for process in held {
                process.gone(&self.clock).await;
            }
        };
        tokio::select! {
            biased;
            () = all => true,
            () = self.clock.sleep_until(deadline) => false,
        }
    }

    /// Stops what is left of a run.
    async fn end_run(&self, run: RunId) -> Result<RunFolder, ExecutorError> {
        let folder = self.run(run);
        // Also without a folder: somebody may have removed it by hand.
        if !failpoint::bug("step.leave-descendants") {
            self.end_marked(&folder.marks(), RELEASE_GRACE).await?;
        }
        self.launched().retain(|key, _| key.run != run);
        Ok(folder)
    }

    pub(super) async fn release(self: &Arc<Self>, run: RunId) -> Result<(), ExecutorError> {
        let folder = self.end_run(run).await?;
        self.spares.drop_run(&folder, &self.clock);
        if failpoint::bug("run.keep-folder") {
            return Ok(());
        }
        self.blocking(move |_| {
            let doing = format!("removing the folder of the run {}", folder.path().display());
            remove::remove_folder(folder.path()).map_err(io(doing))
        })
        .await
    }

    pub(super) async fn keep(self: &Arc<Self>, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        let folder = self.end_run(run).await?;
        // The steps first, since a run without them gets no spare folders any more, and those that it has go below.
        let steps = folder.steps();
        self.blocking(move |_| remove::remove_folder(&steps).map_err(io(format!("removing {}", steps.display()))))
            .await?;
        self.spares.drop_run(&folder, &self.clock);
        let doing = format!("freeing all but the workspace in {}", folder.path().display());
        self.blocking(move |_| workspace::keep(&folder, generation).map_err(io(doing))).await
    }

    pub(super) async fn sweep(self: &Arc<Self>, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let mut there =
            RunFolder::all(&self.root).map_err(io(format!("reading the folder {}", self.root.display())))?;
        there.retain(|run| !keep.contains(run));
        for run in &there {
            self.release(*run).await?;
        }
        Ok(SweepReport { removed: there })
    }
}

fn stuck(held: &[Held]) -> ExecutorError {
    let pids: Vec<String> = held.iter().map(|process| process.pid.to_string()).collect();
    ExecutorError::Infrastructure {
        code: "processStuck",
        message: format!("processes of the step do not end although they were killed: {}", pids.join(", ")),
        advice:
            "they hang in the kernel, mostly on a broken disk or network file system; repair that, then cancel again"
                .to_owned(),
    }
}
