//! What a driver has set going for its run.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::core::{Core, Hold};
use crate::pipeline::TaskIndex;

/// What has been set going for the run, so that nothing is set going twice by one engine.
pub(super) struct Jobs {
    pub(super) hold: Arc<Hold>,
    /// All of them; they are aborted when the driver leaves.
    set: JoinSet<()>,
    pub(super) prepare: Option<u32>,
    pub(super) attempts: HashSet<(TaskIndex, u32)>,
    pub(super) stops: HashSet<(TaskIndex, u32)>,
    pub(super) observing: bool,
    pub(super) releasing: bool,
    /// Raw logs that are being dropped. The release waits for them, so that nobody else works in the folders that it removes.
    pub(super) forgetting: JoinSet<()>,
}

impl Jobs {
    pub(super) fn new(hold: Arc<Hold>) -> Self {
        Self {
            hold,
            set: JoinSet::new(),
            prepare: None,
            attempts: HashSet::new(),
            stops: HashSet::new(),
            observing: false,
            releasing: false,
            forgetting: JoinSet::new(),
        }
    }

    pub(super) fn forget(&mut self, core: &Core, job: impl Future<Output = ()> + Send + 'static) {
        while self.forgetting.try_join_next().is_some() {}
        self.forgetting.spawn_on(job, core.runtime());
    }

    pub(super) fn spawn(&mut self, core: &Core, job: impl Future<Output = ()> + Send + 'static) {
        while self.set.try_join_next().is_some() {}
        let hold = self.hold.clone();
        let job = async move {
            job.await;
            drop(hold);
        };
        self.set.spawn_on(job, core.runtime());
    }
}
