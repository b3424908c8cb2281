//! An executor, people, a clock and crashes, all from one seed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::{Dice, History, replay};
use crate::pipeline::{CommitInfo, Plan, TaskIndex};
use crate::run::tests::driver::{at, failed, fresh, infrastructure, lost, queued_event, succeeded};
use crate::run::{AttemptEnd, Cause, Decision, Effect, Input, RunEvent, RunState, WaitReason};

/// Longer than any timeout: such a step ends only when it is stopped.
const FOREVER: u64 = 100_000;

/// Something that will reach the driver.
#[derive(Clone, Debug)]
enum Signal {
    Input(Input),
    Log { task: TaskIndex, attempt: u32 },
    LoseWorkspace,
}

/// A step as its executor knows it: this outlives the driver.
struct Step {
    ends_at: u64,
    end: AttemptEnd,
}

pub(super) struct World {
    plan: Arc<Plan>,
    dice: Dice,
    state: RunState,
    /// Gets the same events, one by one: what a recovery at this moment would see.
    twin: RunState,
    pub(super) history: History,
    now: u64,
    number: u64,
    crashes: bool,
    slots: usize,
    /// What the driver has under way; a crash forgets it.
    signals: BTreeMap<(u64, u64), Signal>,
    watched: BTreeSet<String>,
    /// What happens whatever the driver does.
    outside: BTreeMap<(u64, u64), Signal>,
    steps: BTreeMap<(TaskIndex, u32), Step>,
    stopped: HashSet<(TaskIndex, u32)>,
}

impl World {
    /// A run that takes over what these events say.
    pub(super) fn new(plan: Arc<Plan>, mut dice: Dice, crashes: bool, reused: Vec<RunEvent>) -> Self {
        let mut outside = BTreeMap::new();
        let cancel = || Signal::Input(Input::Cancel { by: "ada".to_owned(), reason: String::new() });
        if dice.chance(25) {
            let number = 1 + dice.below(3);
            (0..number).for_each(|number| drop(outside.insert((dice.below(300), number), cancel())));
        }
        let repeats = plan.tasks.iter().any(|task| task.retry.from.is_some());
        if dice.chance(if repeats { 80 } else { 15 }) {
            let number = 1 + dice.below(3);
            (0..number).for_each(|number| drop(outside.insert((dice.below(350), 10 + number), Signal::LoseWorkspace)));
        }
        let admitted_at = dice.below(30);
        outside.insert((admitted_at, 20), Signal::Input(Input::Admitted));
        let state = fresh(Arc::clone(&plan));
        let mut world = Self::bare(plan, dice, state, crashes);
        world.outside = outside;
        for event in std::iter::once(queued_event()).chain(reused) {
            world.state.apply(at(0), &event).unwrap();
            world.record(event);
        }
        world
    }

    /// Goes on after a crash, with an executor that knows of nothing and no people.
    pub(super) fn resume(state: RunState, known: &[(crate::run::Now, RunEvent)], dice: Dice) -> Self {
        let mut world = Self::bare(Arc::clone(state.plan()), dice, state.clone(), false);
        world.twin = state;
        world.history = known.to_vec();
        world.now = known.last().map_or(0, |(at, _)| at.elapsed.as_millis());
        world.outside.insert((world.now, 0), Signal::Input(Input::Recovered));
        world.outside.insert((world.now + 1, 1), Signal::Input(Input::Admitted));
        world.ask_people_again();
        world
    }

    /// Who was asked and has not been heard says it again.
    fn ask_people_again(&mut self) {
        let asked = self.history.iter().filter_map(|(_, event)| match event {
            RunEvent::ApprovalRequested { task, .. } => self.state.index_of(task),
            _ => None,
        });
        for task in asked.collect::<Vec<_>>() {
            self.expect_decision(task);
        }
    }

    fn bare(plan: Arc<Plan>, mut dice: Dice, state: RunState, crashes: bool) -> Self {
        Self {
            plan,
            twin: state.clone(),
            state,
            history: Vec::new(),
            now: 0,
            number: 100,
            crashes,
            slots: 1 + dice.below(4) as usize,
            dice,
            signals: BTreeMap::new(),
            watched: BTreeSet::new(),
            outside: BTreeMap::new(),
            steps: BTreeMap::new(),
            stopped: HashSet::new(),
        }
    }

