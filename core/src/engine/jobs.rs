//! What a driver has set going for its run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::core::{Core, Hold};
use super::told::Told;
use crate::pipeline::TaskIndex;

/// What has been set going for the run, so that nothing is set going twice by one engine.
pub(super) struct Jobs {
    pub(super) hold: Arc<Hold>,
    /// All of them; they are aborted when the driver leaves.
    set: JoinSet<()>,
    pub(super) prepare: Option<u32>,
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
