//! Replaying the 100,000 events of one run.

use std::sync::Arc;

use windlass::pipeline::{self, RunInputs, TaskIndex};
use windlass::run::{AttemptEnd, Effect, Input, Now, RunEvent, RunId, RunState, Seq};
use windlass::store::{Append, Batch, RunDigest, RunRecord, SqliteStore, Stamped, Store};
use windlass::{Pipeline, Stage, Task};

use super::Effort;
use crate::measure::{Failure, medians, runtime, time};
use crate::table::Row;

/// How many events are read at once.
const PAGE: usize = 1000;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let history = History::invent(effort.count(10_000, 20), 6)?;
    let lines = history.lines()?;
    let count = history.events.len();
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let store = SqliteStore::open(folder.path().join("replay.db"))?;
    runtime.block_on(store.commit(history.batch()))?;
    let [floor, applying, measured] = medians(
        effort.repeat,
        [
            &mut || Ok(time(|| parse(&lines))?.0),
            &mut || Ok(time(|| history.apply(history.events.iter()))?.0),
            &mut || Ok(time(|| runtime.block_on(history.replay(&store)))?.0),
        ],
    )?;
    let note = format!("read from the store and applied; applying alone takes {applying:.1} ms");
    Ok(vec![
        Row::millis(format!("replaying {count} events"), "the same JSON lines to values", floor, measured).note(note),
    ])
}

fn parse(lines: &[String]) -> Result<usize, Failure> {
    let mut count = 0;
    for line in lines {
        let event: RunEvent = serde_json::from_str(line)?;
        count += usize::from(std::hint::black_box(event) != RunEvent::RunReleased);
    }
    Ok(count)
}

/// An invented run that did everything that its definition says.
struct History {
    run: RunId,
    pipeline: Pipeline,
    plan: Arc<pipeline::Plan>,
    events: Vec<Stamped>,
}

impl History {
    /// Each task has so many pieces of log.
    fn invent(tasks: usize, pieces: u64) -> Result<Self, Failure> {
        let task = |number: usize| Task::script(format!("t{number}"), "true");
        let stage = Stage::parallel("All").tasks((0..tasks).map(task));
        let pipeline = Pipeline::builder("history").stage(stage).build()?;
        let plan = Arc::new(pipeline::plan(&pipeline, &RunInputs::default())?);
        let run = RunId::new(uuid::Uuid::from_u128(7));
        let mut history = Self { run, pipeline, plan: plan.clone(), events: Vec::new() };
        let mut state = RunState::new(run, plan);
        let queued = RunEvent::RunQueued { number: 1, pipeline: "history".to_owned() };
        state.apply(now(), &queued)?;
        history.events.push(Stamped { at: now(), event: queued });
        history.feed(&mut state, Input::Admitted)?;
        history.feed(&mut state, Input::Prepared { generation: 1 })?;
        for task in (0..tasks as u32).map(TaskIndex) {
            history.one_task(&mut state, task, pieces)?;
        }
        history.feed(&mut state, Input::Released)?;
        Ok(history)
    }

    fn one_task(&mut self, state: &mut RunState, task: TaskIndex, pieces: u64) -> Result<(), Failure> {
        self.feed(state, Input::SlotGranted { task })?;
        for piece in 0..pieces {
            let (from, to) = (piece * 100, (piece + 1) * 100);
            self.feed(state, Input::LogAppended { task, attempt: 1, from, to, source: to })?;
        }
        let end = AttemptEnd::Succeeded { outputs: Default::default(), commit: None };
        self.feed(state, Input::AttemptEnded { task, attempt: 1, end })
    }

    fn feed(&mut self, state: &mut RunState, input: Input) -> Result<(), Failure> {
        let decided = state.settle(input, now())?;
        self.events.extend(decided.into_iter().map(|event| Stamped { at: now(), event }));
        Ok(())
    }

    fn lines(&self) -> Result<Vec<String>, Failure> {
        Ok(self.events.iter().map(|stamped| serde_json::to_string(&stamped.event)).collect::<Result<_, _>>()?)
    }

    fn batch(&self) -> Batch {
        let record = RunRecord {
            id: self.run,
            number: 1,
            pipeline: "history".to_owned(),
            definition: serde_json::to_value(&self.pipeline).unwrap_or_default(),
            request: serde_json::Value::Null,
            rerun_of: None,
            created: now(),
        };
        let status = windlass::run::RunStatus::Succeeded;
        let digest = RunDigest { status, started: None, finished: None, released: true };
        let append = Append { run: self.run, expected: Seq::ZERO, events: self.events.clone(), digest: None };
        Batch { runs: vec![(record, digest)], appends: vec![append], ..Batch::default() }
    }

    fn apply<'a>(&self, events: impl Iterator<Item = &'a Stamped>) -> Result<RunState, Failure> {
        let mut state = RunState::new(self.run, self.plan.clone());
        for stamped in events {
            state.apply(stamped.at, &stamped.event)?;
        }
        Ok(state)
    }

    async fn replay(&self, store: &SqliteStore) -> Result<RunState, Failure> {
        let mut state = RunState::new(self.run, self.plan.clone());
        let mut last = Seq::ZERO;
        loop {
            let page = store.read(self.run, last, PAGE).await?;
            let Some(newest) = page.last() else { break };
            last = newest.seq;
            for fact in &page {
                state.apply(fact.at, &fact.event)?;
            }
        }
        debug_assert!(!state.effects().iter().any(|effect| matches!(effect, Effect::Run { .. })));
        if state.is_released() { Ok(state) } else { Err("the history does not come to its end".into()) }
    }
}

/// Always the same moment: nothing in the history takes time.
fn now() -> Now {
    Now { wall: jiff::Timestamp::UNIX_EPOCH, elapsed: windlass::run::Elapsed::from_millis(0) }
}
