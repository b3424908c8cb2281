//! What whoever runs the engine decides about all pods.

use serde_json::Value;

/// What all pods of an executor have, whatever their tasks ask for. The default takes nothing from the cluster's own defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodSettings {
    pub(super) helper: Option<String>,
    pub(super) pull_secrets: Vec<String>,
    pub(super) workspace: Option<WorkspaceClaim>,
    pub(super) template: Value,
    /// Laid over each container for steps.
    pub(super) steps: Value,
}

/// A volume that is claimed for a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WorkspaceClaim {
    pub(super) storage_class: Option<String>,
    pub(super) size: String,
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

    /// The workspace of each run as a claim of this size, such as `10Gi`, of a storage class, or of the cluster's default one. It
    /// is made and removed with the run's pod. Without this the workspace is a folder of the node.
    #[must_use]
    pub fn workspace_claim(mut self, storage_class: Option<&str>, size: impl Into<String>) -> Self {
        self.workspace = Some(WorkspaceClaim { storage_class: storage_class.map(str::to_owned), size: size.into() });
        self
    }

    /// An existing claim of the namespace, at this path of each container for steps: for caches that outlive runs. Steps in
    /// several pods share it, so that its storage must allow that.
    #[must_use]
    pub fn cache_claim(self, claim: &str, path: &str) -> Self {
        let name = format!("cache-{}", crate::executor::installation::digest(claim.as_bytes(), 12));
        let source = serde_json::json!({"name": name, "persistentVolumeClaim": {"claimName": claim}});
        self.template(serde_json::json!({"spec": {"volumes": [source]}}))
            .step_template(serde_json::json!({"volumeMounts": [{"name": name, "mountPath": path}]}))
    }

    /// A container, in the form of its JSON, that is laid over each container for steps, in the way of [`template`](Self::template):
    /// mounts, resources of device plugins, variables … A container that is added to a pod that runs gets its variables and mounts.
    #[must_use]
    pub fn step_template(mut self, container: Value) -> Self {
        merge(&mut self.steps, container);
        self
    }

    /// A pod, in the form of its JSON, that is laid over every pod that is made: node selector, tolerations, affinity, runtime
    /// class, service account, priority … Objects are merged, and so are elements of lists that have the same `name`; the other
    /// ones are appended. Null takes away, and everything else takes the place of what was there. It comes from whoever runs the
    /// engine, and no policy looks at it.
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

    /// The priority class of the pods.
    #[must_use]
    pub fn priority_class(self, name: &str) -> Self {
        self.template(serde_json::json!({"spec": {"priorityClassName": name}}))
    }

    /// The runtime class of the pods, such as one that runs them in virtual machines.
    #[must_use]
    pub fn runtime_class(self, name: &str) -> Self {
        self.template(serde_json::json!({"spec": {"runtimeClassName": name}}))
    }

    /// The group to which volumes belong, where their storage knows groups, and in which all steps are.
    #[must_use]
    pub fn fs_group(self, group: u32) -> Self {
        self.template(serde_json::json!({"spec": {"securityContext": {"fsGroup": group}}}))
    }

    /// The user and group of steps whose task names none, instead of those of their images.
    #[must_use]
    pub fn run_as(self, user: u32, group: u32) -> Self {
        self.template(serde_json::json!({"spec": {"securityContext": {"runAsUser": user, "runAsGroup": group}}}))
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
        (Value::Array(under), Value::Array(over)) => over.into_iter().for_each(|element| add(under, element)),
        (under, over) => *under = over,
    }
}

/// Adds an element to a list, or lays it over the one that has its name. What is mounted may be mounted twice.
fn add(list: &mut Vec<Value>, element: Value) {
    let name = element.get("name").filter(|_| element.get("mountPath").is_none());
    match list.iter_mut().find(|known| name.is_some() && known.get("name") == name) {
        Some(known) => merge(known, element),
        None => list.push(element),
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

    #[test]
    fn elements_with_the_same_name_become_one_and_null_takes_away() {
        let mut pod = json!({"volumes": [{"name": "workspace", "emptyDir": {}}, {"name": "bin"}]});
        merge(
            &mut pod,
            json!({"volumes": [{"name": "workspace", "emptyDir": null, "hostPath": {"path": "/x"}}, {"name": "more"}]}),
        );
        let workspace = json!({"name": "workspace", "emptyDir": null, "hostPath": {"path": "/x"}});
        assert_eq!(pod, json!({"volumes": [workspace, {"name": "bin"}, {"name": "more"}]}));
        let mut container = json!({"volumeMounts": [{"name": "cache", "mountPath": "/a"}]});
        merge(&mut container, json!({"volumeMounts": [{"name": "cache", "mountPath": "/b"}]}));
        assert_eq!(container["volumeMounts"].as_array().unwrap().len(), 2);
    }
}
