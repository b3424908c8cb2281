//! What can be known of clusters before a run starts: that those are there which its tasks name.

use std::borrow::Cow;

use super::users::cluster_of;
use crate::engine::core::Core;
use crate::error::{Error, Result};
use crate::pipeline::{BadValue, Plan, PlannedTask, Reference, Scope};

/// Refuses a run with a task whose cluster is not there. A task with a condition may never need it, and what a name becomes only
/// during the run is looked up then.
pub(in crate::engine) async fn check_clusters(core: &Core, plan: &Plan) -> Result<()> {
    for task in plan.tasks.iter().filter(|task| task.when.is_empty()) {
        let Some(named) = cluster_of(task.action()) else { continue };
        let name = match named.map(|name| name.resolve(&Known { plan, task })) {
            None => None,
            Some(Ok(name)) => Some(name),
            Some(Err(_)) => continue,
        };
        core.clusters.choose(name.as_deref()).await.map_err(|error| {
            let message = format!("task {:?}: {error}; add it first (`windlass cluster add`)", task.name.as_str());
            Error::new(error.kind(), error.code(), "start", message)
        })?;
    }
    Ok(())
}

/// What is known of a task's variables before the start.
struct Known<'a> {
    plan: &'a Plan,
    task: &'a PlannedTask,
}

impl Scope for Known<'_> {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        let found = match reference {
            Reference::Variable(name) => {
                let of_matrix = self.task.matrix.iter().find(|(key, _)| key.as_str() == name.as_str());
                of_matrix.map(|(_, value)| value).or_else(|| self.plan.parameters.get(name.as_str()))
            }
            _ => None,
        };
        found.map(|value| Some(Cow::Borrowed(value.as_str()))).ok_or_else(|| BadValue::new("not known yet", ""))
    }
}
