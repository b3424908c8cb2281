//! A store with a million events: pages, cursors, a deletion, opening.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;
use windlass::audit::{AuditEntry, Change};
use windlass::pipeline::TaskId;
use windlass::run::{Elapsed, Now, RunEvent, RunId, RunStatus, Seq};
use windlass::store::{
    Append, AuditFilter, Batch, PipelineChange, PipelineVersion, Position, RunDigest, RunFilter, RunRecord,
    SqliteStore, Stamped, Store,
};

use super::Effort;
use crate::measure::{Failure, medians, runtime, time};
use crate::process::durable_writes;
use crate::table::Row;

/// How much is in the store.
#[derive(Clone, Copy)]
struct Size {
    runs: u64,
    pipelines: u64,
    events: u64,
}

/// Runs in one commit while the store is filled.
const GROUP: u64 = 10;

/// How often a question is asked in one measurement: one alone is too short for the clock.
const TIMES: u32 = 20;

const FLOOR: &str = "SELECT by rowid";

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let size = Size {
        runs: effort.count(10_000, 40) as u64,
        pipelines: effort.count(100, 4) as u64,
        events: effort.count(100, 10) as u64,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("windlass.db");
    let runtime = runtime()?;
    let (took, store) = time(|| runtime.block_on(fill(&path, size)))?;
    let floor = Floor::open(&path)?;
    let mut rows = pages(effort, &runtime, &store, &floor, size)?;
    rows.push(deletion(effort, &runtime, &store, folder.path(), size)?);
    explain(&runtime, &store)?;
    runtime.block_on(store.close())?;
    drop((store, floor));
    let bytes = std::fs::metadata(&path)?.len() as f64 / 1_048_576.0;
    let note = format!("{} events, {bytes:.0} MiB, filled in {:.1} s", size.runs * size.events, took / 1000.0);
    rows.push(opening(effort, &runtime, &path)?.note(note));
    Ok(rows)
}

/// One trivial prepared statement, by the same SQLite on the same file.
struct Floor(Connection);

impl Floor {
    fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self(Connection::open_with_flags(path, flags)?))
    }

    fn select(&self) -> Result<f64, Failure> {
        let (took, ()) = time(|| {
            for _ in 0..TIMES {
                let mut statement = self.0.prepare_cached("SELECT body FROM events WHERE position = ?1")?;
                let _: String = statement.query_row([1], |row| row.get(0))?;
            }
            Ok(())
        })?;
        Ok(took / f64::from(TIMES))
    }
}

/// Asks a question several times, each time as an engine does: in a thread that may block.
fn ask<T>(
    runtime: &Runtime,
    full: usize,
    mut question: impl AsyncFnMut() -> Result<Vec<T>, windlass::store::StoreError>,
) -> Result<f64, Failure> {
    let (took, ()) = time(|| {
        runtime.block_on(async {
            for _ in 0..TIMES {
                let found = question().await?.len();
                if found != full {
                    return Err(format!("a page has {found} entries instead of {full}").into());
                }
            }
            Ok(())
        })
    })?;
    Ok(took / f64::from(TIMES))
}

fn pages(
    effort: Effort,
    runtime: &Runtime,
    store: &SqliteStore,
    floor: &Floor,
    size: Size,
) -> Result<Vec<Row>, Failure> {
    let page = effort.count(50, 2);
    let middle = Some(run_id(size.runs / 2));
    let all = RunFilter { limit: page, ..RunFilter::default() };
    let in_the_middle = RunFilter { before: middle, ..all.clone() };
    let filters = [
        ("the first page", all),
        ("a page in the middle", in_the_middle.clone()),
        ("by pipeline", RunFilter { pipeline: Some(pipeline(1)), ..in_the_middle.clone() }),
        ("by state", RunFilter { status: vec![RunStatus::Failed], ..in_the_middle.clone() }),
        ("by trigger", RunFilter { trigger: Some("push".to_owned()), ..in_the_middle.clone() }),
        ("by actor", RunFilter { actor: Some("actor 1".to_owned()), ..in_the_middle }),
    ];
    let mut rows = Vec::new();
    for (name, filter) in filters {
        let work = format!("{page} of {} runs, {name}", size.runs);
        rows.push(page_row(effort, floor, work, &mut || ask(runtime, page, async || store.list(&filter).await))?);
    }
    let audit = AuditFilter { limit: page, before: Some(Position(size.runs * size.events / 2)), ..Default::default() };
    let work = format!("{page} entries of the audit trail, in the middle");
    rows.push(page_row(effort, floor, work, &mut || ask(runtime, page, async || store.audit(&audit).await))?);
    let about = AuditFilter { pipeline: Some(pipeline(1)), ..audit };
    let work = format!("{page} entries of the audit trail, about one pipeline");
    rows.push(page_row(effort, floor, work, &mut || ask(runtime, page, async || store.audit(&about).await))?);
    let (page, after) = (effort.count(500, 20), Position(size.runs * size.events / 2));
    let work = format!("{page} events and changes from a cursor in the middle");
    rows.push(page_row(effort, floor, work, &mut || ask(runtime, page, async || store.committed(after, page).await))?);
    Ok(rows)
}

