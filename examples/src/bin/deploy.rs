//! A page on its way from a repository to a cluster, and back to the version before: the pipeline of `deploy/windlass.yaml`.
//!
//! ```text
//! cargo run -p windlass-examples --bin deploy -- .windlass ~/.kube/config https://git.example/page.git registry.example.com/page
//! ```
//!
//! `undo` as a fifth argument brings the version before back instead. `BASE` and `NAMESPACE` are taken from the environment.

use std::sync::Arc;
use std::time::Duration;

use windlass::clock::{SharedClock, SystemClock};
use windlass::cluster::{ClusterAccess, NewCluster};
use windlass::deploy::Silent;
use windlass::pipeline::read;
use windlass::{Engine, RunRequest};

type Anything = Box<dyn std::error::Error>;

const PIPELINE: &str = include_str!("../../deploy/windlass.yaml");
const CLUSTER: &str = "prod";

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (given, undone) = match arguments.as_slice() {
        [given @ .., last] if last == "undo" => (given, true),
        given => (given, false),
    };
    let [data_dir, kubeconfig, repository, image] = given else {
        return Err("usage: deploy DATA_DIR KUBECONFIG REPOSITORY IMAGE [undo]".into());
    };
    let namespace = std::env::var("NAMESPACE").unwrap_or_else(|_| "page".to_owned());
    let engine = Engine::builder().data_dir(data_dir).open().await?;
    if engine.clusters().stored().await?.is_empty() {
        let access = ClusterAccess::KubeconfigFile { path: kubeconfig.into(), context: None };
        let new = NewCluster { name: CLUSTER.to_owned(), access, namespace: Some(namespace.clone()) };
        engine.clusters().add(new, "ana").await?;
    }
    if undone {
        undo(&engine, &namespace).await?;
    } else {
        deploy(&engine, repository, image, &namespace).await?;
    }
    engine.close().await?;
    Ok(())
}

/// Builds what the repository holds now, and deploys it.
async fn deploy(engine: &Engine, repository: &str, image: &str, namespace: &str) -> Result<(), Anything> {
    let pipeline = read(PIPELINE.as_bytes(), "windlass.yaml")?;
    let mut request = RunRequest::manual().actor("ana");
    for (name, value) in [("REPOSITORY", repository), ("IMAGE", image), ("NAMESPACE", namespace)] {
        request = request.parameter(name, value);
    }
    if let Ok(base) = std::env::var("BASE") {
        request = request.parameter("BASE", base);
    }
    let run = engine.start(&pipeline, request).await?;
    let outcome = run.wait().await?;
    print!("{}", String::from_utf8_lossy(&run.logs("rollout").await?));
    match &outcome.cause {
        Some(cause) => Err(format!("{}: {}", cause.message, cause.advice).into()),
        None => Ok(()),
    }
}

/// Brings the version before back, and waits until it serves.
async fn undo(engine: &Engine, namespace: &str) -> Result<(), Anything> {
    let clock: SharedClock = Arc::new(SystemClock::resume(None));
    let page = engine.clusters().connect(CLUSTER).await?.workload("deployment/page".parse()?, Some(namespace));
    let revision = page.undo(None).await?;
    page.wait(Duration::from_secs(180), &clock, &Silent).await?;
    println!("as it was in revision {revision}");
    Ok(())
}
