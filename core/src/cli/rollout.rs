//! `windlass rollout` and `windlass preview`: what is done with workloads, and what a deployment would do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::args::{DataDirArg, PreviewArgs, RolloutArgs, RolloutVerb};
use super::cluster::{connect, failure, print};
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::clock::{SharedClock, SystemClock};
use crate::cluster::Cluster;
use crate::deploy::{
    DeployOptions, ObjectPreview, Progress, Revision, Rollout, Substitution, Workload, read_manifests,
};
use crate::engine::EngineBuilder;
use crate::explain::ClusterFailure;

/// Prints the lines of a rollout as they come, and knows whether there were any.
#[derive(Default)]
struct Printed {
    any: AtomicBool,
}

#[async_trait]
impl Progress for Printed {
    async fn line(&self, line: &str) {
        self.any.store(true, Ordering::Relaxed);
        let mut out = Output::stdout();
        out.line(line);
        // Who no longer reads misses only words.
        drop(out.finish());
    }
}

pub(super) async fn rollout(args: RolloutArgs, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let data_dir = DataDirArg { data_dir: args.data_dir };
    let cluster = connect(&args.cluster, &data_dir, engine).await?;
    let at = |workload: &Workload| cluster.workload(workload.clone(), args.namespace.as_deref());
    let clock: SharedClock = Arc::new(SystemClock::resume(None));
    let lines = match &args.verb {
        RolloutVerb::Status { workload, wait } => {
            return status(&at(workload), Duration::from_secs(*wait), &clock).await;
        }
        RolloutVerb::History { workload } => at(workload).history().await.map(|history| revisions(&history, args.json)),
        RolloutVerb::Undo { workload, to } => {
            at(workload).undo(*to).await.map(|revision| vec![format!("{workload}: as it was in revision {revision}")])
        }
        RolloutVerb::Pause { workload } => said(at(workload).pause().await, workload, "paused"),
        RolloutVerb::Resume { workload } => said(at(workload).resume().await, workload, "resumed"),
        RolloutVerb::Restart { workload } => said(at(workload).restart(&clock).await, workload, "restarted"),
        RolloutVerb::Scale { workload, replicas } => said(at(workload).scale(*replicas).await, workload, "scaled"),
        RolloutVerb::Delete { workload } => said(at(workload).delete().await, workload, "deleted"),
        RolloutVerb::Recreate { workload } => said(at(workload).recreate(&clock).await, workload, "made again"),
    };
    print(lines.map_err(|why| failure(&why))?)
}

fn said(done: Result<(), ClusterFailure>, workload: &Workload, what: &str) -> Result<Vec<String>, ClusterFailure> {
    done.map(|()| vec![format!("{workload}: {what}")])
}

/// A rollout that fails is not the fault of the command. One that is done says so, also where there was nothing to wait for.
async fn status(rollout: &Rollout, wait: Duration, clock: &SharedClock) -> Result<Exit, Failure> {
    // What is not there is a wrong argument, and no rollout that failed.
    rollout.status().await.map_err(|why| failure(&why))?;
    let printed = Printed::default();
    match rollout.wait(wait, clock, &printed).await {
        Ok(()) if printed.any.into_inner() => Ok(Exit::Succeeded),
        Ok(()) => print(std::iter::once("ready".to_owned())),
        Err(why) => Err(Failure { exit: Exit::Failed, message: why.to_string() }),
    }
}

fn revisions(history: &[Revision], json: bool) -> Vec<String> {
    if json {
        return vec![serde_json::json!(history).to_string()];
    }
    let line = |revision: &Revision| {
        let sign = if revision.current { '*' } else { ' ' };
        let made = revision.made.map(|at| at.to_string()).unwrap_or_default();
        let cause = revision.cause.as_deref().unwrap_or_default();
        format!("{sign} {}  {made}  {}  {cause}", revision.number, revision.images.join(", ")).trim_end().to_owned()
    };
    history.iter().map(line).collect()
}

pub(super) async fn preview(args: PreviewArgs, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let variables = args.parameters.by_name().map_err(Failure::input)?;
    let mut manifests = Vec::new();
    for file in &args.files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| Failure::input(format!("{name}: {error}")))?;
        manifests.extend(read_manifests(&name, &text, Substitution::Of(&variables)).map_err(Failure::input)?);
    }
    let cluster: Cluster = connect(&args.cluster, &args.data_dir, engine).await?;
    let mut options = DeployOptions::new("preview");
    options.namespace.clone_from(&args.namespace);
    let clock: SharedClock = Arc::new(SystemClock::resume(None));
    let previews = cluster.preview(manifests, &options, &clock).await.map_err(|why| failure(&why))?;
    print(if args.json {
        vec![serde_json::json!(previews).to_string()]
    } else {
        previews.iter().flat_map(ObjectPreview::lines).collect()
    })
}
