//! What goes on behind a scripted executor: the part that an engine's crash does not touch. Plain data, no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::Call;
use super::files::Files;
use super::script::{End, Script};
use crate::executor::{Adopt, ExecutorError, RunScope, StepExit, StepSpec, SweepReport};
use crate::pipeline::WorkspaceUse;
use crate::run::{Elapsed, RunId, StepEnd, StepKey, WaitReason};

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// Everything that happened and will happen, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By the task's name in the run or in the document: a script for each attempt; the last one is for all further ones.
    pub(super) scripts: BTreeMap<String, Vec<Script>>,
    pub(super) calls: Vec<Call>,
    /// Errors for the next calls of `prepare`.
    pub(super) prepare_errors: Vec<String>,
    /// How long a workspace takes to be made.
    pub(super) preparation: Duration,
    runs: BTreeMap<RunId, Workspace>,
    steps: BTreeMap<StepKey, Token>,
}

/// The workspace of a run.
#[derive(Debug)]
struct Workspace {
    generation: u32,
    standing: Standing,
    files: Files,
}

/// What became of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Steps can work in it.
    Ready,
    /// The test took it away.
    Lost,
    /// The run is over, and its files wait for another run.
    Kept,
    /// The run is over, and it is gone or another run's.
    Released,
}

/// A start token that somebody took.
#[derive(Debug)]
enum Token {
    Started(Step),
    /// A stop came before the start.
    Tombstone,
}

/// A step that was started.
#[derive(Debug)]
struct Step {
    started: Elapsed,
    script: Script,
    /// The moment from which it is no more, and by which signal; `None` for the signal when it is lost.
    cut: Option<(Elapsed, Option<i32>)>,
    forgotten: bool,
}

/// Where a step stands at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting(WaitReason),
    Running,
    Ended,
}

/// What `wait` has to say at a moment.
pub(super) enum Waited {
    Ended(Result<StepExit, ExecutorError>),
    /// Nothing before this moment; never by itself when there is none.
    Until(Option<Elapsed>),
}

impl Step {
    fn at(&self, after: Duration) -> Elapsed {
        self.started + after
    }

    /// When it is over, as far as it is known; the first of its own end and of what others did to it.
    fn over(&self) -> Option<Elapsed> {
        let own = (!matches!(self.script.end, End::Hangs)).then(|| self.at(self.script.length));
        match (own, self.cut) {
            (Some(own), Some((cut, _))) => Some(own.min(cut)),
            (own, cut) => own.or(cut.map(|(cut, _)| cut)),
        }
    }

    fn is_over(&self, now: Elapsed) -> bool {
        self.over().is_some_and(|over| over <= now)
    }

    /// How it ended; only for one that is over.
    fn ending(&self) -> Result<StepEnd, ExecutorError> {
        let over = self.over();
        if let Some((_, signal)) = self.cut.filter(|(cut, _)| Some(*cut) == over && self.is_cut_before_its_end(*cut)) {
            return signal.map(StepEnd::Signal).ok_or_else(|| lost("it went with its workspace"));
        }
        match &self.script.end {
            End::Exit(end) => Ok(*end),
            End::Hangs | End::Lost => Err(lost("the script says so")),
            End::Infrastructure(message) => Err(infrastructure(message)),
            End::BadStep(code, message) => Err(bad_step(code, message)),
        }
    }

    fn is_cut_before_its_end(&self, cut: Elapsed) -> bool {
        matches!(self.script.end, End::Hangs) || cut < self.at(self.script.length)
    }

