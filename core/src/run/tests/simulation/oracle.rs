//! What a finished run's history must look like, written from the rules and not from the machine: it reads events from the
//! first to the last and keeps only what the rules need.

mod repeats;
mod reuse;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use self::repeats::ancestors;
use super::History;
use crate::pipeline::{Plan, PlannedTask, RetryOn, Section};
use crate::run::{AttemptState, Decision, RunEnd, RunEvent, TaskEnd};

/// How late a driver may be: what a crash takes, and its own delay.
pub(super) const SLACK: u64 = 100;

type Verdict = Result<(), String>;

fn demand(holds: bool, broken: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(broken()) }
}

/// What is known of a task at a point of the history.
#[derive(Default)]
struct Seen {
    attempts: u32,
    /// The attempt that goes on: its start, whether it waits, whether it is being stopped.
    running: Option<(u64, bool, bool)>,
    last: Option<(u64, AttemptState, bool)>,
    asked: bool,
    decided: Option<Decision>,
    end: Option<TaskEnd>,
    satisfied: bool,
    /// The workspace of the attempt that goes on, and that of the last success.
    generation: u32,
    succeeded_in: u32,
    /// It waits until what it needs was done again.
    repeats: bool,
    /// How it ended in an earlier run.
    reused: Option<reuse::Copied>,
}

struct Oracle<'a> {
    plan: &'a Plan,
    tasks: Vec<Seen>,
    by_name: BTreeMap<&'a str, usize>,
    /// For each task, for which ones it waits, directly or not.
    ancestors: Vec<Vec<bool>>,
    now: u64,
    /// What decides how the run ends: the first of its kind.
    end: Option<RunEnd>,
    /// The stages must come to an end; what a failure spares is the stage with this number.
    stopping: Option<Option<u32>>,
    cancels: u32,
    started: bool,
    finally: Option<u64>,
    finally_over: bool,
    workspace: Option<(u32, bool)>,
    busy: u64,
    finished: bool,
    released: bool,
    /// The checkout that said for which commit the run is.
    checkout: Option<usize>,
}

/// Whether the history of a whole run keeps all rules.
pub(super) fn check(plan: &Plan, history: &History) -> Verdict {
    let by_name = plan.tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
    let mut oracle = Oracle {
        plan,
        tasks: plan.tasks.iter().map(|_| Seen::default()).collect(),
        by_name,
        ancestors: repeats::ancestors(plan),
        now: 0,
        end: None,
        stopping: None,
        cancels: 0,
        started: false,
        finally: None,
        finally_over: false,
        workspace: None,
        busy: 0,
        finished: false,
        released: false,
        checkout: None,
    };
    demand(matches!(history.first(), Some((_, RunEvent::RunQueued { .. }))), || "it does not start queued".to_owned())?;
    for (at, event) in &history[1..] {
        oracle.pass_to(at.elapsed.as_millis())?;
        oracle.read(event)?;
        oracle.mark_turns();
    }
    demand(oracle.released, || "it was never released".to_owned())
}

