//! Pipelines: list, show, save, start.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use windlass::store::PipelineFilter;
use windlass::{Engine, Error, ErrorKind, RunRequest, pipeline};

use super::answer::{Refusal, User};

/// `GET /pipelines`: pages of 50 by name; the next one with `?after=NAME`.
pub(super) async fn list(
    State(engine): State<Engine>,
    Query(page): Query<BTreeMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let filter = PipelineFilter { after: page.get("after").cloned(), ..PipelineFilter::default() };
    let found = engine.pipelines().list(&filter).await?;
    let row = |pipeline: &windlass::store::PipelineListing| json!({"name": pipeline.name, "version": pipeline.version, "active": pipeline.active});
    Ok(Json(found.iter().map(row).collect()))
}

/// `GET /pipelines/{pipeline}`: the definition with its version.
pub(super) async fn show(State(engine): State<Engine>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let stored = engine.pipelines().get(&name).await?;
    Ok(Json(json!({"version": stored.version, "active": stored.active, "definition": stored.definition})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Save {
    /// The version that was edited: somebody else may have saved another one since.
    version: u64,
    /// The document, as YAML or JSON text, so that mistakes are reported with line and column.
    document: String,
}

/// `PUT /pipelines/{pipeline}`: saves another definition; 409 when somebody else was faster.
pub(super) async fn save(
    State(engine): State<Engine>,
    User(user): User,
    Path(name): Path<String>,
    Json(save): Json<Save>,
) -> Result<Json<Value>, Refusal> {
    let definition = pipeline::read(save.document.as_bytes(), "document").map_err(Error::from)?;
    if definition.name.as_str() != name {
        let message = format!("the document is called {:?}, and the pipeline {name:?}", definition.name.as_str());
        return Err(Error::new(ErrorKind::Invalid, "otherName", "save", message).into());
    }
    let stored = engine.pipelines().update(&definition, save.version, &user).await?;
    Ok(Json(json!({"version": stored.version})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// `POST /pipelines/{pipeline}/runs`: starts a run. It is durable when the answer comes.
pub(super) async fn start(
    State(engine): State<Engine>,
    User(user): User,
    Path(name): Path<String>,
    Json(start): Json<Start>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let mut request = RunRequest::manual().actor(user);
    for (name, value) in start.parameters {
        request = request.parameter(name, value);
    }
    let run = engine.pipelines().run(&name, request).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": run.id(), "number": run.number()}))))
}