    /// Drives the run to its release.
    pub(super) fn run(&mut self) -> Result<(), String> {
        while !self.state.is_released() {
            self.carry_out();
            let signal = self.next_signal()?;
            let Some(input) = self.input(signal) else { continue };
            let events = self.state.settle(input, at(self.now)).map_err(|error| error.to_string())?;
            self.commit(events)?;
            if self.history.len() > 5000 {
                return Err("it goes on for ever".to_owned());
            }
        }
        if self.state.effects().is_empty() { Ok(()) } else { Err("a released run wants something".to_owned()) }
    }

    /// Commits all events or, when the machine crashes, only some; then the rest never happened.
    fn commit(&mut self, events: Vec<RunEvent>) -> Result<(), String> {
        let crash = self.crashes && self.dice.chance(8);
        let kept = if crash { self.dice.below(events.len() as u64 + 1) as usize } else { events.len() };
        for event in events.into_iter().take(kept) {
            self.record(event);
        }
        if crash {
            self.recover();
        } else if self.twin != self.state {
            return Err("the same events gave another state".to_owned());
        }
        Ok(())
    }

    fn record(&mut self, event: RunEvent) {
        self.twin.apply(at(self.now), &event).unwrap();
        if let RunEvent::ApprovalRequested { task, .. } = &event {
            let task = self.state.index_of(task).unwrap();
            self.expect_decision(task);
        }
        self.history.push((at(self.now), event));
    }

    fn recover(&mut self) {
        self.state = if self.dice.chance(20) { replay(&self.plan, &self.history) } else { self.twin.clone() };
        assert!(self.state == self.twin, "a replay gave another state");
        self.signals.clear();
        self.watched.clear();
        self.stopped.clear();
        self.now += self.dice.below(40);
        self.ask_people_again();
        self.signal(0, Signal::Input(Input::Recovered));
        if self.state.started().is_none() {
            self.signal(1, Signal::Input(Input::Admitted));
        }
    }

    fn expect_decision(&mut self, task: TaskIndex) {
        let decision = if self.dice.chance(70) { Decision::Approved } else { Decision::Rejected };
        let input = Input::Decide { task, decision, by: "ada".to_owned(), reason: String::new() };
        self.number += 1;
        self.outside.insert((self.now + self.dice.below(200), self.number), Signal::Input(input));
    }

    fn signal(&mut self, after: u64, signal: Signal) {
        self.number += 1;
        self.signals.insert((self.now + after, self.number), signal);
    }

    /// The next thing that reaches the driver, or a tick at the state's deadline.
    fn next_signal(&mut self) -> Result<Signal, String> {
        let first = |map: &BTreeMap<(u64, u64), Signal>| map.keys().next().copied();
        let (inside, outside) = (first(&self.signals), first(&self.outside));
        let next = [inside, outside].into_iter().flatten().min();
        let deadline = self.state.next_deadline().map(|at| at.as_millis());
        if let Some(deadline) = deadline
            && next.is_none_or(|(at, _)| deadline < at)
        {
            self.now = self.now.max(deadline + self.dice.below(3));
            return Ok(Signal::Input(Input::Tick));
        }
        let next = next.ok_or("nothing is under way, and the run has not ended")?;
        self.now = self.now.max(next.0);
        let signal = if Some(next) == inside { self.signals.remove(&next) } else { self.outside.remove(&next) };
        signal.ok_or_else(|| "a signal is gone".to_owned())
    }

    fn input(&mut self, signal: Signal) -> Option<Input> {
        match signal {
            Signal::Input(Input::SlotGranted { task }) => {
                self.watched.remove(&format!("slot {}", task.0));
                let held = self.state.effects().iter().filter(|effect| matches!(effect, Effect::Run { .. })).count();
                if held < self.slots {
                    return Some(Input::SlotGranted { task });
                }
                Some(Input::SlotRefused { task, reason: WaitReason::new("slot", "all are taken") })
            }
            Signal::Input(input) => Some(input),
            Signal::Log { task, attempt } => {
                if self.dice.chance(10) {
                    return Some(Input::LogTruncated { task, attempt, limit: 1 << 30 });
                }
                let log = self.state.log_position(task, attempt);
                let (from, length) = (log.stored, self.dice.below(100));
                Some(Input::LogAppended { task, attempt, from, to: from + length, source: log.source + length })
            }
            Signal::LoseWorkspace => {
                let cause = Cause::new("podEvicted", "the pod was evicted", "");
                Some(Input::WorkspaceLost { generation: self.state.generation(), cause })
            }
        }
    }

