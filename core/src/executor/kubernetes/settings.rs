//! What whoever runs the engine decides about all pods.

use serde_json::Value;

/// What all pods of an executor have, whatever their tasks ask for. The default takes nothing from the cluster's own defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodSettings {
    pub(super) helper: Option<String>,
    pub(super) pull_secrets: Vec<String>,
    pub(super) template: Value,
}

impl PodSettings {
    /// With the helper image that the variable `WINDLASS_HELPER` names, unless that is a path.
    pub(crate) fn of_environment() -> Self {
        let helper = std::env::var("WINDLASS_HELPER").ok().filter(|image| !image.is_empty() && !image.starts_with('/'));
        Self { helper, ..Self::default() }
    }

    /// The image whose static `/bin/busybox` idle containers, launchers and shims are made of.
    /// `docker.io/library/busybox:1.36.1-musl` unless set.
    #[must_use]
    pub fn helper(mut self, image: impl Into<String>) -> Self {
        self.helper = Some(image.into());
        self
    }

    /// A secret of the namespace by which images are pulled, of the type `kubernetes.io/dockerconfigjson`.
    #[must_use]
    pub fn pull_secret(mut self, name: impl Into<String>) -> Self {
        self.pull_secrets.push(name.into());
        self
    }

    /// A pod, in the form of its JSON, that is laid over every pod that is made: node selector, tolerations, affinity, runtime
    /// class, service account, priority … Objects are merged, lists are appended to, everything else takes the place of what
    /// was there. It comes from whoever runs the engine, and no policy looks at it.
    #[must_use]
    pub fn template(mut self, pod: Value) -> Self {
        merge(&mut self.template, pod);
        self
    }

    /// Only nodes with this label.
    #[must_use]
    pub fn node_selector(self, label: &str, value: &str) -> Self {
        self.template(serde_json::json!({"spec": {"nodeSelector": {label: value}}}))
    }

    /// The service account of the pods. Its token is not given to them.
    #[must_use]
    pub fn service_account(self, name: &str) -> Self {
        self.template(serde_json::json!({"spec": {"serviceAccountName": name}}))
    }

    /// A toleration, as a pod has it.
    #[must_use]
    pub fn toleration(self, toleration: Value) -> Self {
        self.template(serde_json::json!({"spec": {"tolerations": [toleration]}}))
    }

    /// What the pods want of nodes and of other pods, as a pod has it.
    #[must_use]
    pub fn affinity(self, affinity: Value) -> Self {
        self.template(serde_json::json!({"spec": {"affinity": affinity}}))
    }

    pub(super) fn helper_image(&self) -> &str {
        self.helper.as_deref().unwrap_or("docker.io/library/busybox:1.36.1-musl")
    }
}

/// Lays one value over another.
pub(super) fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(under), Value::Array(over)) => under.extend(over),
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_is_merged_and_lists_grow() {
        let settings = PodSettings::default()
            .node_selector("disk", "fast")
            .node_selector("zone", "a")
            .toleration(json!({"key": "ci"}))
            .toleration(json!({"key": "gpu"}));
        let spec = json!({
            "nodeSelector": {"disk": "fast", "zone": "a"},
            "tolerations": [{"key": "ci"}, {"key": "gpu"}],
        });
        assert_eq!(settings.template, json!({ "spec": spec }));
    }
}
