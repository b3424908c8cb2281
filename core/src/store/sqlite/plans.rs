//! How SQLite goes about what it is asked.

use rusqlite::Connection;

use super::failure::Failure;
use super::row::COLUMNS;
use super::{audit, credentials, kept, pipelines, positions, query};
use crate::run::{RunId, RunStatus};
use crate::store::{AuditFilter, CredentialOwner, PipelineFilter, Position, RunFilter};

/// How SQLite finds the answer to a question: what `EXPLAIN QUERY PLAN` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPlan {
    /// What is asked for, in words.
    pub question: String,
    /// Its statement.
    pub sql: String,
    /// The steps, in order: `SEARCH` goes along a part of an index, `SCAN` reads a whole table.
    pub steps: Vec<String>,
}

/// The plans of listings and cursors.
pub(super) fn all(db: &Connection) -> Result<Vec<QueryPlan>, Failure> {
    questions().into_iter().map(|(question, sql)| plan(db, question, sql)).collect()
}

fn plan(db: &Connection, question: String, sql: String) -> Result<QueryPlan, Failure> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get("detail")?);
    }
    Ok(QueryPlan { question, sql, steps })
}

fn questions() -> Vec<(String, String)> {
    let of_owner = credentials::question(Some(CredentialOwner::Installation), None);
    let fixed = [
        ("events of a run after a number", query::EVENTS.to_owned()),
        ("events of all runs after a position", positions::EVENTS.to_owned()),
        ("changes after a position", audit::between_sql()),
        ("the newest position", positions::NEWEST.to_owned()),
        ("a run by its key", format!("SELECT {COLUMNS} FROM runs WHERE key = ?1")),
        ("runs by the beginning of their id", query::BETWEEN.to_owned()),
        ("unfinished runs", query::unfinished_question().sql().to_owned()),
        ("kept workspaces", kept::LIST.to_owned()),
        ("credentials of an owner", of_owner.sql().to_owned()),
    ];
    let fixed = fixed.map(|(question, sql)| (question.to_owned(), sql));
    fixed.into_iter().chain(runs()).chain(pipelines_and_versions()).chain(changes()).collect()
}

/// The combinations of some conditions, with words for each.
fn combinations<const N: usize>(names: [&'static str; N]) -> impl Iterator<Item = ([bool; N], String)> {
    (0..1_usize << N).map(move |bits| {
        let chosen: [bool; N] = std::array::from_fn(|at| bits & (1 << at) != 0);
        let words: Vec<_> = names.iter().zip(chosen).filter_map(|(name, chosen)| chosen.then_some(*name)).collect();
        (chosen, if words.is_empty() { "all".to_owned() } else { format!("by {}", words.join(", ")) })
    })
}

fn runs() -> impl Iterator<Item = (String, String)> {
    let names = ["pipeline", "status", "trigger", "actor", "since", "until", "before"];
    combinations(names).map(|([pipeline, status, trigger, actor, since, until, before], words)| {
        let filter = RunFilter {
            pipeline: pipeline.then(String::new),
            trigger: trigger.then(String::new),
            actor: actor.then(String::new),
            since: since.then_some(jiff::Timestamp::UNIX_EPOCH),
            until: until.then_some(jiff::Timestamp::UNIX_EPOCH),
            before: before.then_some(RunId::new(uuid::Uuid::nil())),
            ..RunFilter::default()
        };
        let question = query::question(&filter, status.then_some(RunStatus::Failed));
        (format!("runs {words}"), question.sql().to_owned())
    })
}

fn pipelines_and_versions() -> impl Iterator<Item = (String, String)> {
    let pipelines = combinations(["activity", "after"]).map(|([active, after], words)| {
        let filter = PipelineFilter { active: active.then_some(true), after: after.then(String::new), limit: 0 };
        (format!("pipelines {words}"), pipelines::question(&filter).sql().to_owned())
    });
    let versions = combinations(["before"]).map(|([before], words)| {
        let question = pipelines::history_question("", before.then_some(1), 1);
        (format!("versions of a pipeline, {words}"), question.sql().to_owned())
    });
    pipelines.chain(versions)
}

fn changes() -> impl Iterator<Item = (String, String)> {
    combinations(["actor", "pipeline", "run", "before"]).map(|([by, pipeline, run, before], words)| {
        let filter = AuditFilter {
            by: by.then(String::new),
            pipeline: pipeline.then(String::new),
            run: run.then_some(RunId::new(uuid::Uuid::nil())),
            before: before.then_some(Position(1)),
            limit: 0,
        };
        (format!("changes {words}"), audit::question(&filter).sql().to_owned())
    })
}
