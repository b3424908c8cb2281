//! The keys of the document, type by type. Defaults are those of the derived form.

use indexmap::IndexMap;

use super::record::{record, words};
use crate::pipeline::action::*;
use crate::pipeline::container::*;
use crate::pipeline::model::*;
use std::num::NonZeroU32;

record!(Pipeline {
    name: "name" = required,
    description: "description" = optional,
    parameters: "parameters" = default(Vec::new()),
    timeout: "timeout" = optional,
    concurrency: "concurrency" = optional,
    executor: "executor" = optional,
    triggers: "triggers" = default(Vec::new()),
    env: "env" = default(IndexMap::new()),
    keep_workspace: "keepWorkspace" = optional,
    stages: "stages" = required,
    finally: "finally" = default(Vec::new()),
    finally_timeout: "finallyTimeout" = optional,
});

record!(Parameter {
    name: "name" = required,
    value: "value" = optional,
    dynamic: "dynamic" = default(false),
    default: "default" = optional,
    choices: "choices" = default(Vec::new()),
    description: "description" = optional,
});

record!(Concurrency {
    group: "group" = required,
    limit: "limit" = default(NonZeroU32::MIN),
    on_conflict: "onConflict" = default(OnConflict::Queue),
});

words!(OnConflict { Queue = "queue", CancelOlder = "cancelOlder", Reject = "reject" });

record!(Stage {
    name: "name" = required,
    order: "order" = default(Order::Sequential),
    when: "when" = optional,
    fail_fast: "failFast" = default(true),
    tasks: "tasks" = default(Vec::new()),
});

words!(Order { Sequential = "sequential", Parallel = "parallel" });

record!(Retry {
    attempts: "attempts" = required,
    on: "on" = default(default_retry_on()),
    backoff: "backoff" = optional,
    from: "from" = optional,
});

words!(RetryOn { Failure = "failure", Infrastructure = "infrastructure", Timeout = "timeout", Lost = "lost" });

record!(Cache {
    key: "key" = required,
    paths: "paths" = required,
    fallback_keys: "fallbackKeys" = default(Vec::new()),
});

record!(Artifact {
    name: "name" = optional,
    paths: "paths" = required,
    keep: "keep" = optional,
    when: "when" = default(ArtifactWhen::OnSuccess),
});

words!(ArtifactWhen { OnSuccess = "onSuccess", OnFailure = "onFailure", Always = "always" });

record!(Reports { junit: "junit" = default(Vec::new()), annotations: "annotations" = default(Vec::new()) });

record!(Resources {
    requests: "requests" = default(Quantities::default()),
    limits: "limits" = default(Quantities::default())
});

record!(Quantities { cpu: "cpu" = optional, memory: "memory" = optional });

record!(SecretVariable {
    name: "name" = required,
    from: "from" = required,
    key: "key" = optional,
    form: "as" = default(SecretForm::Env),
});

words!(SecretForm { Env = "env", File = "file" });

record!(ContainerOptions {
    user: "user" = optional,
    platform: "platform" = optional,
    pull: "pull" = default(PullPolicy::Missing),
    credential: "credential" = optional,
    working_folder: "workingFolder" = optional,
    entrypoint: "entrypoint" = default(Vec::new()),
    hosts: "hosts" = default(IndexMap::new()),
    network: "network" = optional,
    networks: "networks" = default(Vec::new()),
    volumes: "volumes" = default(Vec::new()),
    devices: "devices" = default(Vec::new()),
    capabilities: "capabilities" = default(Vec::new()),
    privileged: "privileged" = default(false),
});

words!(PullPolicy { Missing = "missing", Always = "always", Never = "never" });

record!(VolumeMount {
    source: "source" = required,
    target: "target" = required,
    read_only: "readOnly" = default(false)
});

record!(Service {
    name: "name" = required,
    image: "image" = required,
    credential: "credential" = optional,
    command: "command" = default(Vec::new()),
    env: "env" = default(IndexMap::new()),
    health: "health" = optional,
    privileged: "privileged" = default(false),
});

record!(HealthCheck { command: "command" = required, interval: "interval" = optional, timeout: "timeout" = optional });

words!(Isolation { Run = "run", Task = "task" });

words!(WorkspaceUse { Shared = "shared", None = "none" });

record!(Checkout {
    url: "url" = required,
    reference: "ref" = optional,
    credential: "credential" = optional,
    path: "path" = optional,
    depth: "depth" = optional,
    submodules: "submodules" = default(false),
    ca_certificate: "caCertificate" = optional,
    verify_certificate: "verifyCertificate" = default(true),
});

record!(BuildImage {
    context: "context" = optional,
    dockerfile: "dockerfile" = optional,
    image: "image" = required,
    tags: "tags" = default(Vec::new()),
    args: "args" = default(IndexMap::new()),
    labels: "labels" = default(IndexMap::new()),
    target: "target" = optional,
    archive: "archive" = optional,
    credential: "credential" = optional,
    pull_credentials: "pullCredentials" = default(Vec::new()),
    push: "push" = default(true),
    no_cache: "noCache" = default(false),
    insecure: "insecure" = default(false),
});

record!(DeployManifests {
    paths: "paths" = required,
    cluster: "cluster" = optional,
    namespace: "namespace" = optional,
    create_namespace: "createNamespace" = default(false),
    pull_credential: "pullCredential" = optional,
    wait: "wait" = optional,
    substitute: "substitute" = default(true),
    rollback: "rollback" = default(false),
    prune: "prune" = default(false),
    dry_run: "dryRun" = default(false),
});

record!(PublishChart {
    path: "path" = required,
    repository: "repository" = required,
    name: "name" = optional,
    version: "version" = optional,
    credential: "credential" = optional,
});

record!(DeployChart {
    release: "release" = required,
    chart: "chart" = required,
    repository: "repository" = optional,
    version: "version" = optional,
    cluster: "cluster" = optional,
    namespace: "namespace" = optional,
    values: "values" = default(IndexMap::new()),
    values_files: "valuesFiles" = default(Vec::new()),
    credential: "credential" = optional,
    wait: "wait" = optional,
});

record!(SyncFiles {
    host: "host" = required,
    port: "port" = optional,
    credential: "credential" = required,
    transfers: "transfers" = default(Vec::new()),
    commands: "commands" = default(Vec::new()),
    timeout: "timeout" = optional,
});

record!(Transfer {
    include: "include" = required,
    exclude: "exclude" = default(Vec::new()),
    strip_prefix: "stripPrefix" = optional,
    to: "to" = required,
    clean: "clean" = default(false),
});

record!(RunJob {
    path: "path" = optional,
    manifest: "manifest" = optional,
    cluster: "cluster" = optional,
    namespace: "namespace" = optional,
});

record!(Approve {
    message: "message" = default(crate::pipeline::template::Template::default()),
    approvers: "approvers" = default(Vec::new()),
});

record!(Custom { name: "name" = required, with: "with" = default(IndexMap::new()) });