    /// What it has printed by now.
    fn printed(&self, now: Elapsed) -> Vec<u8> {
        let until = self.over().map_or(now, |over| over.min(now));
        let pieces = self.script.log.iter().filter(|(after, _)| self.at(*after) <= until);
        pieces.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// The next moment after `now` at which something happens.
    fn next_change(&self, now: Elapsed) -> Option<Elapsed> {
        let logs = self.script.log.iter().map(|(after, _)| self.at(*after));
        let waits = self.script.waits.iter().flat_map(|wait| [self.at(wait.from), self.at(wait.to)]);
        logs.chain(waits).chain(self.over()).filter(|moment| *moment > now).min()
    }

    fn phase(&self, now: Elapsed) -> Phase {
        if self.is_over(now) {
            return Phase::Ended;
        }
        let waits = |wait: &&super::script::Wait| self.at(wait.from) <= now && now < self.at(wait.to);
        self.script.waits.iter().find(waits).map_or(Phase::Running, |wait| Phase::Waiting(wait.reason.clone()))
    }

    /// Ends it at a moment, unless it ends before anyhow.
    fn cut(&mut self, at: Elapsed, signal: Option<i32>) {
        if self.cut.is_none_or(|(earlier, _)| at < earlier) {
            self.cut = Some((at, signal));
        }
    }

    fn exit(&self, now: Elapsed) -> Result<StepExit, ExecutorError> {
        let end = self.ending()?;
        let log_length = self.printed(now).len() as u64;
        Ok(StepExit { end, log_length, output: Bytes::copy_from_slice(&self.script.output) })
    }
}

impl World {
    pub(super) fn prepare(&mut self, scope: &RunScope) -> Result<(), ExecutorError> {
        if !self.prepare_errors.is_empty() {
            return Err(infrastructure(&self.prepare_errors.remove(0)));
        }
        let there = self.runs.get(&scope.run).filter(|found| found.generation == scope.generation);
        match there.map(|found| found.standing) {
            Some(Standing::Lost) => return Err(workspace_lost(scope.run, "the test lost it")),
            Some(Standing::Ready) => return Ok(()),
            _ if scope.existing => return Err(workspace_lost(scope.run, "there is none of this generation")),
            Some(Standing::Kept | Standing::Released) | None => {}
        }
        let files = match scope.adopt {
            Some(kept) => self.give_up(kept)?,
            None => Files::default(),
        };
        let fresh = Workspace { generation: scope.generation, standing: Standing::Ready, files };
        self.runs.insert(scope.run, fresh);
        Ok(())
    }

    /// The files of a kept workspace, which are another run's from now on.
    fn give_up(&mut self, kept: Adopt) -> Result<Files, ExecutorError> {
        let found = self.runs.get_mut(&kept.run);
        let found = found.filter(|found| found.generation == kept.generation && found.standing == Standing::Kept);
        let workspace = found.ok_or_else(|| workspace_lost(kept.run, "it was to be taken over, and is not kept"))?;
        workspace.standing = Standing::Released;
        Ok(std::mem::take(&mut workspace.files))
    }

    pub(super) fn start(&mut self, spec: &StepSpec, now: Elapsed) -> Result<(), ExecutorError> {
        if self.steps.contains_key(&spec.key) {
            return Ok(());
        }
        self.workspace(spec.key.run)?;
        let script = self.script(&spec.key);
        match &script.end {
            End::BadStep(code, message) => return Err(bad_step(code, message)),
            End::Infrastructure(message) if script.length.is_zero() => return Err(infrastructure(message)),
            _ => {}
        }
        if spec.workspace != WorkspaceUse::None {
            let files = self.files(spec.key.run)?;
            script.files.iter().try_for_each(|(path, content)| files.put(path, content.clone()))?;
        }
        let step = Step { started: now, script, cut: None, forgotten: false };
        self.steps.insert(spec.key.clone(), Token::Started(step));
        Ok(())
    }

    pub(super) fn wait(&self, key: &StepKey, now: Elapsed) -> Waited {
        if self.is_over(key.run) {
            return Waited::Ended(Err(lost("its run was released")));
        }
        match self.steps.get(key) {
            Some(Token::Tombstone) => Waited::Ended(Err(ExecutorError::NeverStarted)),
            Some(Token::Started(step)) if step.is_over(now) => Waited::Ended(step.exit(now)),
            Some(Token::Started(step)) => Waited::Until(step.next_change(now)),
            None => match self.workspace(key.run) {
                Ok(_) => Waited::Until(None),
                Err(_) => Waited::Ended(Err(lost("its workspace is gone"))),
            },
        }
    }