fn page_row(
    effort: Effort,
    floor: &Floor,
    work: String,
    measured: &mut dyn FnMut() -> Result<f64, Failure>,
) -> Result<Row, Failure> {
    let [floor, measured] = medians(effort.repeat, [&mut || floor.select(), measured])?;
    Ok(Row::millis(work, FLOOR, floor, measured))
}

/// Another run each time, from the middle.
fn deletion(effort: Effort, runtime: &Runtime, store: &SqliteStore, folder: &Path, size: Size) -> Result<Row, Failure> {
    let mut next = size.runs / 2;
    let [floor, measured] = medians(
        effort.repeat,
        [&mut || durable_writes(folder, 10), &mut || {
            next += 1;
            let batch = Batch { deletes: vec![run_id(next)], ..Batch::default() };
            Ok(time(|| Ok(runtime.block_on(store.commit(batch))?))?.0)
        }],
    )?;
    let work = format!("deleting a run of {} events", size.events);
    Ok(Row::millis(work, "a durable write of one page", floor, measured))
}

/// Nobody else has the file open, so that each time its log is begun anew.
fn opening(effort: Effort, runtime: &Runtime, path: &Path) -> Result<Row, Failure> {
    let plain = || -> Result<f64, Failure> {
        let (took, _) = time(|| {
            let db = Connection::open(path)?;
            let _: String = db.query_row("SELECT body FROM events WHERE position = 1", [], |row| row.get(0))?;
            Ok(db)
        })?;
        Ok(took)
    };
    let [floor, measured] = medians(
        effort.repeat,
        [&mut || plain(), &mut || {
            let (took, store) = time(|| {
                let store = SqliteStore::open(path)?;
                runtime.block_on(store.newest())?;
                Ok(store)
            })?;
            runtime.block_on(store.close())?;
            Ok(took)
        }],
    )?;
    Ok(Row::millis("opening the store, with its first answer", "SQLite opens it, SELECT by rowid", floor, measured))
}

/// Tells how the questions above are answered.
fn explain(runtime: &Runtime, store: &SqliteStore) -> Result<(), Failure> {
    let shown = [
        "runs all",
        "runs by before",
        "runs by pipeline, before",
        "runs by status, before",
        "runs by pipeline, status, before",
        "runs by trigger, before",
        "runs by actor, before",
        "changes by before",
        "changes by pipeline, before",
        "changes after a position",
        "events of all runs after a position",
    ];
    for plan in runtime.block_on(store.plans())? {
        if shown.contains(&plan.question.as_str()) {
            eprintln!("  {}: {}", plan.question, plan.steps.join("; "));
        }
    }
    Ok(())
}

fn run_id(number: u64) -> RunId {
    RunId::new(Uuid::from_u128((u128::from(number) << 80) | (7 << 76) | (2 << 62)))
}

fn pipeline(number: u64) -> String {
    format!("pipeline {number}")
}

fn moment(number: u64) -> Result<Now, Failure> {
    let wall = jiff::Timestamp::from_millisecond(1_790_000_000_000 + i64::try_from(number)?)?;
    Ok(Now { wall, elapsed: Elapsed::from_millis(number) })
}

async fn fill(path: &Path, size: Size) -> Result<SqliteStore, Failure> {
    let store = SqliteStore::open(path)?;
    let mut batch = Batch::default();
    for number in 0..size.pipelines {
        let name = pipeline(number);
        let definition = json!({"name": name, "stages": []});
        let version = PipelineVersion { name, version: 1, definition, at: moment(0)?, by: "actor 1".to_owned() };
        batch.pipelines.push(PipelineChange::Create(version));
    }
    for number in 1..=size.runs {
        add_run(&mut batch, number, size)?;
        if number.is_multiple_of(GROUP) || number == size.runs {
            store.commit(std::mem::take(&mut batch)).await?;
        }
    }
    Ok(store)
}

/// A run that ended, with its events and who asked for it.
fn add_run(batch: &mut Batch, number: u64, size: Size) -> Result<(), Failure> {
    let (name, id, at) = (pipeline(number % size.pipelines), run_id(number), moment(number)?);
    let (kind, by) = (["manual", "push", "schedule"][(number % 3) as usize], format!("actor {}", number % 5));
    // Not in step with the pipelines.
    let failed = (number / 7).is_multiple_of(4);
    let status = if failed { RunStatus::Failed } else { RunStatus::Succeeded };
    let own_number = number / size.pipelines + 1;
    let record = RunRecord {
        id,
        number: own_number,
        pipeline: name.clone(),
        definition: json!({"name": name, "stages": [{"name": "Test", "tasks": [{"name": "unit", "script": "true"}]}]}),
        request: json!({"trigger": {"kind": kind, "actor": by}}),
        rerun_of: None,
        created: at,
    };
    let digest = RunDigest { status, started: Some(at), finished: Some(at), released: true };
    let event = |seq: u64| {
        let event = RunEvent::LogAppended {
            task: TaskId::new("unit"),
            attempt: 1,
            from: seq * 100,
            to: seq * 100 + 100,
            source: seq * 100 + 100,
        };
        Stamped { at, event }
    };
    let events = (1..=size.events).map(event).collect();
    batch.runs.push((record, digest));
    batch.appends.push(Append { run: id, expected: Seq::ZERO, events, digest: None });
    let change = Change::RunRequested { run: id, pipeline: name, number: own_number, rerun_of: None };
    batch.audit.push(AuditEntry { at, by, change });
    Ok(())
}
