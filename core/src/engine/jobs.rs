//! What a driver has set going for its run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::core::{Core, Hold};
use super::told::Told;
use crate::pipeline::TaskIndex;

/// How long the release waits for a workspace that is still being made. What takes longer waits for something outside, such as room
/// in a cluster, and has nothing under way.
const PREPARATION: Duration = Duration::from_secs(10);

/// What has been set going for the run, so that nothing is set going twice by one engine.
pub(super) struct Jobs {
    pub(super) hold: Arc<Hold>,
    /// All of them; they are aborted when the driver leaves.
    set: JoinSet<()>,
    pub(super) prepare: Option<Preparation>,
    pub(super) attempts: HashSet<(TaskIndex, u32)>,
    pub(super) stops: HashSet<(TaskIndex, u32)>,
    /// The attempts among them that are told when they are to end: actions, and steps that have something to file.
    stoppable: HashMap<(TaskIndex, u32), Stoppable>,
    pub(super) observing: bool,
    /// Who hears what the executor tells of each step.
    pub(super) told: Told,
    pub(super) releasing: bool,
    /// Raw logs that are being dropped. The release waits for them, so that nobody else works in the folders that it removes.
    pub(super) forgetting: JoinSet<()>,
}

/// A workspace that is being made, or was.
pub(super) struct Preparation {
    generation: u32,
    job: AbortHandle,
    ended: oneshot::Receiver<()>,
}

impl Preparation {
    /// Returns when nothing makes the workspace any more: a release beside it would miss what comes after.
    pub(super) async fn over(mut self, core: &Core) {
        let limit = core.clock.now().elapsed + PREPARATION;
        tokio::select! {
            // The sender goes with the job.
            _ = &mut self.ended => return,
            () = core.clock.sleep_until(limit) => self.job.abort(),
        }
        let _ = self.ended.await;
    }
}

/// An attempt that can be told to end.
struct Stoppable {
    stop: watch::Sender<bool>,
    job: AbortHandle,
}

impl Jobs {
    pub(super) fn new(hold: Arc<Hold>) -> Self {
        Self {
            hold,
            set: JoinSet::new(),
            prepare: None,
            attempts: HashSet::new(),
            stops: HashSet::new(),
            stoppable: HashMap::new(),
            observing: false,
            told: Told::default(),
            releasing: false,
            forgetting: JoinSet::new(),
        }
    }

    /// Whether the workspace of this generation is being made, or was.
    pub(super) fn prepares(&self, generation: u32) -> bool {
        self.prepare.as_ref().is_some_and(|known| known.generation == generation)
    }

    pub(super) fn prepare(&mut self, core: &Core, generation: u32, job: impl Future<Output = ()> + Send + 'static) {
        let (over, ended) = oneshot::channel();
        let job = self.spawn(core, async move {
            job.await;
            drop(over);
        });
        self.prepare = Some(Preparation { generation, job, ended });
    }

    pub(super) fn forget(&mut self, core: &Core, job: impl Future<Output = ()> + Send + 'static) {
        while self.forgetting.try_join_next().is_some() {}
        self.forgetting.spawn_on(job, core.runtime());
    }

    /// Sets a job going that listens to its end being wanted. What it was given to be stopped by is kept until the attempt has ended.
    pub(super) fn spawn_stoppable(
        &mut self,
        core: &Core,
        attempt: (TaskIndex, u32),
        stop: watch::Sender<bool>,
        job: impl Future<Output = ()> + Send + 'static,
    ) {
        let job = self.spawn(core, job);
        self.stoppable.insert(attempt, Stoppable { stop, job });
    }

    /// Asks an attempt that listens to end.
    pub(super) fn tell_to_stop(&self, attempt: (TaskIndex, u32)) {
        if let Some(stoppable) = self.stoppable.get(&attempt) {
            stoppable.stop.send_replace(true);
        }
    }

    /// The attempt is over for the run. Its job has returned, unless its end was decided without it.
    pub(super) fn attempt_ended(&mut self, attempt: (TaskIndex, u32)) {
        self.attempts.remove(&attempt);
        self.stops.remove(&attempt);
        if let Some(stoppable) = self.stoppable.remove(&attempt) {
            stoppable.job.abort();
        }
    }

    pub(super) fn spawn(&mut self, core: &Core, job: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        while self.set.try_join_next().is_some() {}
        let hold = self.hold.clone();
        let job = async move {
            job.await;
            drop(hold);
        };
        self.set.spawn_on(job, core.runtime())
    }
}
