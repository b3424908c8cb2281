//! A small portal: an HTTP API over an engine, with axum.
//!
//! ```text
//! cargo run -p windlass-examples --bin portal -- .windlass 127.0.0.1:8080
//! curl localhost:8080/pipelines
//! curl -X POST localhost:8080/pipelines/release/runs -H 'x-portal-user: ana' -H 'content-type: application/json' -d '{"parameters":{"VERSION":"1.2.3"}}'
//! curl -N localhost:8080/runs/release%23latest/events          # follow; with `Last-Event-ID: N` go on after event N
//! curl -X POST localhost:8080/runs/release%23latest/tasks/sign-off/approve -H 'x-portal-user: ben' -H 'content-type: application/json' -d '{"reason":"looks good"}'
//! ```
//!
//! It holds no state of its own: stop it, or kill it, in the middle of a run, and start it again. Steps went on meanwhile,
//! and who followed a run goes on after the last event that arrived.
//!
//! A real portal has a login in front, which knows who somebody is. Here the header `x-portal-user` says so.

mod answer;
mod follow;
mod pipelines;
mod runs;

use std::path::Path;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use windlass::pipeline;
use windlass::{Engine, Shutdown};

/// The user for whom the portal does what it is started with.
const SETUP: &str = "portal";

fn routes(engine: Engine) -> Router {
    Router::new()
        .route("/pipelines", get(pipelines::list))
        .route("/pipelines/{pipeline}", get(pipelines::show).put(pipelines::save))
        .route("/pipelines/{pipeline}/runs", get(runs::list).post(pipelines::start))
        .route("/events", get(follow::engine))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/events", get(follow::run))
        .route("/runs/{run}/tasks/{task}/log", get(runs::log))
        .route("/runs/{run}/tasks/{task}/approve", post(runs::approve))
        .route("/runs/{run}/tasks/{task}/reject", post(runs::reject))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/runs/{run}/retry", post(runs::retry))
        .with_state(engine)
}

/// Puts the pipeline of this example into the engine, unless it is there: people may have changed it since.
async fn set_up(engine: &Engine) -> Result<(), Box<dyn std::error::Error>> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal/release.yaml");
    match engine.pipelines().create(&pipeline::read_file(document)?, SETUP).await {
        Err(error) if error.code() == "pipelineExists" => Ok(()),
        created => Ok(created.map(drop)?),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().unwrap_or_else(|| ".windlass".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());

    let listener = TcpListener::bind(address).await?;
    let base = format!("http://{}", listener.local_addr()?);
    // Takes up what an earlier process left unfinished.
    let engine = Engine::builder().data_dir(data_dir).base_url(&base).open().await?;
    set_up(&engine).await?;
    println!("portal on {base}");

    let mut terminated = signal(SignalKind::terminate())?;
    let stopping = {
        let engine = engine.clone();
        async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            // Ends the event streams, which would keep their connections open for ever. Steps go on.
            if let Err(error) = engine.shutdown(Shutdown::LeaveRunning).await {
                eprintln!("the engine could not be closed: {error}");
            }
        }
    };
    axum::serve(listener, routes(engine)).with_graceful_shutdown(stopping).await?;
    Ok(())
}
