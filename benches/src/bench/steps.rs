//! 100 steps that do nothing, over local processes, with every event durable.

use windlass::pipeline::{Order, TaskBuilder};
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

use super::Effort;
use crate::measure::{Failure, medians, runtime};
use crate::process::{durable_writes, shells_at_once, shells_in_sequence};
use crate::table::Row;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let count = effort.count(100, 3);
    let mut rows = Vec::new();
    for order in [Order::Sequential, Order::Parallel] {
        for shell in [Some("sh"), None] {
            rows.push(one(effort, count, order, shell)?);
        }
    }
    Ok(rows)
}

fn one(effort: Effort, count: usize, order: Order, shell: Option<&str>) -> Result<Row, Failure> {
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let slots = if order == Order::Parallel { count } else { 4 };
    let engine = runtime.block_on(Engine::builder().data_dir(folder.path().join("data")).max_tasks(slots).open())?;
    let pipeline = pipeline(count, order, shell)?;
    let shells = if order == Order::Parallel { shells_at_once } else { shells_in_sequence };
    let [floor, commit, measured] = medians(
        effort.repeat,
        [&mut || shells(count), &mut || durable_writes(folder.path(), count), &mut || {
            Ok(runtime.block_on(one_run(&engine, &pipeline))? / count as f64)
        }],
    )?;
    let events = runtime.block_on(events_of_newest(&engine))?;
    runtime.block_on(engine.close())?;
    let (word, target) = if order == Order::Parallel { ("parallel", 0.8) } else { ("sequential", 1.2) };
    let shell = shell.unwrap_or("bash (the default)");
    let work = format!("{count} {word} no-op steps, each, {shell}");
    let note = format!("a durable write of one page takes {commit:.3} ms; {events} events a run, all durable");
    Ok(Row::millis(work, "fork, exec, wait of sh -c true", floor, measured).target(target).note(note))
}

fn pipeline(count: usize, order: Order, shell: Option<&str>) -> Result<Pipeline, Failure> {
    let task = |number: usize| -> TaskBuilder {
        let task = Task::script(format!("t{number}"), "true");
        match shell {
            Some(shell) => task.shell(shell),
            None => task,
        }
    };
    let stage = if order == Order::Parallel { Stage::parallel("Steps") } else { Stage::sequential("Steps") };
    Ok(Pipeline::builder("steps").stage(stage.tasks((0..count).map(task))).build()?)
}

async fn one_run(engine: &Engine, pipeline: &Pipeline) -> Result<f64, Failure> {
    let watch = crate::measure::Stopwatch::start();
    let outcome = engine.start(pipeline, RunRequest::manual()).await?.wait().await?;
    let took = crate::measure::millis(watch.elapsed());
    if outcome.succeeded() { Ok(took) } else { Err(format!("the run did not succeed: {:?}", outcome.cause).into()) }
}

async fn events_of_newest(engine: &Engine) -> Result<u64, Failure> {
    let listing = engine.runs(&windlass::store::RunFilter { limit: 1, ..Default::default() }).await?;
    Ok(listing.first().map_or(0, |run| run.last.0))
}
