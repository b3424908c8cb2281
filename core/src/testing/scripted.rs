//! An executor whose steps do what a test says, in the time of the test's clock.

mod files;
mod script;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::Notify;

pub use self::script::Script;
use self::world::{Phase, Waited, World};
use crate::clock::SharedClock;
use crate::executor::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use crate::run::{Elapsed, RunId, StepKey};

/// Something that an engine asked of the executor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a few calls of a test; a box would only be in the way of who matches")]
pub enum Call {
    /// [`Executor::prepare`].
    Prepare(RunScope),
    /// [`Executor::start`]; also one that the start token did not let through.
    Start(StepSpec),
    /// [`Executor::stop`].
    Stop {
        /// The step.
        step: StepKey,
        /// The time between the signal and the kill.
        grace: Duration,
    },
    /// [`Executor::forget`].
    Forget(StepKey),
    /// [`Executor::release`].
    Release(RunId),
    /// [`Executor::keep`].
    Keep {
        /// The run.
        run: RunId,
        /// The generation of its workspace that stays.
        generation: u32,
    },
    /// [`Executor::sweep`].
    Sweep {
        /// The runs that stay.
        keep: Vec<RunId>,
    },
}

/// An executor whose steps do what a test says. A step without a script succeeds at once.
///
/// It keeps the contract of [`Executor`] with its tokens, tombstones and logs from any offset. Clones are handles on the
/// same world, which goes on without them: to simulate the crash of an engine, drop the engine and open another one on a
/// clone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use windlass::testing::{Script, ScriptedExecutor, VirtualClock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let executor = ScriptedExecutor::new(Arc::new(VirtualClock::auto()))
///     .task("unit", Script::succeeds().after(Duration::from_secs(60)).log("3 passed").output("COVERAGE", "93"))
///     .attempts("deploy", [Script::fails(1), Script::succeeds()]);
/// # assert_eq!(executor.started("unit"), 0);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct ScriptedExecutor {
    clock: SharedClock,
    capabilities: Capabilities,
    world: Arc<Mutex<World>>,
    /// Told when anything but time changes a step.
    changed: Arc<Notify>,
}

impl ScriptedExecutor {
    /// An executor without scripts, in the time of this clock.
    pub fn new(clock: SharedClock) -> Self {
        let capabilities =
            Capabilities { images: true, reattach: true, contains_descendants: true, resources: true, isolation: true };
        Self { clock, capabilities, world: Arc::default(), changed: Arc::default() }
    }

    /// Claims to be able to do this and no more.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Says what each attempt at a task does. The name is that of a matrix instance, or the task's own for all of them.
    #[must_use]
    pub fn task(self, name: &str, script: Script) -> Self {
        self.attempts(name, [script])
    }

    /// Says what the attempts at a task do, one after another; the last script is for all further ones.
    #[must_use]
    pub fn attempts(self, name: &str, scripts: impl IntoIterator<Item = Script>) -> Self {
        self.world().scripts.insert(name.to_owned(), scripts.into_iter().collect());
        self
    }

    /// Lets the next `prepare` fail with this message, and once more for each call of this method.
    pub fn fail_prepare(&self, message: impl Into<String>) {
        self.world().prepare_errors.push(message.into());
    }

    /// Lets each `prepare` from now on take this long, in the time of the clock.
    pub fn slow_prepare(&self, time: Duration) {
        self.world().preparation = time;
    }

    /// Takes the run's workspace away, as an evicted pod does: what runs in it is lost.
    pub fn lose_workspace(&self, run: RunId) {
        self.world().lose_workspace(run, self.elapsed());
        self.changed.notify_waiters();
    }

    /// What was asked of the executor, in order, over all clones.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// How many steps of a task were really started: those that took their token. The name is as in [`task`](Self::task).
    pub fn started(&self, task: &str) -> usize {
        let instance = format!("{task}[");
        let is_it = |key: &StepKey| key.task.as_str() == task || key.task.as_str().starts_with(&instance);
        self.world().spans(self.elapsed()).filter(|(key, ..)| is_it(key)).count()
    }

    /// The steps that go on at this moment.
    pub fn running(&self) -> Vec<StepKey> {
        let world = self.world();
        world.spans(self.elapsed()).filter(|(_, _, over)| over.is_none()).map(|(key, ..)| key.clone()).collect()
    }

    /// The most steps that ever went on at the same moment. Steps that take no time do not count.
    pub fn peak(&self) -> usize {
        let (world, mut edges) = (self.world(), Vec::new());
        for (_, from, over) in world.spans(self.elapsed()) {
            edges.push((from, 1));
            edges.extend(over.map(|over| (over, -1)));
        }
        // At the same moment ends come before starts.
        edges.sort_unstable();
        let heights = edges.iter().scan(0_isize, |height, (_, change)| {
            *height += change;
            Some(*height)
        });
        heights.max().map_or(0, |peak| usize::try_from(peak).unwrap_or(0))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // Nothing that panics happens under the lock.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> Elapsed {
        self.clock.now().elapsed
    }

