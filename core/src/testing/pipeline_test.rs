//! Unit tests of pipelines: no step is really started, and a day passes in milliseconds.

mod answers;
mod assertions;
mod check;
mod folder;
mod outcome;
mod play;
mod secrets;
mod stand_in;
mod task_assert;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

pub use self::outcome::{StepCall, TestArtifact, TestOutcome};
pub use self::task_assert::TaskAssert;
use super::Script;
use crate::engine::{EngineBuilder, RunRequest};
use crate::error::Result;
use crate::pipeline::{self, Pipeline, Problems};
use crate::run::Decision;

/// A test of a pipeline: what its steps do is scripted, persons answer as the test says, and time is virtual.
///
/// Steps without a script succeed at once. Actions such as `checkout`, `buildImage` or `deployManifests` are scripted like
/// steps and need nothing that they would otherwise talk to; what they would have been given is recorded as
/// [`StepCall::settings`]. Credentials that tasks name are made up, unless the test gives its own. Conditions, retries, timeouts, outputs, variables and `finally` are the engine's own; so are caches, artifacts and
/// reports, of the files that scripts leave ([`Script::file`]).
///
/// ```
/// use std::time::Duration;
/// use windlass::testing::{PipelineTest, Script};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let outcome = PipelineTest::from_yaml(
///     "name: web
/// stages:
///   - name: Test
///     tasks: [{name: unit, script: make test, timeout: 24h}]
///   - name: Deploy
///     tasks: [{name: sign-off, approve: {message: 'Ship ${BUILD_NUMBER}?'}}, {name: ship, script: ./ship}]",
/// )
/// .task("unit", Script::succeeds().after(Duration::from_secs(60)).log("3 passed"))
/// .approve_after("sign-off", Duration::from_secs(3600), "ana", "looks good")
/// .run()
/// .await?;
///
/// outcome.assert_succeeded().assert_order(["unit", "sign-off", "ship"]);
/// assert_eq!(outcome.log("unit"), "3 passed\n");
/// assert_eq!(outcome.took(), Duration::from_secs(60 + 3600));
/// # Ok::<(), windlass::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "nothing happens before `run`"]
pub struct PipelineTest {
    pipeline: Result<Pipeline, Problems>,
    request: RunRequest,
    scripts: BTreeMap<String, Vec<Script>>,
    answers: BTreeMap<String, Answer>,
    cancels: Vec<Duration>,
    strict: bool,
    engine: Vec<EngineChange>,
}

/// What a test does to the engine before it is opened.
type EngineChange = Box<dyn FnOnce(EngineBuilder) -> EngineBuilder + Send>;

/// What a person says when asked.
#[derive(Clone, Debug)]
struct Answer {
    decision: Decision,
    after: Duration,
    by: String,
    reason: String,
}

impl fmt::Debug for PipelineTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineTest")
            .field("pipeline", &self.pipeline)
            .field("scripts", &self.scripts)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

impl PipelineTest {
    fn new(pipeline: Result<Pipeline, Problems>) -> Self {
        Self {
            pipeline,
            request: RunRequest::manual(),
            scripts: BTreeMap::new(),
            answers: BTreeMap::new(),
            cancels: Vec::new(),
            strict: false,
            engine: Vec::new(),
        }
    }

    /// A test of a definition.
    pub fn of(pipeline: &Pipeline) -> Self {
        Self::new(Ok(pipeline.clone()))
    }

    /// A test of a definition in YAML or JSON. What is wrong with the text is told by [`run`](Self::run).
    pub fn from_yaml(text: &str) -> Self {
        Self::new(pipeline::read(text.as_bytes(), "pipeline.yaml"))
    }

    /// A test of the definition in a file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::new(pipeline::read_file(path))
    }

    /// What the run is started with: trigger, actor, commit, parameters. It replaces what was given before.
    pub fn request(mut self, request: RunRequest) -> Self {
        self.request = request;
        self
    }

    /// Gives a dynamic parameter its value.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request = self.request.parameter(name, value);
        self
    }

    /// Says what each attempt at a task does. The name is that of a matrix instance, such as `unit[PY=3.11]`, or the task's
    /// own for all of them.
    pub fn task(self, name: impl Into<String>, script: Script) -> Self {
        self.attempts(name, [script])
    }

    /// Says what the attempts at a task do, one after another; the last script is for all further ones.
    pub fn attempts(mut self, name: impl Into<String>, scripts: impl IntoIterator<Item = Script>) -> Self {
        self.scripts.insert(name.into(), scripts.into_iter().collect());
        self
    }

    /// Somebody says yes to an approval as soon as it is asked for.
    pub fn approve(self, task: impl Into<String>, by: impl Into<String>, reason: impl Into<String>) -> Self {
        self.approve_after(task, Duration::ZERO, by, reason)
    }

    /// Somebody says yes to an approval so long after it was asked for.
    pub fn approve_after(
        self,
        task: impl Into<String>,
        after: Duration,
        by: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        self.answer(task, Answer { decision: Decision::Approved, after, by: by.into(), reason: reason.into() })
    }

    /// Somebody says no to an approval as soon as it is asked for.
    pub fn reject(self, task: impl Into<String>, by: impl Into<String>, reason: impl Into<String>) -> Self {
        self.reject_after(task, Duration::ZERO, by, reason)
    }

    /// Somebody says no to an approval so long after it was asked for.
    pub fn reject_after(
        self,
        task: impl Into<String>,
        after: Duration,
        by: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        self.answer(task, Answer { decision: Decision::Rejected, after, by: by.into(), reason: reason.into() })
    }

    fn answer(mut self, task: impl Into<String>, answer: Answer) -> Self {
        self.answers.insert(task.into(), answer);
        self
    }

    /// Somebody cancels the run so long after its start. A second time ends `finally` as well.
    pub fn cancel_after(mut self, after: Duration) -> Self {
        self.cancels.push(after);
        self
    }

    /// Lets the test fail when a step or action starts that has no script.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Does more to the engine before it is opened, such as registering actions of your own. From then on `custom` tasks
    /// without a script run the registered action. Clock, store and data directory stay those of the test.
    pub fn engine(mut self, change: impl FnOnce(EngineBuilder) -> EngineBuilder + Send + 'static) -> Self {
        self.engine.push(Box::new(change));
        self
    }

    /// Runs the pipeline to its end, in a tokio runtime with timers, best a current-thread one as `#[tokio::test]` makes it.
    ///
    /// # Errors
    /// `invalidPipeline` with every mistake of the definition and its parameters; `noSuchTask` for a script or an answer to a
    /// task that the run does not have, `notAnApproval` and `approvalScripted` for one of the other kind; `unscripted` when
    /// the test is strict; `approvalUnanswered` when the run waits for a person of whom the test says nothing, `runStuck` when
    /// it waits for anything else that never comes; and what [`Engine::start`](crate::Engine::start) refuses.
    pub async fn run(self) -> Result<TestOutcome> {
        play::play(self).await
    }
}
