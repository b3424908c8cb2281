//! `windlass cluster`: clusters that are kept by name; and the way to one for other verbs.

use std::path::Path;

use super::args::{ClusterArgs, ClusterVerb, DataDirArg, WayArgs};
use super::exit::{Exit, Failure};
use super::open;
use super::output::Output;
use super::reach::ask_or_do;
use super::text;
use crate::cluster::{Cluster, ClusterAccess, NewCluster, StoredCluster, Trust, role_yaml};
use crate::engine::{ClusterAnswer, ClusterRemoval, ClusterStatus, ClustersBeside, Control, EngineBuilder};
use crate::error::{Error, ErrorKind};
use crate::explain::{ClusterFailure, FailureClass};
use crate::store::DataDir;

pub(super) async fn cluster(args: ClusterArgs, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    if let ClusterVerb::Role { namespace, account } = &args.verb {
        return print(std::iter::once(role_yaml(namespace, account).trim_end().to_owned()));
    }
    let data_dir = DataDirArg { data_dir: args.data_dir };
    let is_test = matches!(args.verb, ClusterVerb::Test { .. });
    let statuses = obey(args.verb, &data_dir, engine).await.map_err(|error| refused(&error))?;
    let is_well = statuses.iter().flatten().all(|status| status.answer.is_well());
    let printed = print(match (args.json, statuses) {
        (_, None) => Vec::new(),
        (true, Some(statuses)) => vec![serde_json::json!(statuses).to_string()],
        (false, Some(statuses)) => statuses.iter().map(line).collect(),
    })?;
    Ok(if is_test && !is_well { Exit::Failed } else { printed })
}

/// Does what the verb says; the clusters that it is about as they are then.
async fn obey(
    verb: ClusterVerb,
    data_dir: &DataDirArg,
    engine: &dyn Fn() -> EngineBuilder,
) -> crate::Result<Option<Vec<ClusterStatus>>> {
    let alone = async || engine().data_dir(&data_dir.data_dir).open().await;
    let beside = || ClustersBeside::open(engine().data_dir(&data_dir.data_dir));
    match verb {
        ClusterVerb::Add { name, way, namespace, who } => {
            let (new, by) = (NewCluster { name, access: access(way)?, namespace }, who.name());
            if !data_dir.data_dir.join("format").exists() {
                // Clusters may be added before the first run.
                drop(DataDir::open(&data_dir.data_dir)?);
            }
            let ask = async |control: Control| control.add_cluster(new.clone(), &by).await;
            let alone = async || {
                let engine = alone().await?;
                let added = engine.clusters().add(new.clone(), &by).await;
                engine.close().await?;
                added
            };
            let added = ask_or_do(data_dir, ask, alone).await?;
            Ok(Some(vec![beside()?.test(&added.name).await?]))
        }
        ClusterVerb::List => Ok(Some(beside()?.list().await?)),
        ClusterVerb::Test { name } => Ok(Some(vec![beside()?.test(&name).await?])),
        ClusterVerb::Remove { name, force, who } => {
            let (by, removal) = (who.name(), if force { ClusterRemoval::Forced } else { ClusterRemoval::WhenUnused });
            let ask = async |control: Control| control.remove_cluster(&name, removal, &by).await;
            let alone = async || {
                let engine = alone().await?;
                let removed = engine.clusters().remove(&name, removal, &by).await;
                engine.close().await?;
                removed
            };
            ask_or_do(data_dir, ask, alone).await?;
            Ok(None)
        }
        ClusterVerb::Role { .. } => Ok(None),
    }
}

/// The way that the arguments describe.
fn access(way: WayArgs) -> crate::Result<ClusterAccess> {
    let WayArgs { kubeconfig, credential, in_cluster: _, context, server, authority, insecure_skip_tls_verify } = way;
    Ok(match (kubeconfig, credential, server) {
        (Some(path), ..) => ClusterAccess::KubeconfigFile { path: std::path::absolute(&path).unwrap_or(path), context },
        (None, Some(credential), Some(server)) => {
            let trust = match authority {
                Some(file) => Trust::Authority { certificates: read(&file)? },
                None if insecure_skip_tls_verify => Trust::Unverified,
                None => Trust::System,
            };
            ClusterAccess::Server { server, credential, trust }
        }
        (None, Some(credential), None) => ClusterAccess::Kubeconfig { credential, context },
        (None, None, _) => ClusterAccess::InCluster,
    })
}

fn read(file: &Path) -> crate::Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", file.display());
        Error::new(ErrorKind::Invalid, "fileUnreadable", "addCluster", message)
    })
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
        ClusterAnswer::Cause(cause) => {
            let server = status.server.as_deref().map(|server| format!("{server}  ")).unwrap_or_default();
            text::one_line(&format!("{name}  {server}{}: {}  {}", cause.code, cause.message, cause.advice))
        }
    }
}

/// What is in the way of a request is the person's to change.
fn refused(error: &Error) -> Failure {
    match error.code() {
        "clusterInUse" | "clusterExists" => Failure::input(error),
        _ => Failure::of_request(error),
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

/// A connection to a kept cluster; without a name to the only one. Works beside an engine.
pub(super) async fn connect(
    name: &str,
    data_dir: &DataDirArg,
    engine: &dyn Fn() -> EngineBuilder,
) -> Result<Cluster, Failure> {
    let beside = ClustersBeside::open(engine().data_dir(&data_dir.data_dir)).map_err(Failure::engine)?;
    beside.connect(Some(name).filter(|name| !name.is_empty())).await.map_err(|why| failure(&why))
}