    fn record(&self, call: Call) {
        self.world().calls.push(call);
    }

    /// Looks again and again, whenever something has changed or the moment has come that the look names.
    async fn look<T>(&self, mut look: impl FnMut(&World, Elapsed) -> Result<T, Option<Elapsed>>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = self.elapsed();
            let next = match look(&self.world(), now) {
                Ok(found) => return found,
                Err(next) => next,
            };
            match next {
                None => changed.await,
                Some(moment) => tokio::select! {
                    () = changed => {}
                    () = self.clock.sleep_until(moment) => {}
                },
            }
        }
    }

    /// The next piece of a log; `None` after the last one.
    async fn next_chunk(&self, step: &StepKey, from: u64) -> Option<LogChunk> {
        self.look(|world, now| match world.log(step, from, now) {
            (bytes, _, _) if !bytes.is_empty() => Ok(Some(LogChunk { offset: from, bytes })),
            (_, true, _) => Ok(None),
            (_, false, next) => Err(next),
        })
        .await
    }
}

/// What an observer of a run has told about a step.
type Told = BTreeMap<StepKey, Phase>;

/// The first thing about a run that was not told yet.
fn untold(phases: Vec<(StepKey, Phase)>, told: &mut Told) -> Option<ExecutorEvent> {
    for (step, phase) in phases {
        let before = told.insert(step.clone(), phase.clone());
        match phase {
            Phase::Waiting(reason) if before != Some(Phase::Waiting(reason.clone())) => {
                return Some(ExecutorEvent::Waiting { step, reason });
            }
            Phase::Running if matches!(before, Some(Phase::Waiting(_))) => {
                return Some(ExecutorEvent::Running { step });
            }
            _ => {}
        }
    }
    None
}

#[async_trait]
impl Executor for ScriptedExecutor {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        self.record(Call::Prepare(scope.clone()));
        let preparation = self.world().preparation;
        if !preparation.is_zero() {
            let made = self.elapsed() + preparation;
            self.clock.sleep_until(made).await;
        }
        let prepared = self.world().prepare(scope);
        self.changed.notify_waiters();
        prepared
    }

    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent> {
        let observer = (self.clone(), Told::new());
        stream::unfold(observer, move |(executor, mut told)| async move {
            let event = executor.look(|world, now| {
                if world.is_over(run) {
                    return Ok(None);
                }
                let (phases, next) = world.phases(run, now);
                untold(phases, &mut told).map(Some).ok_or(next)
            });
            let event = event.await?;
            Some((event, (executor, told)))
        })
        .boxed()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        self.record(Call::Start(step.clone()));
        let started = self.world().start(step, self.elapsed());
        self.changed.notify_waiters();
        started
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        self.look(|world, now| match world.wait(step, now) {
            Waited::Ended(exit) => Ok(exit),
            Waited::Until(next) => Err(next),
        })
        .await
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        let reader = (self.clone(), step.clone(), from);
        stream::unfold(reader, |(executor, step, from)| async move {
            let chunk = executor.next_chunk(&step, from).await?;
            let next = from + chunk.bytes.len() as u64;
            Some((Ok(chunk), (executor, step, next)))
        })
        .boxed()
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        self.record(Call::Stop { step: step.clone(), grace });
        let over = self.world().stop(step, grace, self.elapsed());
        self.changed.notify_waiters();
        if over.is_some() {
            // Another stop may bring the end forward.
            self.look(|world, now| match world.wait(step, now) {
                Waited::Ended(_) => Ok(()),
                Waited::Until(next) => Err(next),
            })
            .await;
        }
        Ok(())
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        let tar = self.world().read(run, path)?;
        Ok(stream::once(async { Ok(tar) }).boxed())
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let tar: BytesMut = tar
            .try_fold(BytesMut::new(), async |mut all, piece| {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await?;
        self.world().write(run, path, &tar)
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.record(Call::Forget(step.clone()));
        self.world().forget(step, self.elapsed());
        Ok(())
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.record(Call::Release(run));
        self.world().release(run, self.elapsed());
        self.changed.notify_waiters();
        Ok(())
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        self.record(Call::Keep { run, generation });
        let kept = self.world().keep(run, generation, self.elapsed());
        self.changed.notify_waiters();
        Ok(kept)
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        self.record(Call::Sweep { keep: keep.to_vec() });
        let report = self.world().sweep(keep, self.elapsed());
        self.changed.notify_waiters();
        Ok(report)
    }
}
