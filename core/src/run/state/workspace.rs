//! The workspace and its generations.

use super::super::outcome::{Cause, RunEnd};
use super::super::time::{Elapsed, Now};
use super::causes;
use super::halt::Halt;
use super::{RunPhase, RunState};

/// The workspace of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Workspace {
    /// The run has not started.
    None,
    /// It is to be made.
    Preparing { generation: u32 },
    /// It is there.
    Ready { generation: u32 },
    /// It is gone, or could not be made, and no other one is wanted so far.
    Gone { generation: u32 },
}

/// A workspace that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LostGeneration {
    pub(super) generation: u32,
    pub(super) cause: Cause,
}

impl Workspace {
    pub(super) fn generation(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Preparing { generation } | Self::Ready { generation } | Self::Gone { generation } => *generation,
        }
    }
}

impl RunState {
    /// Why an attempt in this generation is lost with its workspace, if it is.
    pub(super) fn lost_with(&self, generation: u32) -> Option<&Cause> {
        self.lost.as_ref().filter(|lost| generation <= lost.generation).map(|lost| &lost.cause)
    }

    pub(super) fn start_finally(&mut self, since: Elapsed) {
        let mut last_chance = false;
        if let Workspace::Gone { generation } = self.workspace {
            self.workspace = Workspace::Preparing { generation: generation + 1 };
            last_chance = true;
        }
        self.phase = RunPhase::Finally { since, last_chance };
    }

    pub(super) fn lose_workspace(&mut self, generation: u32, cause: &Cause, at: Now) {
        let was_ready = self.workspace_ready();
        self.lost = Some(LostGeneration { generation, cause: cause.clone() });
        let next = match self.phase {
            RunPhase::Finally { since, last_chance } => {
                self.phase = RunPhase::Finally { since, last_chance: true };
                was_ready || !last_chance
            }
            _ => was_ready && (self.stages_can_do_without_it() || self.repeat_what_is_needed(at)),
        };
        if next {
            self.workspace = Workspace::Preparing { generation: generation + 1 };
            self.refresh_alive();
            return;
        }
        self.workspace = Workspace::Gone { generation };
        self.end_without_workspace(if was_ready { causes::workspace_lost(cause) } else { cause.clone() }, at);
        self.refresh_alive();
    }

    fn end_without_workspace(&mut self, cause: Cause, at: Now) {
        self.judge(RunEnd::Failed, cause.clone());
        match self.phase {
            RunPhase::Finally { .. } => self.stop_finally(Halt::Workspace(cause)),
            _ => self.stop_stages(Halt::Workspace(cause), at),
        }
    }

    /// Whether the tasks that are left need nothing of what was in the workspace.
    fn stages_can_do_without_it(&self) -> bool {
        let stopped = self.drain.as_ref().is_some_and(|drain| drain.spared.is_none());
        !stopped && self.index.open_shared == 0
    }
}
