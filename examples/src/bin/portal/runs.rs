//! Runs: list, show, log, approve, cancel, run again.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use windlass::store::RunFilter;
use windlass::{Engine, Error, ErrorKind, Rerun, RunSummary};

use super::answer::{Refusal, User};

#[derive(Deserialize)]
pub(super) struct Page {
    /// The last run of the page before.
    before: Option<String>,
}

/// `GET /pipelines/{pipeline}/runs`: the last 50; the 50 before those with `?before=RUN`.
pub(super) async fn list(
    State(engine): State<Engine>,
    Path(pipeline): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Refusal> {
    let before = match &page.before {
        Some(run) => Some(engine.find(run).await?.id()),
        None => None,
    };
    let filter = RunFilter { pipeline: Some(pipeline), before, ..RunFilter::default() };
    let runs = engine.runs(&filter).await?;
    let row = |run: &windlass::store::RunListing| {
        json!({
            "id": run.id,
            "number": run.number,
            "status": run.digest.status.as_str(),
            "trigger": run.trigger,
            "actor": run.actor,
            "created": run.created.wall,
            "started": run.digest.started.map(|at| at.wall),
            "finished": run.digest.finished.map(|at| at.wall),
        })
    };
    Ok(Json(runs.iter().map(row).collect()))
}

/// `GET /runs/{run}`: the run and its tasks as they are now.
pub(super) async fn show(State(engine): State<Engine>, Path(run): Path<String>) -> Result<Json<RunSummary>, Refusal> {
    Ok(Json(engine.find(&run).await?.summary().await?))
}

#[derive(Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    from: u64,
}

/// `GET /runs/{run}/tasks/{task}/log?from=OFFSET`: at most a megabyte of the newest attempt's log.
pub(super) async fn log(
    State(engine): State<Engine>,
    Path((run, task)): Path<(String, String)>,
    Query(piece): Query<Piece>,
) -> Result<axum::body::Bytes, Refusal> {
    Ok(engine.find(&run).await?.log(&task, 0, piece.from, 1 << 20).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /runs/{run}/tasks/{task}/approve`
pub(super) async fn approve(
    State(engine): State<Engine>,
    User(user): User,
    Path((run, task)): Path<(String, String)>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Refusal> {
    engine.find(&run).await?.approve(&task, known(&user)?, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runs/{run}/tasks/{task}/reject`
pub(super) async fn reject(
    State(engine): State<Engine>,
    User(user): User,
    Path((run, task)): Path<(String, String)>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Refusal> {
    engine.find(&run).await?.reject(&task, known(&user)?, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runs/{run}/cancel`
pub(super) async fn cancel(
    State(engine): State<Engine>,
    User(user): User,
    Path(run): Path<String>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Refusal> {
    engine.find(&run).await?.cancel(&user, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /runs/{run}/retry`: from the failed task on, with the workspace as the failed run left it.
pub(super) async fn retry(
    State(engine): State<Engine>,
    User(user): User,
    Path(run): Path<String>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let again = engine.find(&run).await?.retry(Rerun::FromFailed, &user).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": again.id(), "number": again.number()}))))
}

/// Decisions are signed.
fn known(user: &str) -> Result<&str, Error> {
    if user.is_empty() {
        let message = "log in first: a decision is kept with the name of who made it";
        return Err(Error::new(ErrorKind::Invalid, "unknownUser", "decide", message));
    }
    Ok(user)
}