impl Oracle<'_> {
    fn task(&self, at: usize) -> &PlannedTask {
        &self.plan.tasks[at]
    }

    fn stage(&self, at: usize) -> Option<u32> {
        match self.task(at).section {
            Section::Stage(stage) => Some(stage.0),
            Section::Finally => None,
        }
    }

    fn in_stages(&self) -> impl Iterator<Item = (usize, &Seen)> {
        self.tasks.iter().enumerate().filter(|(at, _)| self.stage(*at).is_some())
    }

    /// Time goes on: deadlines that pass are missed.
    fn pass_to(&mut self, now: u64) -> Verdict {
        let passed = now.checked_sub(self.now).ok_or("time goes back")?;
        if self.in_stages().any(|(_, seen)| matches!(seen.running, Some((_, false, _)))) {
            self.busy += passed;
        }
        self.no_reused_task_lingers(now)?;
        self.now = now;
        for (at, seen) in self.tasks.iter().enumerate() {
            if let (Some((since, _, false)), Some(timeout)) = (seen.running, self.task(at).timeout) {
                let late = now > since + millis(timeout) + SLACK;
                demand(!late, || format!("{} runs longer than its timeout", self.task(at).id))?;
            }
        }
        let counts = self.stopping != Some(None);
        let late = counts && self.busy > millis(self.plan.timeout) + SLACK;
        demand(!late, || "the timeout of the pipeline passed".to_owned())?;
        let budget = self.finally.map(|since| since + millis(self.plan.finally_timeout) + SLACK);
        let late = !self.finished && !self.finally_over && budget.is_some_and(|budget| now > budget);
        demand(!late, || "the budget of finally passed".to_owned())
    }

    fn read(&mut self, event: &RunEvent) -> Verdict {
        let kind = event.kind();
        demand(!self.released, || format!("{kind} after the release"))?;
        let may_follow = matches!(event, RunEvent::RunReleased | RunEvent::EngineRecovered);
        demand(!self.finished || may_follow, || format!("{kind} after the end"))?;
        if let Some(task) = event.task() {
            let at = *self.by_name.get(task.as_str()).ok_or_else(|| format!("{kind} of {task}, which is nobody"))?;
            if let RunEvent::TaskReused { .. } = event {
                return self.take_over(at, event);
            }
            if let RunEvent::CommitFound { .. } = event {
                return self.learn_commit(at);
            }
            self.nothing_starts_again(at, event)?;
            let repeated = self.tasks.iter().any(|seen| seen.repeats) || self.tasks[at].running.is_some();
            let tells_again = matches!(event, RunEvent::TaskFinished { .. } | RunEvent::TaskStarted { .. });
            let fine = self.tasks[at].end.is_none() || (repeated && !tells_again);
            demand(fine, || format!("{kind} of {task}, which is over"))?;
            return self.read_task(at, event);
        }
        match event {
            RunEvent::RunStarted => {
                demand(!self.started && self.cancels == 0, || "it starts twice, or after a cancel".to_owned())?;
                self.started = true;
            }
            RunEvent::WorkspaceReady { generation } => self.workspace = Some((*generation, true)),
            RunEvent::WorkspaceLost { .. } => self.lose_workspace(),
            RunEvent::CancelRequested { .. } => {
                self.cancels += 1;
                self.end.get_or_insert(RunEnd::Cancelled);
                self.stopping = Some(None);
                self.finally_over |= self.cancels > 1;
            }
            RunEvent::RunTimedOut => {
                demand(self.busy >= millis(self.plan.timeout), || "the pipeline's timeout came too early".to_owned())?;
                self.end.get_or_insert(RunEnd::TimedOut);
                self.stopping = Some(None);
            }
            RunEvent::FinallyStarted => {
                let over = self.in_stages().all(|(_, seen)| seen.end.is_some() && seen.running.is_none());
                demand(over && self.cancels < 2, || "finally starts too early".to_owned())?;
                self.finally = Some(self.now);
                self.stopping = Some(None);
            }
            RunEvent::FinallyTimedOut => {
                let budget = self.finally.map(|since| since + millis(self.plan.finally_timeout));
                demand(budget.is_some_and(|at| self.now >= at), || "finally's budget ends too early".to_owned())?;
                self.end.get_or_insert(RunEnd::Failed);
                self.finally_over = true;
            }
            RunEvent::RunFinished { state, .. } => self.finish(*state)?,
            RunEvent::RunReleased => {
                demand(self.finished, || "it is released before its end".to_owned())?;
                self.released = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The stages fail with their workspace unless everything left needs none; before it was ever there, always.
    fn lose_workspace(&mut self) {
        let was_ready = matches!(self.workspace, Some((_, true)));
        let needed = self.in_stages().any(|(at, seen)| seen.end.is_none() && seen.reused.is_none() && self.shared(at))
            && !self.a_retry_repeats();
        self.workspace = None;
        if self.finally.is_none() && (!was_ready || needed) {
            self.end.get_or_insert(RunEnd::Failed);
            self.stopping = Some(None);
        }
    }

    fn read_task(&mut self, at: usize, event: &RunEvent) -> Verdict {
        let name = self.task(at).id.clone();
        match event {
            RunEvent::AttemptStarted { attempt, generation, .. } => {
                self.may_start(at)?;
                self.may_try_again(at)?;
                self.has_been_repeated(at, *generation)?;
                let there = self.workspace == Some((*generation, true));
                demand(there, || format!("{name} starts in a workspace that is not there"))?;
                let seen = &mut self.tasks[at];
                demand(*attempt == seen.attempts + 1, || format!("{name} starts attempt {attempt} out of order"))?;
                demand(seen.running.is_none(), || format!("{name} has two attempts at once"))?;
                seen.attempts += 1;
                seen.generation = *generation;
                seen.repeats = false;
                seen.running = Some((self.now, false, false));
            }
            RunEvent::TaskWaiting { reason, .. } if reason.code == "repeat" => self.tasks[at].repeats = true,
            RunEvent::TaskWaiting { .. } if self.tasks[at].running.is_none() && !self.tasks[at].asked => {
                self.tasks[at].repeats = false;
                self.goes_on(at)?;
            }
            RunEvent::TaskWaiting { .. } => self.tasks[at].running.iter_mut().for_each(|running| running.1 = true),
            RunEvent::TaskRunning { .. } => self.tasks[at].running.iter_mut().for_each(|running| running.1 = false),
            RunEvent::AttemptStopping { state, cause, .. } => self.stop(at, *state, &cause.code)?,
            RunEvent::AttemptFinished { state, infrastructure, .. } => {
                let seen = &mut self.tasks[at];
                demand(seen.running.take().is_some(), || format!("{name} ends an attempt that does not run"))?;
                seen.last = Some((self.now, *state, *infrastructure));
                if *state == AttemptState::Succeeded {
                    seen.succeeded_in = seen.generation;
                }
            }
            RunEvent::LogAppended { .. } | RunEvent::LogTruncated { .. } => {
                demand(self.tasks[at].running.is_some(), || format!("{name} logs and does not run"))?;
            }
            RunEvent::ApprovalRequested { .. } => {
                self.may_start(at)?;
                self.tasks[at].asked = true;
            }
            RunEvent::ApprovalDecided { decision, .. } => {
                let seen = &mut self.tasks[at];
                demand(seen.asked && seen.decided.is_none(), || format!("{name} was not asked"))?;
                seen.decided = Some(*decision);
            }
            RunEvent::TaskFinished { state, cause, .. } => {
                self.ends_as_it_did(at, event)?;
                let code = cause.as_ref().map(|cause| cause.code.clone()).unwrap_or_default();
                self.finish_task(at, *state, &code)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Everything before it is satisfied, its conditions are true, and the run still goes on for it.
    fn may_start(&self, at: usize) -> Verdict {
        let task = self.task(at);
        let name = &task.id;
        let asked_before = self.tasks[at].reused.is_some();
        demand(asked_before || task.when.iter().all(|when| when.source() == "true"), || {
            format!("{name} starts against its condition")
        })?;
        if self.stage(at).is_none() {
            let before = (0..at).all(|before| self.tasks[before].end.is_some());
            return demand(self.finally.is_some() && before && !self.finally_over, || {
                format!("{name} starts too early")
            });
        }
        let needs = task.needs.iter().all(|need| self.tasks[need.get()].satisfied);
        let stages = task.after.is_none_or(|after| {
            self.in_stages().all(|(other, seen)| self.stage(other) > Some(after.0) || seen.satisfied)
        });
        demand(needs && stages, || format!("{name} does not wait for what it needs"))?;
        demand(self.started, || format!("{name} starts before the run"))?;
        self.goes_on(at).map_err(|_| format!("{name} starts though the run does not go on"))
    }

    /// Whether the run still goes on for this task.
    fn goes_on(&self, at: usize) -> Verdict {
        let going = match self.stage(at) {
            Some(stage) => self.stopping.is_none_or(|spared| spared == Some(stage)),
            None => !self.finally_over,
        };
        demand(going, || format!("{} waits though the run does not go on", self.task(at).id))
    }

    fn may_try_again(&self, at: usize) -> Verdict {
        let (seen, task) = (&self.tasks[at], self.task(at));
        let Some((ended, state, infrastructure)) = seen.last.filter(|_| seen.end.is_none()) else { return Ok(()) };
        let kind = match state {
            AttemptState::Failed if infrastructure => RetryOn::Infrastructure,
            AttemptState::Failed => RetryOn::Failure,
            AttemptState::TimedOut => RetryOn::Timeout,
            AttemptState::Lost => RetryOn::Lost,
            other => return Err(format!("{} tries again after {other:?}", task.id)),
        };
        let allowed = task.retry.on.contains(&kind) && seen.attempts < task.retry.attempts;
        demand(allowed, || format!("{} tries again after {state:?} though its policy says no", task.id))?;
        let pause = millis(task.retry.pause_before(seen.attempts + 1));
        demand(self.now >= ended + pause, || format!("{} tries again before its pause is over", task.id))
    }

    fn stop(&mut self, at: usize, state: AttemptState, code: &str) -> Verdict {
        let (now, timeout) = (self.now, self.task(at).timeout);
        let name = self.task(at).id.clone();
        let running = self.tasks[at].running.as_mut().ok_or_else(|| format!("{name} is stopped and does not run"))?;
        demand(!running.2, || format!("{name} is stopped twice"))?;
        running.2 = true;
        let since = running.0;
        if code == "timeout" {
            let over = state == AttemptState::TimedOut && timeout.is_some_and(|timeout| now >= since + millis(timeout));
            return demand(over, || format!("{name} is stopped before its timeout"));
        }
        let ending = if self.stage(at).is_some() { self.stopping == Some(None) } else { self.finally_over };
        demand(ending, || format!("{name} is stopped without a reason"))
    }

    fn finish_task(&mut self, at: usize, end: TaskEnd, code: &str) -> Verdict {
        let (task, seen) = (self.task(at), &self.tasks[at]);
        let name = task.id.clone();
        demand(seen.running.is_none(), || format!("{name} is over while its attempt runs"))?;
        let earned = match end {
            _ if seen.reused.is_some() => true,
            TaskEnd::Succeeded => {
                matches!(seen.last, Some((_, AttemptState::Succeeded, _))) || seen.decided == Some(Decision::Approved)
            }
            TaskEnd::Skipped => seen.attempts == 0 && !seen.asked,
            TaskEnd::Lost => matches!(seen.last, Some((_, AttemptState::Lost, _))),
            TaskEnd::Failed | TaskEnd::TimedOut | TaskEnd::Cancelled => {
                !matches!(seen.last, Some((_, AttemptState::Succeeded, _)))
            }
        };
        demand(earned, || format!("{name} is {end:?} after {:?}", seen.last))?;
        let by_condition = end == TaskEnd::Skipped && code == "conditionFalse";
        let has_false = task.when.iter().any(|when| when.source() == "false");
        demand(!by_condition || has_false, || format!("{name} is skipped by a condition that it does not have"))?;
        let failed = matches!(end, TaskEnd::Failed | TaskEnd::TimedOut | TaskEnd::Lost);
        let satisfied = end == TaskEnd::Succeeded || by_condition || (failed && task.allow_failure());
        let Some(stage) = self.stage(at) else {
            if !satisfied && !self.finally_over {
                self.end.get_or_insert(RunEnd::Failed);
            }
            self.tasks[at].end = Some(end);
            return Ok(());
        };
        let sane = satisfied || failed || self.stopping.is_some();
        demand(sane, || format!("{name} is {end:?} though nothing ended the run"))?;
        if end == TaskEnd::Lost && self.tasks[at].repeats {
            self.tasks.iter_mut().for_each(|seen| seen.repeats = false);
        }
        if failed && !satisfied && self.stopping != Some(None) {
            self.end.get_or_insert(RunEnd::Failed);
            let repeating = self.tasks.iter().any(|seen| seen.repeats);
            let lenient = !self.plan.stages[stage as usize].fail_fast && !repeating;
            self.stopping = match self.stopping {
                Some(spared) if lenient => Some(spared),
                _ if lenient => Some(Some(stage)),
                _ => Some(None),
            };
        }
        (self.tasks[at].end, self.tasks[at].satisfied) = (Some(end), satisfied);
        Ok(())
    }

    fn finish(&mut self, state: RunEnd) -> Verdict {
        let open = self.tasks.iter().position(|seen| seen.end.is_none() || seen.running.is_some());
        demand(open.is_none(), || format!("it ends before {:?}", open.map(|at| &self.task(at).id)))?;
        let has_finally = self.plan.tasks.iter().any(|task| task.section == Section::Finally);
        let skipped = !self.started || self.cancels > 1;
        demand(!has_finally || skipped || self.finally.is_some(), || "finally was left out".to_owned())?;
        let expected = self.end.unwrap_or(RunEnd::Succeeded);
        demand(state == expected, || format!("it ends {state:?} and must end {expected:?}"))?;
        let all_well = self.in_stages().all(|(_, seen)| seen.satisfied);
        demand(state != RunEnd::Succeeded || all_well, || "it succeeds though a task did not".to_owned())?;
        self.finished = true;
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
