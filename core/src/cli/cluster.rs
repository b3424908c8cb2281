//! `windlass cluster`: clusters that are kept by name; and the way to one for other verbs.

use super::args::{ClusterArgs, ClusterVerb, DataDirArg};
use super::exit::{Exit, Failure};
use super::open;
use super::output::Output;
use crate::cluster::{Cluster, ClusterAccess, NewCluster, StoredCluster, role_yaml};
use crate::engine::{ClusterAnswer, ClusterRemoval, ClusterStatus, EngineBuilder, Reader};
use crate::explain::{ClusterFailure, FailureClass};

pub(super) async fn cluster(args: ClusterArgs, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    if let ClusterVerb::Role { namespace, account } = &args.verb {
        return print(std::iter::once(role_yaml(namespace, account).trim_end().to_owned()));
    }
    let engine = open::engine(engine(), &DataDirArg { data_dir: args.data_dir }).await?;
    let done = obey(args.verb, args.json, &engine.clusters()).await;
    let closed = engine.close().await;
    let lines = done.map_err(|error| Failure::of_request(&error))?;
    closed.map_err(Failure::engine)?;
    print(lines)
}

/// Does what the verb says, and gives the lines that tell of it.
async fn obey(verb: ClusterVerb, json: bool, clusters: &crate::Clusters) -> crate::Result<Vec<String>> {
    let told = |statuses: &[ClusterStatus]| match json {
        true => vec![serde_json::json!(statuses).to_string()],
        false => statuses.iter().map(line).collect(),
    };
    match verb {
        ClusterVerb::Add { name, kubeconfig, credential, context, namespace, who } => {
            let access = match (kubeconfig, credential) {
                (Some(path), _) => {
                    ClusterAccess::KubeconfigFile { path: std::path::absolute(&path).unwrap_or(path), context }
                }
                (None, Some(credential)) => ClusterAccess::Kubeconfig { credential, context },
                (None, None) => ClusterAccess::InCluster,
            };
            let added = clusters.add(NewCluster { name, access, namespace }, &who.name()).await?;
            Ok(told(&[clusters.test(&added.name).await?]))
        }
        ClusterVerb::List => Ok(told(&clusters.list().await?)),
        ClusterVerb::Test { name } => Ok(told(&[clusters.test(&name).await?])),
        ClusterVerb::Remove { name, force, who } => {
            let removal = if force { ClusterRemoval::Forced } else { ClusterRemoval::WhenUnused };
            clusters.remove(&name, removal, &who.name()).await?;
            Ok(Vec::new())
        }
        ClusterVerb::Role { .. } => Ok(Vec::new()),
    }
}

fn line(status: &ClusterStatus) -> String {
    let StoredCluster { name, namespace, .. } = &status.cluster;
    match &status.answer {
        ClusterAnswer::Health(health) if health.failing.is_empty() => {
            format!("{name}  {}  {}  healthy  namespace {namespace}", health.server, health.version)
        }
        ClusterAnswer::Health(health) => {
            format!("{name}  {}  {}  failing: {}", health.server, health.version, health.failing.join(", "))
        }
        ClusterAnswer::Cause(cause) => format!("{name}  {}: {}  {}", cause.code, cause.message, cause.advice),
    }
}

pub(super) fn print(lines: impl IntoIterator<Item = String>) -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    lines.into_iter().for_each(|line| out.line(line));
    open::printed(Exit::Succeeded, out.finish())
}

/// The failure of a verb that works with a cluster.
pub(super) fn failure(failure: &ClusterFailure) -> Failure {
    match failure.class {
        FailureClass::Infrastructure => Failure::engine(failure),
        _ => Failure::input(failure),
    }
}

/// A connection to a kept cluster; without a name to the only one. Where its way needs no credential, no engine is opened, so that
/// it works beside one.
pub(super) async fn connect(
    name: &str,
    data_dir: &DataDirArg,
    engine: &dyn Fn() -> EngineBuilder,
) -> Result<Cluster, Failure> {
    let known = Reader::open(&data_dir.data_dir).map_err(Failure::engine)?.clusters().await.map_err(Failure::engine)?;
    let names: Vec<&str> = known.iter().map(|cluster| cluster.name.as_str()).collect();
    let found = match (name, known.as_slice()) {
        ("", [only]) => Some(only),
        (name, all) => all.iter().find(|cluster| cluster.name == name),
    };
    let Some(stored) = found else {
        let message = format!("name a cluster that is kept here with --cluster: {}", names.join(", "));
        return Err(Failure::input(message));
    };
    if stored.access.credential().is_none() {
        let connected = Cluster::connect(&stored.name, &stored.access, None, Some(&stored.namespace)).await;
        return connected.map_err(|why| failure(&why));
    }
    let engine = open::engine(engine(), data_dir).await?;
    let connected = engine.clusters().connect(&stored.name).await;
    engine.close().await.map_err(Failure::engine)?;
    connected.map_err(|error| Failure::of_request(&error))
}
