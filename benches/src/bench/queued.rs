//! Opening an engine on 10,000 runs that wait for their turn.

use std::path::Path;

use windlass::run::queue::RunLimits;
use windlass::run::{RunId, RunStatus, Seq};
use windlass::store::{Append, Batch, RunFilter, SqliteStore, Stamped, Store};
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

use super::Effort;
use crate::measure::{Failure, Stopwatch, medians, memory, millis, runtime, time};
use crate::table::Row;

/// Nothing starts: everything waits.
const NONE_AT_ONCE: RunLimits = RunLimits { runs: 0, per_pipeline: None };

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let count = effort.count(10_000, 20);
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let runtime = runtime()?;
    runtime.block_on(fill(&data_dir, count))?;
    let before = memory("VmRSS");
    let mut grown = None;
    let [floor, measured] = medians(
        effort.repeat,
        [&mut || Ok(time(|| runtime.block_on(list_all(&data_dir, count)))?.0), &mut || {
            runtime.block_on(async {
                let watch = Stopwatch::start();
                let engine = open(&data_dir).await?;
                let took = millis(watch.elapsed());
                if engine.recovered().len() != count {
                    return Err(format!("{} of {count} runs were taken up", engine.recovered().len()).into());
                }
                grown = grown.or(memory("VmRSS").zip(before).map(|(after, before)| after - before));
                engine.close().await?;
                Ok(took)
            })
        }],
    )?;
    Ok(vec![
        Row::millis(
            format!("opening an engine on {count} queued runs"),
            "listing them from the store",
            floor,
            measured,
        ),
        Row::mebibytes(format!("memory for {count} queued runs"), grown).note("growth of VmRSS by the first opening"),
    ])
}

async fn open(data_dir: &Path) -> Result<Engine, Failure> {
    Ok(Engine::builder().data_dir(data_dir).run_limits(NONE_AT_ONCE).open().await?)
}

/// Lets an engine make one run, and copies it.
async fn fill(data_dir: &Path, count: usize) -> Result<(), Failure> {
    let task = Task::script("one", "true");
    let pipeline = Pipeline::builder("queued").stage(Stage::sequential("One").task(task)).build()?;
    let engine = open(data_dir).await?;
    let first = engine.start(&pipeline, RunRequest::manual()).await?.id();
    engine.close().await?;

    let store = SqliteStore::open(data_dir.join("windlass.db"))?;
    let record = store.run(first).await?.ok_or("the run is gone")?;
    let digest = store.listing(first).await?.ok_or("the run is gone")?.digest;
    let facts = store.read(first, Seq::ZERO, 10).await?;
    let events: Vec<Stamped> = facts.into_iter().map(|fact| Stamped { at: fact.at, event: fact.event }).collect();
    let mut batch = Batch::default();
    for number in 2..=count as u64 {
        let mut copy = record.clone();
        copy.number = number;
        copy.id = RunId::new(uuid::Uuid::from_u128(record.id.get().as_u128() + u128::from(number)));
        batch.appends.push(Append { run: copy.id, expected: Seq::ZERO, events: events.clone(), digest: None });
        batch.runs.push((copy, digest.clone()));
    }
    store.commit(batch).await?;
    store.close().await?;
    Ok(())
}

async fn list_all(data_dir: &Path, count: usize) -> Result<(), Failure> {
    let store = SqliteStore::open_read_only(data_dir.join("windlass.db"))?;
    let filter = RunFilter { status: vec![RunStatus::Queued], limit: count, ..RunFilter::default() };
    let found = store.list(&filter).await?.len();
    if found == count { Ok(()) } else { Err(format!("{found} of {count} runs are listed").into()) }
}
