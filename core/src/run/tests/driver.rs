//! A run driven by hand. Every event is also applied to a twin, which must stay the same.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::kit::Kit;
use crate::pipeline::{Plan, TaskId, TaskIndex};
use crate::run::{
    AttemptEnd, Cause, Decision, Effect, Elapsed, Input, Now, RunEvent, RunId, RunState, TaskEnd, TaskStatus,
    WaitReason,
};

pub(crate) fn at(millis: u64) -> Now {
    Now {
        wall: Timestamp::from_millisecond(1_800_000_000_000 + millis as i64).unwrap(),
        elapsed: Elapsed::from_millis(millis),
    }
}

pub(crate) fn fresh(plan: Arc<Plan>) -> RunState {
    RunState::new(RunId::new(Uuid::from_u128(7)), plan)
}

/// The run in which reused tasks were done.
pub(crate) fn origin() -> RunId {
    RunId::new(Uuid::from_u128(1))
}

/// A task that ended so in its second attempt in the run [`origin`].
pub(crate) fn reused(task: &str, state: TaskEnd) -> RunEvent {
    let succeeded = state == TaskEnd::Succeeded;
    RunEvent::TaskReused {
        task: TaskId::new(task),
        from: origin(),
        attempt: 2,
        state,
        exit_code: Some(i32::from(!succeeded)),
        cause: (!succeeded).then(|| Cause::new("exitCode", "it ended with exit code 1", "")),
        outputs: [("VERSION".to_owned(), format!("of {task}"))].into(),
    }
}

pub(crate) fn queued_event() -> RunEvent {
    RunEvent::RunQueued { number: 3, pipeline: "demo".to_owned() }
}

pub(crate) struct Driver {
    pub(crate) state: RunState,
    pub(crate) history: Vec<(Now, RunEvent)>,
    twin: RunState,
    millis: u64,
}

impl Driver {
    /// A run that is queued.
    pub(crate) fn queued(kit: Kit) -> Self {
        let state = fresh(kit.build());
        let mut driver = Self { twin: state.clone(), state, history: Vec::new(), millis: 0 };
        driver.state.apply(at(0), &queued_event()).unwrap();
        driver.record(vec![queued_event()]);
        driver
    }

    /// A queued run that does not do these tasks again, which succeeded in an earlier run.
    pub(crate) fn reusing(kit: Kit, tasks: &[&str]) -> Self {
        let mut driver = Self::queued(kit);
        driver.take_over(tasks.iter().map(|task| reused(task, TaskEnd::Succeeded)).collect());
        driver
    }

    /// Names tasks that are not done again.
    pub(crate) fn take_over(&mut self, events: Vec<RunEvent>) {
        for event in &events {
            self.state.apply(at(self.millis), event).unwrap();
        }
        self.record(events);
    }

    /// A run that goes on, with its workspace.
    pub(crate) fn started(kit: Kit) -> Self {
        let mut driver = Self::queued(kit);
        driver.send(Input::Admitted);
        driver.send(Input::Prepared { generation: 1 });
        driver
    }

    /// Sends an input and returns what happened, in short words.
    pub(crate) fn send(&mut self, input: Input) -> Vec<String> {
        let events = self.state.settle(input, at(self.millis)).unwrap();
        let words = events.iter().map(brief).collect();
        self.record(events);
        words
    }

    fn record(&mut self, events: Vec<RunEvent>) {
        for event in events {
            let written = serde_json::to_string(&event).unwrap();
            let read: RunEvent = serde_json::from_str(&written).unwrap();
            assert_eq!(read, event, "an event changes when it is written: {written}");
            self.twin.apply(at(self.millis), &read).unwrap();
            self.history.push((at(self.millis), event));
        }
        assert!(self.twin == self.state, "the same events gave another state");
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, millis: u64) -> Vec<String> {
        self.millis += millis;
        self.send(Input::Tick)
    }

    pub(crate) fn index(&self, task: &str) -> TaskIndex {
        self.state.plan().index_of(task).unwrap()
    }

    pub(crate) fn grant(&mut self, task: &str) -> Vec<String> {
        let task = self.index(task);
        self.send(Input::SlotGranted { task })
    }

    pub(crate) fn refuse(&mut self, task: &str) -> Vec<String> {
        let task = self.index(task);
        self.send(Input::SlotRefused { task, reason: WaitReason::new("slot", "all are taken") })
    }

    pub(crate) fn end(&mut self, task: &str, end: AttemptEnd) -> Vec<String> {
        let (task, attempt) = (self.index(task), self.state.task(self.index(task)).attempts());
        self.send(Input::AttemptEnded { task, attempt, end })
    }

