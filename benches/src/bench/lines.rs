//! One step that prints very much.

use std::path::Path;

use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

use super::Effort;
use crate::measure::{Failure, medians, memory, runtime};
use crate::process::{read_and_split, run_to_file};
use crate::table::Row;

/// Characters of a line, without its end.
const WIDTH: usize = 103;

/// 1,000,000 lines, 104 MB.
pub(super) fn million(effort: Effort) -> Result<Vec<Row>, Failure> {
    let [time, memory] = print_lines(effort, effort.count(1_000_000, 1000))?;
    Ok(vec![time.target(300.0), memory.target(16.0)])
}

/// Just below 1 GiB, which is the longest log unless set otherwise.
pub(super) fn gibibyte(effort: Effort) -> Result<Vec<Row>, Failure> {
    let rows = print_lines(effort, effort.count(10_300_000, 2000))?;
    Ok(rows.into())
}

fn print_lines(effort: Effort, lines: usize) -> Result<[Row; 2], Failure> {
    let script = format!("yes {} | head -n {lines}", "x".repeat(WIDTH));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("floor");
    let runtime = runtime()?;
    let engine = runtime.block_on(Engine::builder().data_dir(folder.path().join("data")).open())?;
    // A first small run, so that what an engine needs once is not counted as growth.
    runtime.block_on(one_run(&engine, "echo warm", 5))?;
    let before = memory("VmHWM");
    let bytes = (lines * (WIDTH + 1)) as u64;
    let [floor, split, measured] = medians(
        effort.repeat,
        [&mut || run_to_file(&script, &file), &mut || read_and_split(&file).map(|(took, _)| took), &mut || {
            runtime.block_on(one_run(&engine, &script, bytes))
        }],
    )?;
    let growth = memory("VmHWM").zip(before).map(|(after, before)| after - before);
    runtime.block_on(engine.close())?;
    let size = bytes as f64 / 1e6;
    let note = format!(
        "reading the file back and splitting it takes {split:.0} ms more; {}",
        search_note(&folder.path().join("data"))
    );
    let time =
        Row::millis(format!("{lines} lines, {size:.0} MB"), "the same program to a file", floor, measured).note(note);
    Ok([time, Row::mebibytes(format!("memory growth over {lines} lines"), growth).note("VmHWM, all repeats together")])
}

/// What the log takes up on the disk.
fn search_note(data: &Path) -> String {
    format!("the data directory holds {:.0} MB afterwards", folder_size(data) as f64 / 1e6)
}

fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => folder_size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Runs the script in one step, and checks that all of its log is there.
async fn one_run(engine: &Engine, script: &str, bytes: u64) -> Result<f64, Failure> {
    let pipeline = Pipeline::builder("lines")
        .stage(Stage::sequential("Print").task(Task::script("print", script).shell("sh")))
        .build()?;
    let watch = crate::measure::Stopwatch::start();
    let run = engine.start(&pipeline, RunRequest::manual()).await?;
    let outcome = run.wait().await?;
    let took = crate::measure::millis(watch.elapsed());
    if !outcome.succeeded() {
        return Err(format!("the run did not succeed: {:?}", outcome.cause).into());
    }
    let last = run.log("print", 0, bytes - 1, 10).await?;
    if last.as_ref() != b"\n" {
        return Err(format!("the log does not end at byte {bytes}: {last:?}").into());
    }
    Ok(took)
}
