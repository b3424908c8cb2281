//! Concurrency groups: what happens to a run while another one of its group goes on.
//!
//! - `queue`: deployments to one environment go one after another, in order.
//! - `cancelOlder`: a newer preview of a branch takes the place of the older one.
//! - `reject`: a second database migration is refused as long as one goes on.

use std::path::Path;

use windlass::pipeline::{OnConflict, Problems};
use windlass::run::RunStatus;
use windlass::{Engine, EventKind, Parameter, Pipeline, Run, RunRequest, Stage, Task};

/// A pipeline whose step goes on until there is a file.
fn pipeline(name: &str, group: &str, on_conflict: OnConflict, go_on: &Path) -> Result<Pipeline, Problems> {
    Pipeline::builder(name)
        .parameter(Parameter::dynamic("ON"))
        .concurrency(group, 1, on_conflict)
        .env("GO_ON", go_on.display().to_string())
        .stage(Stage::sequential("Work").task(Task::script("work", "until [ -e \"$GO_ON\" ]; do sleep 0.05; done")))
        .build()
}

fn on(target: &str) -> RunRequest {
    RunRequest::manual().parameter("ON", target)
}

/// Returns when the step of a run goes on.
async fn working(run: &Run) -> windlass::Result<()> {
    let mut events = run.events().await?;
    while let Some(event) = events.next().await? {
        if matches!(event.kind, EventKind::AttemptStarted { .. }) {
            break;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).unwrap_or_else(|| ".windlass".to_owned());
    let engine = Engine::builder().data_dir(data_dir).open().await?;
    let folder = tempfile::tempdir()?;
    let go_on = folder.path().join("go-on");

    // The group's text may have variables: each environment has a group of its own.
    let deploy = pipeline("deploy", "deploy-${ON}", OnConflict::Queue, &go_on)?;
    let preview = pipeline("preview", "preview-${ON}", OnConflict::CancelOlder, &go_on)?;
    let migrate = pipeline("migrate", "migrate-${ON}", OnConflict::Reject, &go_on)?;

    let mut deployments = Vec::new();
    for environment in ["prod", "prod", "staging"] {
        deployments.push(engine.start(&deploy, on(environment)).await?);
    }
    working(&deployments[0]).await?;
    working(&deployments[2]).await?;
    for (run, environment) in deployments.iter().zip(["prod", "prod", "staging"]) {
        println!("deploy #{} on {environment}: {}", run.number(), run.status().await?.as_str());
    }

    let older = engine.start(&preview, on("feature")).await?;
    working(&older).await?;
    let newer = engine.start(&preview, on("feature")).await?;
    let outcome = older.wait().await?;
    println!(
        "preview #1: {}: {}",
        outcome.status.as_str(),
        outcome.cause.map_or_else(String::new, |cause| cause.message)
    );

    let first = engine.start(&migrate, on("prod")).await?;
    match engine.start(&migrate, on("prod")).await {
        Err(refused) => println!("migrate: {}: {refused}", refused.code()),
        Ok(run) => println!("migrate #{} was not refused", run.number()),
    }

    std::fs::write(&go_on, "")?;
    for run in deployments.iter().chain([&newer, &first]) {
        let outcome = run.wait().await?;
        assert_eq!(outcome.status, RunStatus::Succeeded, "{} #{}", run.pipeline(), run.number());
    }
    println!("all others: succeeded");
    engine.close().await?;
    Ok(())
}