    pub(crate) fn ok(&mut self, task: &str) -> Vec<String> {
        self.end(task, succeeded())
    }

    pub(crate) fn fail(&mut self, task: &str) -> Vec<String> {
        self.end(task, failed())
    }

    /// Starts a task and ends it well.
    pub(crate) fn run(&mut self, task: &str) -> Vec<String> {
        self.grant(task);
        self.ok(task)
    }

    pub(crate) fn cancel(&mut self) -> Vec<String> {
        self.send(Input::Cancel { by: "ada".to_owned(), reason: String::new() })
    }

    pub(crate) fn decide(&mut self, task: &str, decision: Decision) -> Vec<String> {
        let task = self.index(task);
        self.send(Input::Decide { task, decision, by: "ada".to_owned(), reason: "late".to_owned() })
    }

    pub(crate) fn lose_workspace(&mut self, generation: u32) -> Vec<String> {
        let cause = Cause::new("podEvicted", "the pod was evicted", "");
        self.send(Input::WorkspaceLost { generation, cause })
    }

    pub(crate) fn status(&self, task: &str) -> TaskStatus {
        self.state.task(self.index(task)).status()
    }

    pub(crate) fn wanted(&self) -> Vec<&str> {
        self.state.slots_wanted().map(|index| self.state.task(index).id().as_str()).collect()
    }

    /// What the state wants done, in short words.
    pub(crate) fn effects(&self) -> Vec<String> {
        let name = |task: TaskIndex| self.state.task(task).id().as_str();
        let brief = |effect: &Effect| match *effect {
            Effect::Prepare { generation } => format!("prepare {generation}"),
            Effect::RequestSlot { task } => format!("slot {}", name(task)),
            Effect::Run { task, attempt, generation } => format!("run {}#{attempt} in {generation}", name(task)),
            Effect::Stop { task, attempt, .. } => format!("stop {}#{attempt}", name(task)),
            Effect::Release => "release".to_owned(),
        };
        self.state.effects().iter().map(brief).collect()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.state.next_deadline().map(Elapsed::as_millis)
    }
}

pub(crate) fn succeeded() -> AttemptEnd {
    AttemptEnd::Succeeded { outputs: Default::default(), commit: None }
}

pub(crate) fn failed() -> AttemptEnd {
    AttemptEnd::Failed { exit_code: Some(1), cause: Cause::new("exitCode", "it ended with exit code 1", "") }
}

pub(crate) fn infrastructure() -> AttemptEnd {
    AttemptEnd::Infrastructure { cause: Cause::new("noSpace", "the disk is full", "") }
}

pub(crate) fn lost() -> AttemptEnd {
    AttemptEnd::Lost { cause: Cause::new("lost", "nobody knows", "") }
}

/// An event in short words: `attemptFinished unit#2 failed exitCode`.
pub(crate) fn brief(event: &RunEvent) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let code = |cause: &Option<Cause>| cause.as_ref().map(|cause| format!(" {}", cause.code)).unwrap_or_default();
    let kind = event.kind();
    match event {
        RunEvent::TaskWaiting { task, reason } => format!("{kind} {task} {}", reason.code),
        RunEvent::WorkspaceReady { generation } | RunEvent::WorkspaceLost { generation, .. } => {
            format!("{kind} {generation}")
        }
        RunEvent::AttemptStarted { task, attempt, .. } | RunEvent::TaskRunning { task, attempt } => {
            format!("{kind} {task}#{attempt}")
        }
        RunEvent::AttemptStopping { task, attempt, state, cause } => {
            format!("{kind} {task}#{attempt} {} {}", word(serde_json::json!(state)), cause.code)
        }
        RunEvent::AttemptFinished { task, attempt, state, cause, .. } => {
            format!("{kind} {task}#{attempt} {}{}", word(serde_json::json!(state)), code(cause))
        }
        RunEvent::TaskFinished { task, state, cause, .. } => {
            format!("{kind} {task} {}{}", word(serde_json::json!(state)), code(cause))
        }
        RunEvent::TaskReused { task, state, .. } => format!("{kind} {task} {}", word(serde_json::json!(state))),
        RunEvent::RunFinished { state, cause, .. } => {
            format!("{kind} {}{}", word(serde_json::json!(state)), code(cause))
        }
        other => match other.task() {
            Some(task) => format!("{kind} {task}"),
            None => kind.to_owned(),
        },
    }
}
