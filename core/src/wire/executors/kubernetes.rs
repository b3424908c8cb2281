//! Pods of a cluster as a place for steps, as data.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::EngineBuilder;
use crate::executor::PodSettings;
use crate::wire::ContainerPolicyOptions;

/// What a [`KubernetesExecutor`](crate::executor::KubernetesExecutor) is told. What is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesOptions {
    /// The name of the cluster, as the engine keeps it. See [`EngineBuilder::kubernetes`].
    pub cluster: String,
    /// See [`KubernetesExecutor::policy`](crate::executor::KubernetesExecutor::policy).
    #[serde(default)]
    pub policy: Option<ContainerPolicyOptions>,
    /// See [`PodSettings::helper`].
    #[serde(default)]
    pub helper: Option<String>,
    /// See [`PodSettings::pull_secret`].
    #[serde(default)]
    pub pull_secrets: Vec<String>,
    /// See [`PodSettings::node_selector`].
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// See [`PodSettings::service_account`].
    #[serde(default)]
    pub service_account: Option<String>,
    /// See [`PodSettings::toleration`].
    #[serde(default)]
    pub tolerations: Vec<Map<String, Value>>,
    /// See [`PodSettings::affinity`].
    #[serde(default)]
    pub affinity: Option<Map<String, Value>>,
    /// Laid over the pods after all else. See [`PodSettings::template`].
    #[serde(default)]
    pub template: Option<Map<String, Value>>,
}

impl KubernetesOptions {
    /// Registers an executor that was told all of it.
    pub fn register(self, builder: EngineBuilder, name: impl Into<String>) -> EngineBuilder {
        let policy = self.policy.clone();
        builder.kubernetes(name, self.cluster.clone(), move |executor| {
            let executor = executor.pods(self.pods());
            match policy {
                Some(policy) => executor.policy(policy.into()),
                None => executor,
            }
        })
    }

    fn pods(self) -> PodSettings {
        let settings = self.helper.into_iter().fold(PodSettings::of_environment(), PodSettings::helper);
        let settings = self.pull_secrets.into_iter().fold(settings, PodSettings::pull_secret);
        let labels = self.node_selector.iter();
        let settings = labels.fold(settings, |settings, (label, value)| settings.node_selector(label, value));
        let settings = self.service_account.iter().fold(settings, |settings, name| settings.service_account(name));
        let tolerations = self.tolerations.into_iter().map(Value::Object);
        let settings = tolerations.fold(settings, PodSettings::toleration);
        let settings = self.affinity.map(Value::Object).into_iter().fold(settings, PodSettings::affinity);
        self.template.map(Value::Object).into_iter().fold(settings, PodSettings::template)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire;

    #[test]
    fn pods_have_what_the_options_say() {
        let options = json!({
            "cluster": "prod", "helper": "mirror/busybox:1", "pullSecrets": ["team"], "nodeSelector": {"disk": "fast"},
            "serviceAccount": "ci", "tolerations": [{"key": "ci"}], "affinity": {"nodeAffinity": {}},
            "template": {"spec": {"priorityClassName": "low"}},
        });
        let options: KubernetesOptions = wire::read(&options.to_string(), "open").unwrap();
        let spec = json!({
            "nodeSelector": {"disk": "fast"}, "serviceAccountName": "ci", "tolerations": [{"key": "ci"}],
            "affinity": {"nodeAffinity": {}}, "priorityClassName": "low",
        });
        let wanted = PodSettings::of_environment().helper("mirror/busybox:1").pull_secret("team");
        assert_eq!(options.pods(), wanted.template(json!({ "spec": spec })));
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (options, path) in [
            (json!({}), ""),
            (json!({"cluster": "a", "tolerations": [{"key": "ci"}, "ci"]}), "tolerations[1]"),
            (json!({"cluster": "a", "template": []}), "template"),
            (json!({"cluster": "a", "policy": {"hardend": true}}), "policy.hardend"),
        ] {
            let error = wire::read::<KubernetesOptions>(&options.to_string(), "open").unwrap_err();
            assert_eq!(error.problems().unwrap().iter().next().unwrap().path, path, "{error}");
        }
    }
}
