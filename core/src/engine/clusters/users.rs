//! What uses a cluster: pipelines whose definitions name it, and runs that have not ended.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::engine::request::StoredRequest;
use crate::error::Result;
use crate::pipeline::{Action, BadValue, Pipeline, Reference, Scope, Template};
use crate::store::{PipelineFilter, Store};

/// How many names are read at once.
const PAGE: usize = 500;
/// How many values of one text are tried.
const MOST_VALUES: usize = 1000;

/// A cluster, as definitions name it.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    /// Whether there is no other one, so that a task without a name means it.
    pub(super) only: bool,
}

/// The names of the pipelines that use a cluster, in their order.
pub(super) async fn pipelines(store: &dyn Store, cluster: Named<'_>) -> Result<Vec<String>> {
    let mut using = Vec::new();
    let mut filter = PipelineFilter { limit: PAGE, ..PipelineFilter::default() };
    loop {
        let page = store.pipelines(&filter).await?;
        for listing in &page {
            let Some(record) = store.pipeline(&listing.name).await? else { continue };
            // One that this version cannot read runs with this version as little.
            let Ok(definition) = serde_json::from_value::<Pipeline>(record.definition) else { continue };
            if cluster.is_used_by(&definition) {
                using.push(listing.name.clone());
            }
        }
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else { return Ok(using) };
        filter.after = Some(last.name.clone());
    }
}

/// The runs that have not ended and use a cluster, as `PIPELINE#NUMBER`.
pub(super) async fn runs(store: &dyn Store, cluster: Named<'_>) -> Result<Vec<String>> {
    let unfinished = store.unfinished().await?;
    let unfinished: Vec<_> = unfinished.into_iter().filter(|run| !run.digest.status.is_final()).collect();
    let mut using = Vec::new();
    for page in unfinished.chunks(PAGE) {
        let ids: Vec<_> = page.iter().map(|run| run.id).collect();
        for record in store.records(&ids).await? {
            let request = serde_json::from_value::<StoredRequest>(record.request);
            let steps = request.is_ok_and(|request| cluster.is_executor(request.executor.as_str()));
            let definition = serde_json::from_value::<Pipeline>(record.definition);
            if steps || definition.is_ok_and(|definition| cluster.has_tasks_in(&definition)) {
                using.push(format!("{}#{}", record.pipeline, record.number));
            }
        }
    }
    Ok(using)
}

impl Named<'_> {
    /// Whether a definition uses it: its steps run there, or a task works with it.
    pub(super) fn is_used_by(self, pipeline: &Pipeline) -> bool {
        pipeline.executor.as_ref().is_some_and(|executor| self.is_executor(executor.as_str()))
            || self.has_tasks_in(pipeline)
    }

    fn is_executor(self, executor: &str) -> bool {
        executor == self.name || (self.only && executor == "kubernetes")
    }

    fn has_tasks_in(self, pipeline: &Pipeline) -> bool {
        let tasks = pipeline.stages.iter().flat_map(|stage| &stage.tasks).chain(&pipeline.finally);
        let mut named = tasks.filter_map(|task| cluster_of(&task.action));
        named.any(|name| match name {
            Some(name) => values(name, pipeline).contains(self.name),
            None => self.only,
        })
    }
}

/// The cluster that an action names, when it works with one.
pub(super) fn cluster_of(action: &Action) -> Option<Option<&Template>> {
    match action {
        Action::DeployManifests(deploy) => Some(deploy.cluster.as_ref()),
        Action::DeployChart(deploy) => Some(deploy.cluster.as_ref()),
        Action::RunJob(job) => Some(job.cluster.as_ref()),
        _ => None,
    }
}

/// What a text can become, as far as the definition says: with the value of each static parameter, with the choices and the
/// default of each dynamic one.
fn values(text: &Template, pipeline: &Pipeline) -> BTreeSet<String> {
    let mut choices: Vec<(&str, Vec<&str>)> = Vec::new();
    for parameter in &pipeline.parameters {
        let name = parameter.name.as_str();
        let is_used = text.references().any(|(to, _)| matches!(to, Reference::Variable(used) if used.as_str() == name));
        if is_used {
            let given = parameter.value.iter().chain(&parameter.default).chain(&parameter.choices);
            choices.push((name, given.map(String::as_str).collect()));
        }
    }
    let mut scopes = vec![Chosen::default()];
    for (name, values) in &choices {
        scopes = scopes.iter().flat_map(|scope| values.iter().map(|value| scope.and(name, value))).collect();
        scopes.truncate(MOST_VALUES);
    }
    scopes.iter().filter_map(|scope| text.resolve(scope).ok()).collect()
}

/// Values of parameters.
#[derive(Clone, Default)]
struct Chosen<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Chosen<'a> {
    fn and(&self, name: &'a str, value: &'a str) -> Self {
        Self(self.0.iter().copied().chain([(name, value)]).collect())
    }
}

impl Scope for Chosen<'_> {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        let Reference::Variable(name) = reference else { return Ok(None) };
        Ok(self.0.iter().find(|(known, _)| *known == name.as_str()).map(|(_, value)| Cow::Borrowed(*value)))
    }
}

#[cfg(test)]
mod tests {
    use super::Named;
    use crate::pipeline::read;

    fn uses(document: &str, name: &str, only: bool) -> bool {
        let pipeline = read(format!("name: shop\n{document}").as_bytes(), "shop.yaml").unwrap();
        Named { name, only }.is_used_by(&pipeline)
    }

    fn deploy(cluster: &str) -> String {
        format!("stages: [{{name: D, tasks: [{{name: d, deployManifests: {{paths: [a]{cluster}}}}}]}}]")
    }

    #[test]
    fn a_name_is_a_use_of_that_cluster_alone() {
        assert!(uses(&deploy(", cluster: prod"), "prod", false));
        assert!(!uses(&deploy(", cluster: prod"), "test", true));
    }

    #[test]
    fn a_task_without_a_name_means_the_only_one() {
        assert!(uses(&deploy(""), "prod", true));
        assert!(!uses(&deploy(""), "prod", false));
    }

    #[test]
    fn a_variable_is_a_use_of_all_that_it_may_be() {
        let parameters =
            "parameters:\n  - {name: A, value: pr}\n  - {name: B, dynamic: true, default: od, choices: [od, e]}\n";
        let document = format!("{parameters}{}", deploy(", cluster: '$A$B'"));
        assert!(uses(&document, "prod", false) && uses(&document, "pre", false));
        assert!(!uses(&document, "od", false));
    }

    #[test]
    fn steps_that_run_there_use_it() {
        let steps = |executor: &str| {
            format!("executor: {executor}\nstages: [{{name: T, tasks: [{{name: t, script: 'true'}}]}}]")
        };
        assert!(uses(&steps("prod"), "prod", false));
        assert!(uses(&steps("kubernetes"), "prod", true));
        assert!(!uses(&steps("kubernetes"), "prod", false) && !uses(&steps("local"), "prod", true));
    }
}
