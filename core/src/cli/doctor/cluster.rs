//! Whether a cluster answers, and allows what Windlass needs.

use super::Check;
use crate::cli::args::DataDirArg;
use crate::cli::cluster::connect;
use crate::cli::exit::Failure;
use crate::cluster::{Cluster, ClusterHealth, RightCheck, missing_role_yaml};
use crate::engine::EngineBuilder;
use crate::explain::ClusterFailure;

/// Asks the cluster how it is, and about each right in its namespace.
pub(super) async fn look(
    name: &str,
    data_dir: &DataDirArg,
    engine: &dyn Fn() -> EngineBuilder,
) -> Result<Vec<Check>, Failure> {
    let cluster = connect(name, data_dir, engine).await?;
    let (health, rights, user) = match ask(&cluster).await {
        Ok(asked) => asked,
        Err(failure) => return Ok(vec![Check::bad("cluster", failure.message, failure.advice)]),
    };
    let about = format!("{} at {}, {}", cluster.name(), health.server, health.version);
    let mut checks = vec![match health.failing.as_slice() {
        [] => Check::fine("cluster", about),
        failing => Check::bad(
            "cluster",
            format!("{about}, is not ready: {}", failing.join(", ")),
            "Look at its control plane.",
        ),
    }];
    let count = rights.len();
    let missing: Vec<&RightCheck> = rights.iter().filter(|check| !check.missing.is_empty()).collect();
    if missing.is_empty() {
        checks.push(Check::fine("rights", format!("all {count} kinds of rights in {:?}", cluster.namespace())));
    }
    for check in missing {
        let message = format!(
            "{} on {} in {:?}: not allowed ({})",
            check.missing.join(", "),
            check.right.resource,
            cluster.namespace(),
            check.right.purpose
        );
        checks.push(Check::bad("rights", message, ""));
    }
    let user = user.unwrap_or_else(|| "WHO-ASKS".to_owned());
    if let (Some(last), Some(yaml)) = (checks.last_mut(), missing_role_yaml(cluster.namespace(), &user, &rights)) {
        "let somebody with the right to do so apply what stands at the end".clone_into(&mut last.advice);
        last.document = yaml;
    }
    Ok(checks)
}

async fn ask(cluster: &Cluster) -> Result<(ClusterHealth, Vec<RightCheck>, Option<String>), ClusterFailure> {
    Ok((cluster.health().await?, cluster.check_rights(cluster.namespace()).await?, cluster.user().await?))
}
