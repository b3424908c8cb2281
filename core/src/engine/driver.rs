//! The driver of one run: decide, commit, publish, carry out. An event is committed before anything acts on it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::action::{ActionJob, is_action};
use super::core::{Core, Hold};
use super::effects::{PrepareJob, ReleaseJob, StopJob};
use super::feed::{Feed, FeedEnd};
use super::filing::wants_filing;
use super::jobs::Jobs;
use super::message::{INBOX, Keep, Message};
use super::request::StoredRequest;
use super::run_masks::RunMasks;
use super::standstill::{all_reported, hear_until};
use super::step::StepJob;
use super::telemetry::RunTelemetry;
use crate::audit::AuditEntry;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::pipeline::{PlannedTask, TaskId, TaskIndex};
use crate::run::{AttemptState, Effect, Input, RunEvent, RunId, RunState, Seq, Sequenced, StepKey, WaitReason};
use crate::store::{Append, Batch, CredentialChange, KeptWorkspace, RunDigest, Stamped, StoreError};

/// Raw logs smaller than this stay until the run is released: dropping one costs more than it frees.
const WORTH_FORGETTING: u64 = 16 * 1024;
/// The pause before a commit is tried again that the disk refused.
const COMMIT_PAUSE: Duration = Duration::from_secs(1);

/// The driver of one run.
pub(super) struct Driver {
    core: Arc<Core>,
    run: RunId,
    request: Arc<StoredRequest>,
    state: RunState,
    last: Seq,
    feed: Arc<Feed>,
    sender: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    /// Slots that others gave back and that are now the run's.
    granted: usize,
    /// Slots that the run holds and no longer uses.
    freed: usize,
    /// Attempts that use a slot.
    running: HashSet<(TaskIndex, u32)>,
    /// Attempts that an earlier engine may have started.
    resumed: HashSet<(TaskIndex, u32)>,
    /// Tasks that were told that there is no slot.
    refused: HashSet<TaskIndex>,
    jobs: Jobs,
    masks: RunMasks,
    telemetry: RunTelemetry,
}

impl Driver {
    pub(super) fn new(
        core: Arc<Core>,
        hold: Arc<Hold>,
        request: StoredRequest,
        state: RunState,
        last: Seq,
        feed: Arc<Feed>,
        channel: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    ) -> Self {
        let (sender, inbox) = channel;
        let request = Arc::new(request);
        Self {
            telemetry: RunTelemetry::new(core.clone(), request.clone(), &state),
            core,
            run: state.run(),
            request,
            masks: RunMasks::of(&state),
            state,
            last,
            feed,
            sender,
            inbox,
            granted: 0,
            freed: 0,
            running: HashSet::new(),
            resumed: HashSet::new(),
            refused: HashSet::new(),
            jobs: Jobs::new(hold),
        }
    }

    /// Drives the run to its end, or until the engine is closed.
    pub(super) async fn drive(mut self, first: Vec<Message>) {
        let end = match self.run_to_end(first).await {
            Ok(end) => end,
            Err(error) => {
                tracing::error!(run = %self.run, %error, "the run cannot be driven any further by this engine");
                FeedEnd::Broken(Arc::from(error.to_string()))
            }
        };
        let Self { core, run, feed, jobs, telemetry, state, .. } = self;
        telemetry.left(&state, &end);
        drop(jobs);
        core.hand_out(core.slots.forget(run));
        core.run_left(run, &feed, end);
    }

    async fn run_to_end(&mut self, first: Vec<Message>) -> Result<FeedEnd> {
        let mut closing = self.core.closing.subscribe();
        self.take_up();
        let mut messages = first;
        loop {
            let mut wanted = Wanted::default();
            let events = self.settle_all(messages, &mut wanted)?;
            let committed = self.commit(events, &wanted, &mut closing).await;
            let Some(committed) = committed? else { return Ok(FeedEnd::Closed) };
            if wanted.keep.is_some() {
                self.core.kept_changed.notify_one();
            }
            for reply in wanted.waiting {
                let _ = reply.send(Ok(()));
            }
            self.after_commit(&committed);
            if self.state.is_released() {
                return Ok(FeedEnd::Released);
            }
            self.carry_out();
            match self.next_messages(&mut closing).await {
                Some(next) => messages = next,
                None => return Ok(FeedEnd::Closed),
            }
        }
    }

