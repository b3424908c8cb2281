//! Runs and events for tests, told apart by numbers.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditEntry, Change};
use crate::pipeline::TaskId;
use crate::run::{Elapsed, Now, RunEvent, RunId, RunStatus, Seq};
use crate::store::{
    Append, Batch, KeptWorkspace, PipelineChange, PipelineVersion, Position, Positioned, RunDigest, RunRecord, Stamped,
    Store, StoreError,
};

/// Run ids that sort by their number.
pub fn run_id(number: u64) -> RunId {
    RunId::new(Uuid::from_u128((u128::from(number) << 80) | (7 << 76) | (2 << 62)))
}

/// A moment; larger numbers are later.
pub fn moment(number: u64) -> Now {
    let wall = Timestamp::from_nanosecond(1_790_000_000_000_000_000 + i128::from(number) * 1_000_001);
    Now { wall: wall.unwrap_or_default(), elapsed: Elapsed::from_millis(number) }
}

/// A run of a pipeline.
pub fn record(id: u64, pipeline: &str, number: u64) -> RunRecord {
    RunRecord {
        id: run_id(id),
        number,
        pipeline: pipeline.to_owned(),
        definition: json!({"name": pipeline, "stages": [{"name": "Test", "tasks": []}]}),
        request: json!({"trigger": {"kind": "schedule"}, "parameters": {"TARGET": "dev"}}),
        rerun_of: id.is_multiple_of(2).then(|| run_id(id - 1)),
        created: moment(id),
    }
}

/// A digest with this state.
pub fn digest(status: RunStatus, released: bool) -> RunDigest {
    let started = (status != RunStatus::Queued).then(|| moment(10));
    RunDigest { status, started, finished: status.is_final().then(|| moment(20)), released }
}

/// An event that tells its number.
pub fn event(number: u64) -> Stamped {
    let event = RunEvent::LogAppended {
        task: TaskId::new("unit[PY=3.11]"),
        attempt: 1,
        from: number,
        to: number + 1,
        source: number + 2,
    };
    Stamped { at: moment(number), event }
}

/// Events of a run, numbered from `expected` on.
pub fn append(run: u64, expected: u64, count: u64) -> Append {
    let events = (expected + 1..=expected + count).map(event).collect();
    Append { run: run_id(run), expected: Seq(expected), events, digest: None }
}

/// A batch that makes runs.
pub fn new_runs(runs: impl IntoIterator<Item = RunRecord>) -> Batch {
    let runs = runs.into_iter().map(|record| (record, digest(RunStatus::Queued, false))).collect();
    Batch { runs, ..Batch::default() }
}

/// A batch that appends events.
pub fn appends(appends: impl IntoIterator<Item = Append>) -> Batch {
    Batch { appends: appends.into_iter().collect(), ..Batch::default() }
}

/// Asserts that a run has exactly these events, as [`append`] makes them.
pub async fn assert_events(store: &dyn Store, run: u64, count: u64) -> Result<(), StoreError> {
    let events = store.read(run_id(run), Seq::ZERO, usize::MAX).await?;
    assert_eq!(events.len() as u64, count, "run {run}");
    for (found, number) in events.iter().zip(1..) {
        let expected = event(number);
        assert_eq!((found.run, found.seq, found.at), (run_id(run), Seq(number), expected.at));
        assert_eq!(found.event, expected.event);
    }
    Ok(())
}

/// A run with another word for what started it, and by whom.
pub fn started_by(record: RunRecord, kind: &str, actor: &str) -> RunRecord {
    RunRecord { request: json!({"trigger": {"kind": kind, "actor": actor}}), ..record }
}

/// Events that end a run, so that it can be deleted.
pub fn ended(run: u64, expected: u64, count: u64) -> Append {
    Append { digest: Some(digest(RunStatus::Succeeded, true)), ..append(run, expected, count) }
}

/// A batch that deletes runs.
pub fn deletes(runs: impl IntoIterator<Item = u64>) -> Batch {
    Batch { deletes: runs.into_iter().map(run_id).collect(), ..Batch::default() }
}

/// A definition that tells its version.
pub fn version(name: &str, version: u64) -> PipelineVersion {
    PipelineVersion {
        name: name.to_owned(),
        version,
        definition: json!({"name": name, "stages": [], "version": version}),
        at: moment(version),
        by: format!("editor {version}"),
    }
}

/// A batch that changes pipelines.
pub fn pipeline_changes(changes: impl IntoIterator<Item = PipelineChange>) -> Batch {
    Batch { pipelines: changes.into_iter().collect(), ..Batch::default() }
}

/// An entry of the audit trail about a pipeline.
pub fn updated(by: &str, pipeline: &str, version: u64) -> AuditEntry {
    let change = Change::PipelineUpdated { pipeline: pipeline.to_owned(), version };
    AuditEntry { at: moment(version), by: by.to_owned(), change }
}

/// An entry of the audit trail about a run.
pub fn cancelled(by: &str, pipeline: &str, run: u64) -> AuditEntry {
    let change = Change::RunCancelled { run: run_id(run), pipeline: pipeline.to_owned(), reason: "enough".to_owned() };
    AuditEntry { at: moment(run), by: by.to_owned(), change }
}

/// A batch of entries of the audit trail.
pub fn audited(entries: impl IntoIterator<Item = AuditEntry>) -> Batch {
    Batch { audit: entries.into_iter().collect(), ..Batch::default() }
}

/// A workspace to keep.
pub fn kept(run: u64, until: u64) -> KeptWorkspace {
    let until = Elapsed::from_millis(until);
    KeptWorkspace { run: run_id(run), executor: "local".to_owned(), generation: 1, until }
}

/// Everything that was committed after a place, in pages of some entries.
pub async fn all_committed(store: &dyn Store, after: Position, page: usize) -> Result<Vec<Positioned>, StoreError> {
    let (mut all, mut after) = (Vec::new(), after);
    loop {
        let found = store.committed(after, page).await?;
        assert!(found.len() <= page, "{} entries on a page of {page}", found.len());
        let Some(last) = found.last() else { return Ok(all) };
        after = last.position;
        all.extend(found);
    }
}