    /// The log from an offset on, and whether there will be no more of it; with the next moment to look again.
    pub(super) fn log(&self, key: &StepKey, from: u64, now: Elapsed) -> (Bytes, bool, Option<Elapsed>) {
        match self.steps.get(key) {
            _ if self.is_over(key.run) => (Bytes::new(), true, None),
            Some(Token::Tombstone) => (Bytes::new(), true, None),
            Some(Token::Started(step)) if step.forgotten => (Bytes::new(), true, None),
            Some(Token::Started(step)) => {
                let printed = step.printed(now);
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(printed.len());
                (Bytes::copy_from_slice(&printed[from..]), step.is_over(now), step.next_change(now))
            }
            None => (Bytes::new(), self.workspace(key.run).is_err(), None),
        }
    }

    /// Takes the signal to the step, and says when it will be over; `None` when nothing of it is left.
    pub(super) fn stop(&mut self, key: &StepKey, grace: Duration, now: Elapsed) -> Option<Elapsed> {
        match self.steps.entry(key.clone()).or_insert(Token::Tombstone) {
            Token::Tombstone => None,
            Token::Started(step) if step.is_over(now) => None,
            Token::Started(step) => {
                if step.script.ignores_signal {
                    step.cut(now + grace, Some(SIGKILL));
                } else {
                    step.cut(now, Some(SIGTERM));
                }
                step.over().filter(|over| *over > now)
            }
        }
    }

    pub(super) fn forget(&mut self, key: &StepKey, now: Elapsed) {
        if let Some(Token::Started(step)) = self.steps.get_mut(key) {
            step.forgotten = step.is_over(now);
        }
    }

    pub(super) fn release(&mut self, run: RunId, now: Elapsed) {
        self.end_steps(run, now);
        if let Some(workspace) = self.runs.get_mut(&run) {
            workspace.standing = Standing::Released;
            workspace.files = Files::default();
        }
    }

    pub(super) fn keep(&mut self, run: RunId, generation: u32, now: Elapsed) -> bool {
        let found = self.runs.get_mut(&run).filter(|found| found.generation == generation);
        match found.filter(|found| matches!(found.standing, Standing::Ready | Standing::Kept)) {
            Some(workspace) => workspace.standing = Standing::Kept,
            None => {
                self.release(run, now);
                return false;
            }
        }
        self.end_steps(run, now);
        true
    }

    fn end_steps(&mut self, run: RunId, now: Elapsed) {
        for step in self.steps_of(run) {
            step.cut(now, Some(SIGKILL));
        }
    }

    pub(super) fn sweep(&mut self, keep: &[RunId], now: Elapsed) -> SweepReport {
        let keep: BTreeSet<_> = keep.iter().collect();
        let there = |workspace: &Workspace| workspace.standing != Standing::Released;
        let left = self.runs.iter().filter(|(run, workspace)| there(workspace) && !keep.contains(run));
        let removed: Vec<_> = left.map(|(run, _)| *run).collect();
        for run in &removed {
            self.release(*run, now);
        }
        SweepReport { removed }
    }

    pub(super) fn lose_workspace(&mut self, run: RunId, now: Elapsed) {
        if let Some(workspace) = self.runs.get_mut(&run).filter(|found| found.standing != Standing::Released) {
            workspace.standing = Standing::Lost;
            workspace.files = Files::default();
        }
        for step in self.steps_of(run) {
            step.cut(now, None);
        }
    }