    /// Counts what a recovered run has going already.
    fn take_up(&mut self) {
        self.running = self.state.effects().iter().filter_map(attempt_of).collect();
        self.resumed.clone_from(&self.running);
        self.core.slots.take(self.run, self.running.len());
        self.telemetry.take_up(&self.state);
    }

    /// Waits for something to decide about: messages, and a deadline after them, so that what is known counts before it. When
    /// the deadline is looked at late, jobs first get a moment to tell what happened while the process stood still.
    async fn next_messages(&mut self, closing: &mut tokio::sync::watch::Receiver<bool>) -> Option<Vec<Message>> {
        let deadline = self.state.next_deadline();
        let clock = self.core.clock.clone();
        let timer = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let mut messages = Vec::new();
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return None,
            message = self.inbox.recv() => messages.push(message?),
            () = timer => {}
        }
        let passed = deadline.filter(|deadline| *deadline <= clock.now().elapsed);
        if let Some(deadline) = passed {
            let noticed = clock.now().elapsed;
            let mut heard = noticed;
            while let Some(until) = hear_until(deadline, noticed, heard)
                && !all_reported(&self.running, &messages)
            {
                tokio::select! {
                    biased;
                    _ = closing.wait_for(|closing| *closing) => return None,
                    () = clock.sleep_until(until) => break,
                    message = self.inbox.recv() => messages.push(message?),
                }
                heard = clock.now().elapsed;
            }
        }
        let most = messages.len() + INBOX;
        while messages.len() < most {
            match self.inbox.try_recv() {
                Ok(message) => messages.push(message),
                Err(_) => break,
            }
        }
        messages.extend(passed.map(|_| Message::Input(Input::Tick)));
        Some(messages)
    }

    /// Lets the machine decide about all messages, and gives it the slots that are free. Nothing here can be seen outside.
    fn settle_all(&mut self, messages: Vec<Message>, wanted: &mut Wanted) -> Result<Vec<Stamped>> {
        let mut events = Vec::new();
        for message in messages {
            match message {
                Message::Input(input) => drop(self.settle(input, &mut events)?),
                Message::Durable { input, reply } => {
                    self.settle(input, &mut events)?;
                    wanted.waiting.push(reply);
                }
                Message::Control(control) => {
                    let before = events.len();
                    self.settle(control.input, &mut events)?;
                    wanted.audit.extend((events.len() > before).then_some(control.audit));
                    wanted.waiting.push(control.reply);
                }
                Message::Slots(count) => self.granted += count,
                Message::Observed(step, reason) => self.observed(&step, reason, &mut events)?,
                Message::Released(kept) => {
                    self.settle(Input::Released, &mut events)?;
                    wanted.keep = kept;
                }
            }
        }
        self.use_slots(&mut events)?;
        Ok(events)
    }

    /// Returns whether an attempt was started.
    fn settle(&mut self, input: Input, events: &mut Vec<Stamped>) -> Result<bool> {
        let at = self.core.clock.now();
        let decided = self.state.settle(input, at).map_err(|error| {
            Error::new(ErrorKind::Internal, "illegalTransition", "decide", format!("run {}: {error}", self.run))
        })?;
        let mut started = false;
        for event in &decided {
            match event {
                RunEvent::AttemptStarted { task, attempt, .. } => {
                    self.running.extend(self.state.index_of(task).map(|index| (index, *attempt)));
                    started = true;
                }
                RunEvent::AttemptFinished { task, attempt, .. } => {
                    let known = self.state.index_of(task);
                    if known.is_some_and(|index| self.running.remove(&(index, *attempt))) {
                        self.freed += 1;
                    }
                }
                _ => {}
            }
        }
        events.extend(decided.into_iter().map(|event| Stamped { at, event }));
        Ok(started)
    }

    fn observed(&mut self, step: &StepKey, reason: Option<WaitReason>, events: &mut Vec<Stamped>) -> Result<()> {
        let Some(task) = self.state.index_of(&step.task) else { return Ok(()) };
        let attempt = step.attempt;
        let input = match reason {
            Some(reason) => Input::StepWaiting { task, attempt, reason },
            None => Input::StepRunning { task, attempt },
        };
        self.settle(input, events).map(drop)
    }

    /// Gives back slots that are no longer used, starts as many tasks as there are slots for, and says of the others that
    /// they wait. What a task gives back here can be used by the next one in the same commit.
    fn use_slots(&mut self, events: &mut Vec<Stamped>) -> Result<()> {
        loop {
            let wanted = self.state.slots_wanted_count().saturating_sub(self.granted);
            let (own, others) = self.core.slots.exchange(self.run, std::mem::take(&mut self.freed), wanted);
            self.core.hand_out(others);
            let granted = own + std::mem::take(&mut self.granted);
            if granted == 0 {
                break;
            }
            for _ in 0..granted {
                let Some(task) = self.state.slots_wanted().next() else {
                    self.freed += 1;
                    continue;
                };
                self.refused.remove(&task);
                if !self.settle(Input::SlotGranted { task }, events)? {
                    // It ended without an attempt, because a value in it was bad.
                    self.freed += 1;
                }
            }
        }
        let waiting: Vec<_> = self.state.slots_wanted().take(self.core.slots.total()).collect();
        self.refuse(&waiting, events)
    }

    fn refuse(&mut self, wanted: &[TaskIndex], events: &mut Vec<Stamped>) -> Result<()> {
        let total = self.core.slots.total();
        for task in wanted {
            if self.refused.insert(*task) {
                let reason = WaitReason::new("slot", format!("all {total} slots for running tasks are in use"));
                self.settle(Input::SlotRefused { task: *task, reason }, events)?;
            }
        }
        Ok(())
    }

    /// Writes the events. A full or absent disk is waited for: nothing acts on an event that is not safe. `None` when the
    /// engine is closed meanwhile.
    async fn commit(
        &mut self,
        events: Vec<Stamped>,
        wanted: &Wanted,
        closing: &mut tokio::sync::watch::Receiver<bool>,
    ) -> Result<Option<Vec<Arc<Sequenced>>>> {
        if events.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let digest = events.iter().any(|event| changes_digest(&event.event)).then(|| digest_of(&self.state));
        loop {
            let append = Append { run: self.run, expected: self.last, events: events.clone(), digest: digest.clone() };
            let keep = wanted.keep.map(|keep| self.kept(keep)).into_iter().collect();
            let credentials = self.forgotten_credentials(&events);
            let batch =
                Batch { appends: vec![append], audit: wanted.audit.clone(), keep, credentials, ..Batch::default() };
            match self.core.append(batch).await {
                Ok(()) => break,
                Err(error @ (StoreError::Full { .. } | StoreError::Io { .. } | StoreError::ReadOnly { .. })) => {
                    tracing::warn!(run = %self.run, %error, "the run waits until its events can be written");
                    let until = self.core.clock.now().elapsed + COMMIT_PAUSE;
                    tokio::select! {
                        _ = closing.wait_for(|closing| *closing) => return Ok(None),
                        () = self.core.clock.sleep_until(until) => {}
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut seq = self.last;
        let committed = events.into_iter().map(|Stamped { at, event }| {
            seq = seq.next();
            Arc::new(Sequenced { run: self.run, seq, at, event })
        });
        let committed: Vec<_> = committed.collect();
        self.last = seq;
        self.feed.publish(committed.clone());
        Ok(Some(committed))
    }

    /// What the run and its attempts were given goes with the end of all its steps.
    fn forgotten_credentials(&self, events: &[Stamped]) -> Vec<CredentialChange> {
        let released = events.iter().any(|stamped| matches!(stamped.event, RunEvent::RunReleased));
        let had_some = || {
            let mut tasks = self.state.plan().tasks.iter();
            // Actions can ask for any.
            let given = |task: &PlannedTask| task.definition.wants_credentials() || is_action(task.action());
            !self.request.secrets.is_empty() || tasks.any(given)
        };
        if released && had_some() { vec![CredentialChange::RemoveOfRun(self.run)] } else { Vec::new() }
    }

    fn kept(&self, keep: Keep) -> KeptWorkspace {
        let until = self.core.clock.now().elapsed + keep.time;
        let executor = self.request.executor.to_string();
        KeptWorkspace { run: self.run, executor, generation: keep.generation, until }
    }

    /// What follows from committed events beside effects: queues hear of ends, tests may crash here.
    fn after_commit(&mut self, committed: &[Arc<Sequenced>]) {
        self.telemetry.committed(&self.state, committed);
        for fact in committed {
            match &fact.event {
                RunEvent::RunStarted => failpoint::crash("run.started"),
                RunEvent::AttemptStarted { .. } => failpoint::crash("attempt.committed"),
                RunEvent::LogAppended { .. } => failpoint::crash("log.committed"),
                RunEvent::CachesRestored { .. } => failpoint::crash("caches.committed"),
                RunEvent::ArtifactStored { .. } => failpoint::crash("artifact.committed"),
                RunEvent::AttemptFinished { task, attempt, state, .. } => {
                    failpoint::crash("attempt.finished");
                    if let Some(index) = self.state.index_of(task) {
                        self.attempt_ended((index, *attempt), *state);
                    }
                    self.forget(task, *attempt);
                }
                RunEvent::RunFinished { .. } => {
                    failpoint::crash("run.finished");
                    self.core.run_finished(self.run);
                }
                RunEvent::RunReleased => failpoint::crash("run.released"),
                _ => {}
            }
        }
    }

    /// Forgets an attempt that is over. Of a lost one something may still live, and nobody would ever ask for it.
    fn attempt_ended(&mut self, attempt: (TaskIndex, u32), state: AttemptState) {
        self.jobs.attempt_ended(attempt);
        if state == AttemptState::Lost && !self.is_action(attempt.0) {
            let core = self.core.clone();
            let job = StopJob::new(&core, &self.request, &self.state, attempt.0, attempt.1);
            self.jobs.spawn(&core, job.run());
        }
    }

    /// Sets going what the state wants and what is not going yet.
    fn carry_out(&mut self) {
        let core = self.core.clone();
        for effect in self.state.effects() {
            match effect {
                Effect::RequestSlot { .. } => {}
                Effect::Prepare { generation } if !self.jobs.prepares(generation) => {
                    let job = PrepareJob::new(&core, &self.request, &self.state, generation);
                    self.jobs.prepare(&core, generation, job.run(self.sender.clone()));
                }
                Effect::Prepare { .. } => {}
                Effect::Run { task, attempt, generation } => self.follow(task, attempt, generation),
                Effect::Stop { task, attempt, .. } => {
                    self.jobs.tell_to_stop((task, attempt));
                    if !self.is_action(task) && self.jobs.stops.insert((task, attempt)) {
                        let job = StopJob::new(&core, &self.request, &self.state, task, attempt);
                        self.jobs.spawn(&core, job.run());
                    }
                }
                Effect::Release => {
                    if !std::mem::replace(&mut self.jobs.releasing, true) {
                        let job = ReleaseJob::new(&core, &self.request, &self.state).run(self.sender.clone());
                        let mut forgetting = std::mem::take(&mut self.jobs.forgetting);
                        let (preparation, its_core) = (self.jobs.prepare.take(), core.clone());
                        self.jobs.spawn(&core, async move {
                            while forgetting.join_next().await.is_some() {}
                            if let Some(preparation) = preparation {
                                preparation.over(&its_core).await;
                            }
                            job.await;
                        });
                    }
                }
            }
        }
    }

    /// Drops the raw log of an attempt. Only here, after the commit: until then the raw log is the only place from which a
    /// crashed engine can read again what it had copied and not yet committed.
    fn forget(&mut self, task: &TaskId, attempt: u32) {
        let Some(index) = self.state.index_of(task) else { return };
        if self.is_action(index) || self.state.log_position(index, attempt).source < WORTH_FORGETTING {
            return;
        }
        let Ok(executor) = self.core.executor(&self.request.executor) else { return };
        let step = StepKey { run: self.run, task: task.clone(), attempt };
        self.jobs.forget(&self.core, async move {
            if let Err(error) = executor.forget(&step).await {
                tracing::warn!(%step, %error, "the raw log could not be removed; the run's release removes it");
            }
        });
    }

    fn follow(&mut self, task: TaskIndex, attempt: u32, generation: u32) {
        let core = self.core.clone();
        if !std::mem::replace(&mut self.jobs.observing, true)
            && let Ok(executor) = core.executor(&self.request.executor)
        {
            let told = self.jobs.told.clone();
            let watching = super::effects::observe(executor.observe(self.run), self.run, told, self.sender.clone());
            self.jobs.spawn(&core, watching);
        }
        if self.jobs.attempts.insert((task, attempt)) {
            let resumed = self.resumed.contains(&(task, attempt));
            if self.is_action(task) {
                return self.call(task, attempt, resumed);
            }
            let files = wants_filing(&self.state.plan().task(task).definition);
            let (stop, stopped) = self.stop_switch(task);
            let job = StepJob::new(
                &core,
                &self.request,
                (&self.state, self.masks.clone()),
                (task, attempt),
                (generation, resumed),
                stopped,
            );
            let job = job.hearing(&self.jobs.told).run(self.sender.clone(), self.jobs.hold.clone());
            if files {
                self.jobs.spawn_stoppable(&core, (task, attempt), stop, job);
            } else {
                self.jobs.spawn(&core, job);
            }
        }
    }

    /// Whether the engine carries the task out itself: no executor has heard of it.
    fn is_action(&self, task: TaskIndex) -> bool {
        is_action(self.state.plan().task(task).action())
    }

    /// What tells a job that its attempt is to end, and what it listens to.
    fn stop_switch(&self, task: TaskIndex) -> (watch::Sender<bool>, watch::Receiver<bool>) {
        watch::channel(self.state.task(task).stopping().is_some())
    }

    fn call(&mut self, task: TaskIndex, attempt: u32, resumed: bool) {
        let (stop, stopped) = self.stop_switch(task);
        let job = ActionJob::new(
            &self.core,
            &self.request,
            (&self.state, self.masks.clone()),
            (task, attempt),
            resumed,
            stopped,
        );
        let job = job.run(self.sender.clone(), self.jobs.hold.clone());
        self.jobs.spawn_stoppable(&self.core, (task, attempt), stop, job);
    }
}

/// What messages want committed and answered, beside the events.
#[derive(Default)]
struct Wanted {
    /// What the audit trail says about it.
    audit: Vec<AuditEntry>,
    /// The workspace that is kept when the run is released.
    keep: Option<Keep>,
    /// Who waits until it is committed.
    waiting: Vec<oneshot::Sender<Result<()>>>,
}

/// The attempt that an effect keeps going.
fn attempt_of(effect: &Effect) -> Option<(TaskIndex, u32)> {
    match effect {
        Effect::Run { task, attempt, .. } => Some((*task, *attempt)),
        _ => None,
    }
}

/// What listings show of a run in this state.
pub(super) fn digest_of(state: &RunState) -> RunDigest {
    RunDigest {
        status: state.status(),
        started: state.started(),
        finished: state.finished(),
        released: state.is_released(),
    }
}

/// Whether listings show something else after this event.
fn changes_digest(event: &RunEvent) -> bool {
    matches!(event, RunEvent::RunStarted | RunEvent::RunFinished { .. } | RunEvent::RunReleased)
}
