//! Inputs about the workspace and about single tasks. What comes too late, or is about another attempt, says nothing.

use std::collections::BTreeMap;

use super::super::event::{Decision, RunEvent};
use super::super::outcome::{AttemptEnd, AttemptState, Cause, WaitReason};
use super::RunState;
use super::causes;
use super::task::{Attempt, TaskPhase};
use super::workspace::Workspace;
use crate::pipeline::{Action, CommitInfo, TaskId, TaskIndex};

impl RunState {
    pub(super) fn prepared(&self, generation: u32) -> Option<RunEvent> {
        (self.phase.is_live() && self.workspace == Workspace::Preparing { generation })
            .then_some(RunEvent::WorkspaceReady { generation })
    }

    pub(super) fn workspace_lost(&self, generation: u32, cause: Cause) -> Option<RunEvent> {
        let known = [Workspace::Preparing { generation }, Workspace::Ready { generation }].contains(&self.workspace);
        (self.phase.is_live() && known).then_some(RunEvent::WorkspaceLost { generation, cause })
    }

    pub(super) fn slot_granted(&self, index: TaskIndex) -> Vec<RunEvent> {
        let Some((task, TaskPhase::WantSlot { .. })) = self.known(index) else { return Vec::new() };
        let Workspace::Ready { generation } = self.workspace else { return Vec::new() };
        if !self.phase.is_live() || self.halted(index).is_some() || !self.has_its_workspace(index) {
            return Vec::new();
        }
        let state = &self.tasks[index.get()];
        let mut events = Vec::with_capacity(2);
        if !state.announced {
            let stage = self.task(index).stage().cloned();
            events.push(RunEvent::TaskStarted { stage, task: task.clone() });
        }
        events.push(RunEvent::AttemptStarted { task, attempt: state.attempts() + 1, generation });
        events
    }

    pub(super) fn slot_refused(&self, index: TaskIndex, reason: WaitReason) -> Option<RunEvent> {
        let (task, TaskPhase::WantSlot { reason: told }) = self.known(index)? else { return None };
        let news = told.as_ref().is_none_or(|told| told.code != reason.code);
        (news && self.halted(index).is_none()).then_some(RunEvent::TaskWaiting { task, reason })
    }

    pub(super) fn step_waiting(&self, index: TaskIndex, attempt: u32, reason: WaitReason) -> Option<RunEvent> {
        let (task, running) = self.going_on(index, attempt)?;
        (running.stopping.is_none() && running.waiting.as_ref() != Some(&reason))
            .then_some(RunEvent::TaskWaiting { task, reason })
    }

    pub(super) fn step_running(&self, index: TaskIndex, attempt: u32) -> Option<RunEvent> {
        let (task, running) = self.going_on(index, attempt)?;
        running.waiting.is_some().then_some(RunEvent::TaskRunning { task, attempt })
    }

    pub(super) fn log_appended(
        &self,
        index: TaskIndex,
        attempt: u32,
        from: u64,
        to: u64,
        source: u64,
    ) -> Option<RunEvent> {
        let (task, _) = self.going_on(index, attempt)?;
        Some(RunEvent::LogAppended { task, attempt, from, to, source })
    }

    pub(super) fn log_truncated(&self, index: TaskIndex, attempt: u32, limit: u64) -> Option<RunEvent> {
        let (task, _) = self.going_on(index, attempt)?;
        Some(RunEvent::LogTruncated { task, attempt, limit })
    }

    pub(super) fn approval_decided(
        &self,
        index: TaskIndex,
        decision: Decision,
        by: String,
        reason: String,
    ) -> Option<RunEvent> {
        let (task, TaskPhase::AwaitApproval { .. }) = self.known(index)? else { return None };
        self.halted(index).is_none().then_some(RunEvent::ApprovalDecided { task, decision, by, reason })
    }

    pub(super) fn attempt_ended(&self, index: TaskIndex, attempt: u32, end: AttemptEnd) -> Vec<RunEvent> {
        let Some((task, running)) = self.going_on(index, attempt) else { return Vec::new() };
        let script = matches!(self.plan.task(index).action(), Action::Script(_));
        let Outcome { state, exit_code, cause, infrastructure, outputs, commit } = judge(running, end, script);
        // Together with the end, so that a crash between the two cannot let the checkout find another commit.
        let found = commit.and_then(|commit| self.commit_found(index, *commit));
        let mut events: Vec<_> = found.into_iter().collect();
        events.push(RunEvent::AttemptFinished { task, attempt, state, exit_code, cause, infrastructure, outputs });
        events
    }

    fn known(&self, index: TaskIndex) -> Option<(TaskId, &TaskPhase)> {
        let task = self.tasks.get(index.get())?;
        Some((self.plan.task(index).id.clone(), &task.phase))
    }

    pub(super) fn going_on(&self, index: TaskIndex, attempt: u32) -> Option<(TaskId, &Attempt)> {
        let running = self.tasks.get(index.get())?.running(attempt)?;
        Some((self.plan.task(index).id.clone(), running))
    }
}

/// What an attempt's end means.
struct Outcome {
    state: AttemptState,
    exit_code: Option<i32>,
    cause: Option<Cause>,
    infrastructure: bool,
    outputs: BTreeMap<String, String>,
    commit: Option<Box<CommitInfo>>,
}

/// An attempt that was being stopped ends in the state for which it was stopped, whatever its step said; only a success
/// that a cancel or a sibling's failure came too late for is a success. Its own timeout is no such race: it was too long.
fn judge(attempt: &Attempt, end: AttemptEnd, script: bool) -> Outcome {
    let mut outcome = face_value(end, script);
    if let Some(stopping) = &attempt.stopping
        && (outcome.state != AttemptState::Succeeded || stopping.state == AttemptState::TimedOut)
    {
        outcome.state = stopping.state;
        outcome.cause = Some(stopping.cause.clone());
        outcome.infrastructure = false;
        outcome.outputs = BTreeMap::new();
        outcome.commit = None;
    }
    outcome
}

fn face_value(end: AttemptEnd, script: bool) -> Outcome {
    let failed = |state, exit_code, cause, infrastructure| Outcome {
        state,
        exit_code,
        cause: Some(cause),
        infrastructure,
        outputs: BTreeMap::new(),
        commit: None,
    };
    match end {
        AttemptEnd::Succeeded { outputs, commit } => Outcome {
            state: AttemptState::Succeeded,
            exit_code: script.then_some(0),
            cause: None,
            infrastructure: false,
            outputs,
            commit,
        },
        AttemptEnd::Failed { exit_code, cause } => failed(AttemptState::Failed, exit_code, cause, false),
        AttemptEnd::Infrastructure { cause } => failed(AttemptState::Failed, None, cause, true),
        AttemptEnd::Stopped { exit_code } => failed(AttemptState::Failed, exit_code, causes::stopped_unasked(), true),
        AttemptEnd::Lost { cause } => failed(AttemptState::Lost, None, cause, false),
    }
}
