//! How a test is played: an engine on a folder of its own, in virtual time, with persons who answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};

use super::answers::Persons;
use super::check::{check, said};
use super::folder::Folder;
use super::outcome::{StepCall, TestArtifact, TestOutcome};
use super::secrets::MadeUp;
use super::stand_in::StandIns;
use super::{PipelineTest, Script};
use crate::blob::BlobStore;
use crate::clock::SharedClock;
use crate::engine::{Engine, Event, EventKind, EventStream, Run, RunSummary};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{MAX_BACKOFF, Pipeline, Plan, plan};
use crate::store::MemoryStore;
use crate::testing::{Call, ScriptedExecutor, VirtualClock};

/// The name of the executor when the pipeline names none.
const EXECUTOR: &str = "scripted";
/// How many tasks of one run go at once; no test shall depend on the machine.
const TASKS: usize = 1000;

pub(super) async fn play(mut test: PipelineTest) -> Result<TestOutcome> {
    let mut pipeline = test.pipeline.clone()?;
    let plan = plan(&pipeline, &test.request.inputs)?;
    check(&test, &plan)?;
    let stand_ins = StandIns::put(&test, &mut pipeline);
    let clock: SharedClock = Arc::new(VirtualClock::auto());
    let scripts = test.scripts.iter();
    let executor = scripts.fold(ScriptedExecutor::new(clock.clone()), |executor, (task, scripts)| {
        executor.attempts(task, scripts.iter().cloned())
    });
    let folder = Folder::new()?;
    let engine = open(&mut test, &plan, &folder, &clock, &executor).await?;
    let played = ended(&test, &plan, &engine, &pipeline, &clock).await;
    let closed = engine.close().await;
    let (summary, events, artifacts) = played?;
    closed?;
    let calls = calls(&executor, &plan, &stand_ins);
    refuse_unscripted(&test, &calls)?;
    Ok(TestOutcome { summary, events, calls, artifacts })
}

/// Starts the run and follows it to its end.
async fn ended(
    test: &PipelineTest,
    plan: &Plan,
    engine: &Engine,
    pipeline: &Pipeline,
    clock: &SharedClock,
) -> Result<(RunSummary, Vec<Event>, Vec<TestArtifact>)> {
    let run = engine.start(pipeline, test.request.clone()).await?;
    follow(test, plan, &run, clock).await?;
    let events = all(run.events().await?).await?;
    let summary = run.wait().await?;
    let mut artifacts = Vec::new();
    for artifact in run.artifacts().await? {
        let files = artifact.texts().await?;
        artifacts.push(TestArtifact { task: artifact.task, name: artifact.name, files });
    }
    Ok((summary, events, artifacts))
}

async fn open(
    test: &mut PipelineTest,
    plan: &Plan,
    folder: &Folder,
    clock: &SharedClock,
    executor: &ScriptedExecutor,
) -> Result<Engine> {
    let own = plan.tasks.iter().filter_map(|task| task.definition.executor.as_ref());
    let mut names: BTreeSet<&str> = plan.executor.iter().chain(own).map(|name| name.as_str()).collect();
    names.insert(EXECUTOR);
    let changes = std::mem::take(&mut test.engine);
    let changed = changes.into_iter().fold(Engine::builder().max_tasks(TASKS), |builder, change| change(builder));
    let builder = changed
        .data_dir(folder.path())
        .store(MemoryStore::new())
        .blobs(BlobStore::keeping_all(folder.path().join("blobs")))
        .clock(clock.clone())
        .secrets(MadeUp::of(plan))
        .default_executor(plan.executor.as_ref().map_or(EXECUTOR, |name| name.as_str()));
    names.into_iter().fold(builder, |builder, name| builder.executor(name, executor.clone())).open().await
}