    /// What a driver does with effects: start what is new, forget what is no longer wanted.
    fn carry_out(&mut self) {
        let effects = self.state.effects();
        let keys = effects.iter().map(key).collect::<BTreeSet<_>>();
        self.watched.retain(|key| keys.contains(key));
        for effect in effects {
            if self.watched.insert(key(&effect)) {
                self.start(effect);
            }
        }
    }

    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Prepare { generation } => {
                let after = self.dice.below(20);
                let cause = Cause::new("noNode", "there is no node", "");
                let input = if self.dice.chance(6) {
                    Input::WorkspaceLost { generation, cause }
                } else {
                    Input::Prepared { generation }
                };
                self.signal(after, Signal::Input(input));
            }
            Effect::RequestSlot { task } => {
                let after = 1 + self.dice.below(5);
                self.signal(after, Signal::Input(Input::SlotGranted { task }));
            }
            Effect::Run { task, attempt, .. } => self.start_step(task, attempt),
            Effect::Stop { task, attempt, .. } => self.stop_step(task, attempt),
            Effect::Release => {
                let after = self.dice.below(10);
                self.signal(after, Signal::Input(Input::Released));
            }
        }
    }

    fn start_step(&mut self, task: TaskIndex, attempt: u32) {
        if !self.steps.contains_key(&(task, attempt)) {
            let ends_at = self.now + if self.dice.chance(6) { FOREVER } else { self.dice.below(120) };
            let end = checked_out(self.any_end(), task, attempt);
            self.steps.insert((task, attempt), Step { ends_at, end });
            if self.plan.task(task).retry.from.is_some() && self.dice.chance(40) {
                self.number += 1;
                self.outside.insert((self.now + self.dice.below(60), self.number), Signal::LoseWorkspace);
            }
            if self.dice.chance(15) {
                let reason = WaitReason::new("pullingImage", "the image is being pulled");
                let after = self.dice.below(30);
                self.signal(after, Signal::Input(Input::StepWaiting { task, attempt, reason }));
                let after = after + self.dice.below(50);
                self.signal(after, Signal::Input(Input::StepRunning { task, attempt }));
            }
            for _ in 0..self.dice.below(3) {
                let after = self.dice.below(60);
                self.signal(after, Signal::Log { task, attempt });
            }
        }
        self.await_step(task, attempt);
    }

    fn stop_step(&mut self, task: TaskIndex, attempt: u32) {
        let (after, gives_in) = (self.dice.below(20), self.dice.chance(80));
        let now = self.now;
        let Some(step) = self.steps.get_mut(&(task, attempt)) else { return };
        if step.ends_at > now + after && self.stopped.insert((task, attempt)) {
            step.ends_at = now + after;
            if gives_in {
                step.end = AttemptEnd::Stopped { exit_code: Some(143) };
            }
            self.await_step(task, attempt);
        }
    }

    fn await_step(&mut self, task: TaskIndex, attempt: u32) {
        let Some(step) = self.steps.get(&(task, attempt)) else { return };
        let (after, end) = (step.ends_at.saturating_sub(self.now), step.end.clone());
        self.signal(after, Signal::Input(Input::AttemptEnded { task, attempt, end }));
    }

    fn any_end(&mut self) -> AttemptEnd {
        match self.dice.below(100) {
            0..70 => succeeded(),
            70..84 => failed(),
            84..92 => infrastructure(),
            92..97 => lost(),
            _ => AttemptEnd::Stopped { exit_code: Some(137) },
        }
    }
}

fn key(effect: &Effect) -> String {
    match effect {
        Effect::RequestSlot { task } => format!("slot {}", task.0),
        other => format!("{other:?}"),
    }
}

/// Every third task is a checkout: what succeeds there brings a commit.
fn checked_out(mut end: AttemptEnd, task: TaskIndex, number: u32) -> AttemptEnd {
    if let AttemptEnd::Succeeded { commit, .. } = &mut end
        && task.0.is_multiple_of(3)
    {
        *commit = Some(CommitInfo { sha: format!("{}-{number}", task.0), ..CommitInfo::default() }.into());
    }
    end
}
