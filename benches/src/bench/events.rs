//! The 100,000 events of one run, streamed as a program follows them. `benches/node` and `bindings-python/benches` do the same work.

use std::sync::Arc;

use windlass::testing::{ScriptedExecutor, VirtualClock};
use windlass::{Engine, Pipeline, Run, RunRequest};

use super::Effort;
use crate::measure::{Failure, Stopwatch, median, medians, memory, millis, runtime, time};
use crate::table::Row;

/// How often the memory is looked at.
const STREAMS: usize = 10;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let clock = VirtualClock::new();
    let builder = Engine::builder().data_dir(folder.path().join("data")).max_tasks(1000).control(false);
    let builder = builder.executor("scripted", ScriptedExecutor::new(Arc::new(clock.clone()))).clock(Arc::new(clock));
    let engine = runtime.block_on(builder.open())?;
    let pipeline = pipeline(effort.count(100, 2), effort.count(250, 2))?;
    let run = runtime.block_on(async {
        let run = engine.start(&pipeline, RunRequest::manual()).await?;
        run.wait().await.map(|_| run)
    })?;
    let lines = runtime.block_on(lines(&run))?;
    let [floor, measured] = medians(
        effort.repeat,
        [&mut || Ok(time(|| parse(&lines))?.0), &mut || runtime.block_on(stream(&run, lines.len()))],
    )?;
    let (mut times, before) = (Vec::new(), memory("VmRSS"));
    for _ in 0..effort.count(STREAMS, 1) {
        times.push(runtime.block_on(stream(&run, lines.len()))?);
    }
    let growth = memory("VmRSS").zip(before).map(|(after, before)| after - before);
    runtime.block_on(engine.close())?;
    let rate = lines.len() as f64 / measured * 1000.0;
    let note = format!("{rate:.0} events a second; ten more take {:.0} ms each", median(times));
    Ok(vec![
        Row::millis(format!("{} events streamed, Rust", lines.len()), "the same JSON lines to values", floor, measured)
            .note(note),
        Row::mebibytes("memory growth over ten such streams, Rust", growth),
    ])
}

/// A stage of so many tasks with so many instances each, all side by side.
fn pipeline(tasks: usize, instances: usize) -> Result<Pipeline, Failure> {
    let matrix: Vec<String> = (0..instances).map(|number| format!("\"{number}\"")).collect();
    let matrix = matrix.join(",");
    let tasks: Vec<String> = (0..tasks)
        .map(|number| format!(r#"{{"name": "t{number}", "script": "true", "matrix": {{"A": [{matrix}]}}}}"#))
        .collect();
    let text = format!(
        r#"{{"name": "events", "stages": [{{"name": "S", "order": "parallel", "tasks": [{}]}}]}}"#,
        tasks.join(",")
    );
    Ok(windlass::pipeline::read(text.as_bytes(), "events.json")?)
}

async fn lines(run: &Run) -> Result<Vec<String>, Failure> {
    let mut events = run.events().await?;
    let mut lines = Vec::new();
    while let Some(event) = events.next().await? {
        lines.push(serde_json::to_string(&event)?);
    }
    Ok(lines)
}

async fn stream(run: &Run, count: usize) -> Result<f64, Failure> {
    let watch = Stopwatch::start();
    let mut events = run.events().await?;
    let mut found = 0;
    while events.next().await?.is_some() {
        found += 1;
    }
    if found == count { Ok(millis(watch.elapsed())) } else { Err(format!("{found} events, and not {count}").into()) }
}

fn parse(lines: &[String]) -> Result<(), Failure> {
    for line in lines {
        std::hint::black_box(serde_json::from_str::<serde_json::Value>(line)?);
    }
    Ok(())
}