/// Follows the run to its end; lets persons do what they have to do.
async fn follow(test: &PipelineTest, plan: &Plan, run: &Run, clock: &SharedClock) -> Result<()> {
    let patience = patience(test, plan);
    let mut persons = Persons::new(run, clock);
    persons.cancel(test);
    let mut events = live(run.events().await?);
    loop {
        let enough = clock.now().elapsed + patience;
        tokio::select! {
            biased;
            event = events.next() => match event.transpose()? {
                None => return Ok(()),
                Some(Event { kind: EventKind::ApprovalRequested { task, .. }, .. }) => {
                    if let Some(answer) = said(&test.answers, task.as_str()) {
                        persons.answer(task.as_str(), answer);
                    }
                }
                Some(_) => {}
            },
            done = persons.act() => done?,
            () = clock.sleep_until(enough) => return Err(stuck(&run.summary().await?)),
        }
    }
}

/// The longest time in which nothing may happen in the run. Whatever has a deadline has an earlier one.
fn patience(test: &PipelineTest, plan: &Plan) -> Duration {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let of_run = [plan.timeout, plan.finally_timeout, plan.keep_workspace, MAX_BACKOFF];
    let of_tasks = plan.tasks.iter().flat_map(|task| [task.timeout.unwrap_or_default(), task.grace]);
    let of_scripts = test.scripts.values().flatten().map(|script: &Script| script.length);
    let of_persons = test.answers.values().map(|answer| answer.after).chain(test.cancels.iter().copied());
    let longest = of_tasks.chain(of_run).chain(of_scripts).chain(of_persons).max().unwrap_or_default();
    longest.saturating_add(DAY)
}

/// The run waits for something that never comes.
fn stuck(summary: &RunSummary) -> Error {
    let waits = |code: &str| {
        let waiting =
            summary.tasks.iter().filter(|task| task.waiting.as_ref().is_some_and(|reason| reason.code == code));
        waiting.map(|task| format!("{:?}", task.task.as_str())).collect::<Vec<_>>()
    };
    let approvals = waits("approval");
    if let Some(first) = approvals.first() {
        let message = format!(
            "nobody answers the approval {}, so the run never ends: say .approve({first}, …) or .reject({first}, …), or give \
             the task a timeout\n{}",
            approvals.join(", "),
            super::outcome::Table(summary)
        );
        return Error::new(ErrorKind::Invalid, "approvalUnanswered", "test", message);
    }
    let message =
        format!("nothing happens any more in the run, and it has not ended\n{}", super::outcome::Table(summary));
    Error::new(ErrorKind::Invalid, "runStuck", "test", message)
}

/// The steps that were started, each once, in the order of their first start.
fn calls(executor: &ScriptedExecutor, plan: &Plan, stand_ins: &StandIns) -> Vec<StepCall> {
    let mut seen = BTreeSet::new();
    let starts = executor.calls().into_iter().filter_map(|call| match call {
        Call::Start(step) if seen.insert(step.key.clone()) => Some(step),
        _ => None,
    });
    let name = |id: &str| plan.index_of(id).map_or(id.to_owned(), |index| plan.task(index).name.to_string());
    starts
        .map(|mut step| {
            let stand_in = stand_ins.settings(&name(step.key.task.as_str()), &mut step.env);
            StepCall::new(step, stand_in)
        })
        .collect()
}

fn refuse_unscripted(test: &PipelineTest, calls: &[StepCall]) -> Result<()> {
    let unscripted: BTreeSet<&str> =
        calls.iter().map(|call| call.task.as_str()).filter(|task| said(&test.scripts, task).is_none()).collect();
    if !test.strict || unscripted.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = unscripted.into_iter().collect();
    let message = format!("the test is strict, and these were started without a script: {}", names.join(", "));
    Err(Error::new(ErrorKind::Invalid, "unscripted", "test", message))
}

/// The events of a run as they come, without logs. As a stream, of which a future that is dropped loses none.
fn live(events: EventStream) -> BoxStream<'static, Result<Event>> {
    stream::unfold(events, |mut events| async {
        let event = events.next_without_log().await.transpose()?;
        Some((event, events))
    })
    .boxed()
}

async fn all(mut events: EventStream) -> Result<Vec<Event>> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await? {
        all.push(event);
    }
    Ok(all)
}
