//! Tasks, whose action is one of their keys.

use indexmap::IndexMap;

use super::decode::{Decode, Decoder, Fields};
use super::tree::Node;
use crate::pipeline::action::{ACTION_KEYS, Action};
use crate::pipeline::model::{Isolation, Task, WorkspaceUse};
use crate::pipeline::name::TaskName;

const KEYS: [&str; 22] = [
    "name",
    "image",
    "shell",
    "env",
    "outputs",
    "matrix",
    "when",
    "needs",
    "allowFailure",
    "retry",
    "timeout",
    "grace",
    "executor",
    "caches",
    "artifacts",
    "reports",
    "resources",
    "secrets",
    "container",
    "services",
    "isolation",
    "workspace",
];

impl Decode for Task {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let keys: Vec<&'static str> = KEYS.into_iter().chain(ACTION_KEYS).collect();
        let fields = Fields::open(node, decoder, &keys);
        let action = action(&fields, node, decoder);
        Self {
            name: fields.required("name", decoder),
            action,
            image: fields.optional("image", decoder),
            shell: fields.optional("shell", decoder),
            env: fields.default("env", decoder, IndexMap::new()),
            outputs: fields.default("outputs", decoder, Vec::new()),
            matrix: fields.default("matrix", decoder, IndexMap::new()),
            when: fields.optional("when", decoder),
            needs: fields.optional("needs", decoder),
            allow_failure: fields.default("allowFailure", decoder, false),
            retry: fields.optional("retry", decoder),
            timeout: fields.optional("timeout", decoder),
            grace: fields.optional("grace", decoder),
            executor: fields.optional("executor", decoder),
            caches: fields.default("caches", decoder, Vec::new()),
            artifacts: fields.default("artifacts", decoder, Vec::new()),
            reports: fields.optional("reports", decoder),
            resources: fields.optional("resources", decoder),
            secrets: fields.default("secrets", decoder, Vec::new()),
            container: fields.optional("container", decoder),
            services: fields.default("services", decoder, Vec::new()),
            isolation: fields.default("isolation", decoder, Isolation::Run),
            workspace: fields.default("workspace", decoder, WorkspaceUse::Shared),
        }
    }

    fn stand_in() -> Self {
        Self::new(TaskName::stand_in(), Action::Script(String::new()))
    }
}

/// Exactly one action; others than the first one found are read as well, for their mistakes.
fn action(fields: &Fields<'_>, node: &Node, decoder: &mut Decoder) -> Action {
    let mut found: Vec<Action> = Vec::new();
    macro_rules! try_key {
        ($($key:literal => $variant:ident),*) => {
            $(if let Some(action) = fields.optional($key, decoder) {
                found.push(Action::$variant(action));
            })*
        };
    }
    try_key!(
        "script" => Script, "checkout" => Checkout, "buildImage" => BuildImage, "deployManifests" => DeployManifests,
        "publishChart" => PublishChart, "deployChart" => DeployChart, "syncFiles" => SyncFiles, "runJob" => RunJob,
        "approve" => Approve, "custom" => Custom
    );
    let meant = fields.meant.iter().any(|key| ACTION_KEYS.contains(&key.as_str()));
    match found.len() {
        0 if fields.is_map() && !meant => {
            decoder.report(node.at, format!("the task has no action; it needs one of {}", ACTION_KEYS.join(", ")));
        }
        0 | 1 => {}
        _ => {
            let keys: Vec<&str> = found.iter().map(Action::key).collect();
            decoder.report(
                node.at,
                format!("the task has {} actions, {}; make a task of each", found.len(), keys.join(" and ")),
            );
        }
    }
    found.into_iter().next().unwrap_or_else(|| Action::Script(String::new()))
}