    pub(super) fn read(&self, run: RunId, path: &str) -> Result<Bytes, ExecutorError> {
        let there = |found: &&Workspace| matches!(found.standing, Standing::Ready | Standing::Kept);
        let found = self.runs.get(&run).filter(there);
        let files = &found.ok_or_else(|| workspace_lost(run, "it was never prepared, or is lost or released"))?.files;
        files.pack(path)
    }

    pub(super) fn write(&mut self, run: RunId, path: &str, tar: &[u8]) -> Result<(), ExecutorError> {
        self.files(run)?.unpack(path, tar)
    }

    fn files(&mut self, run: RunId) -> Result<&mut Files, ExecutorError> {
        self.workspace(run)?;
        let found = self.runs.get_mut(&run).map(|workspace| &mut workspace.files);
        found.ok_or_else(|| workspace_lost(run, "it was never prepared"))
    }

    /// Whether the executor is done with the steps of the run.
    pub(super) fn is_over(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|found| matches!(found.standing, Standing::Kept | Standing::Released))
    }

    /// The phases of a run's steps, and the next moment at which one of them changes.
    pub(super) fn phases(&self, run: RunId, now: Elapsed) -> (Vec<(StepKey, Phase)>, Option<Elapsed>) {
        let started = self.started().filter(|(key, _)| key.run == run);
        let phases = started.map(|(key, step)| (key.clone(), step.phase(now))).collect();
        let next = self.started().filter(|(key, _)| key.run == run).filter_map(|(_, step)| step.next_change(now)).min();
        (phases, next)
    }

    /// The steps that took their token, with the time in which they went on; open when they still do.
    pub(super) fn spans(&self, now: Elapsed) -> impl Iterator<Item = (&StepKey, Elapsed, Option<Elapsed>)> {
        self.started().map(move |(key, step)| (key, step.started, step.over().filter(|over| *over <= now)))
    }

    fn started(&self) -> impl Iterator<Item = (&StepKey, &Step)> {
        self.steps.iter().filter_map(|(key, token)| match token {
            Token::Started(step) => Some((key, step)),
            Token::Tombstone => None,
        })
    }

    fn steps_of(&mut self, run: RunId) -> impl Iterator<Item = &mut Step> {
        self.steps.iter_mut().filter(move |(key, _)| key.run == run).filter_map(|(_, token)| match token {
            Token::Started(step) => Some(step),
            Token::Tombstone => None,
        })
    }

    fn workspace(&self, run: RunId) -> Result<&Workspace, ExecutorError> {
        let found = self.runs.get(&run).filter(|found| found.standing == Standing::Ready);
        found.ok_or_else(|| workspace_lost(run, "it was never prepared, or is lost or released"))
    }

    /// By the name of the matrix instance, else by the task's own; a step without a script succeeds at once.
    fn script(&self, key: &StepKey) -> Script {
        let name = key.task.as_str();
        let plain = name.split_once('[').map_or(name, |(plain, _)| plain);
        let scripts = self.scripts.get(name).or_else(|| self.scripts.get(plain));
        let attempt = usize::try_from(key.attempt).unwrap_or(usize::MAX).saturating_sub(1);
        let script = scripts.and_then(|scripts| scripts.get(attempt).or_else(|| scripts.last()));
        script.cloned().unwrap_or_default()
    }
}

fn lost(why: &str) -> ExecutorError {
    ExecutorError::Lost { why: why.to_owned() }
}

fn workspace_lost(run: RunId, why: &str) -> ExecutorError {
    ExecutorError::WorkspaceLost { run, why: why.to_owned() }
}

fn infrastructure(message: &str) -> ExecutorError {
    let advice = "This failure is scripted by a test.".to_owned();
    ExecutorError::Infrastructure { code: "scripted", message: message.to_owned(), advice }
}

pub(super) fn bad_step(code: &'static str, message: &str) -> ExecutorError {
    let advice = "This mistake is scripted by a test.".to_owned();
    ExecutorError::BadStep { code, message: message.to_owned(), advice }
}
