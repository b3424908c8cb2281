//! Which pipelines name a cluster.

use crate::error::Result;
use crate::pipeline::{Action, Pipeline, Template};
use crate::store::{PipelineFilter, Store};

/// How many names are read at once.
const PAGE: usize = 500;

/// The names of the pipelines whose definitions name a cluster, in their order.
pub(super) async fn of(store: &dyn Store, cluster: &str) -> Result<Vec<String>> {
    let mut using = Vec::new();
    let mut filter = PipelineFilter { limit: PAGE, ..PipelineFilter::default() };
    loop {
        let page = store.pipelines(&filter).await?;
        for listing in &page {
            let Some(record) = store.pipeline(&listing.name).await? else { continue };
            // One that this version cannot read runs with this version as little.
            let Ok(definition) = serde_json::from_value::<Pipeline>(record.definition) else { continue };
            if names(&definition, cluster) {
                using.push(listing.name.clone());
            }
        }
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else { return Ok(using) };
        filter.after = Some(last.name.clone());
    }
}

fn names(pipeline: &Pipeline, cluster: &str) -> bool {
    let tasks = pipeline.stages.iter().flat_map(|stage| &stage.tasks).chain(&pipeline.finally);
    let mut named = tasks.filter_map(|task| cluster_of(&task.action));
    named.any(|name| name.source() == cluster)
}

fn cluster_of(action: &Action) -> Option<&Template> {
    match action {
        Action::DeployManifests(deploy) => deploy.cluster.as_ref(),
        Action::DeployChart(deploy) => deploy.cluster.as_ref(),
        Action::RunJob(job) => job.cluster.as_ref(),
        _ => None,
    }
}
