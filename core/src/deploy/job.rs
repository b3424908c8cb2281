//! A Job run to its end, with its log.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use super::job_log::{self, Container, Cursor};
use super::manifest::{Manifest, title};
use super::state::RolloutState;
use super::stuck;
use crate::action::ActionContext;
use crate::cluster::{Cluster, refused};
use crate::explain::{ClusterFailure, FailureClass, code};

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_millis(300);
/// How long a log may take to come to its end after its Job has.
const LOG_END: Duration = Duration::from_secs(60);
/// The label that says which attempt made a Job.
const ATTEMPT: &str = "windlass/attempt";

/// A Job that is to be run.
pub(crate) struct JobOrder {
    object: Value,
    name: String,
    namespace: String,
}

/// A Job that runs.
pub(crate) struct JobRun<'a> {
    cluster: &'a Cluster,
    context: &'a ActionContext,
    jobs: Api<Job>,
    pods: Api<Pod>,
    order: JobOrder,
}

impl JobOrder {
    /// A Job by its manifest. One that says `generateName` gets a name that is the attempt's.
    pub(crate) fn new(mut object: Value, namespace: &str, attempt: &str) -> Result<Self, ClusterFailure> {
        let prefix = object.pointer("/metadata/generateName").and_then(Value::as_str).map(str::to_owned);
        if let Some(prefix) = prefix.filter(|_| object.pointer("/metadata/name").is_none()) {
            object["metadata"]["name"] = Value::from(format!("{prefix}{:08x}", crc32fast::hash(attempt.as_bytes())));
        }
        let bad = |message: String| ClusterFailure::failed(code::BAD_MANIFEST, message, "Write a Job of batch/v1.");
        let manifest = Manifest::new(object, "the Job").map_err(bad)?;
        if manifest.kind() != "Job" {
            return Err(bad(format!("{} is no Job", manifest.title())));
        }
        let name = manifest.name().to_owned();
        let namespace = manifest.namespace().unwrap_or(namespace).to_owned();
        let mut object = manifest.object().clone();
        object["metadata"]["namespace"] = Value::from(namespace.as_str());
        object["metadata"]["labels"][ATTEMPT] = Value::from(super::deployment_label(attempt));
        Ok(Self { object, name, namespace })
    }

    fn title(&self) -> String {
        title("Job", Some(&self.namespace), &self.name)
    }

    fn attempt(&self) -> Option<&str> {
        self.object["metadata"]["labels"][ATTEMPT].as_str()
    }
}

impl<'a> JobRun<'a> {
    pub(crate) fn new(cluster: &'a Cluster, context: &'a ActionContext, order: JobOrder) -> Self {
        let jobs = Api::namespaced(cluster.client().clone(), &order.namespace);
        let pods = Api::namespaced(cluster.client().clone(), &order.namespace);
        Self { cluster, context, jobs, pods, order }
    }

    /// Makes the Job, in the place of an earlier one of its name, and follows it to its end. When the attempt made it before a
    /// restart of the engine, that one is followed.
    pub(crate) async fn run(&self) -> Result<(), ClusterFailure> {
        self.make().await?;
        self.follow().await
    }

    /// Deletes the Job with its pods: the attempt was cancelled.
    pub(crate) async fn delete(&self) -> Result<(), ClusterFailure> {
        match self.jobs.delete(&self.order.name, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(self.refused(&error)),
        }
    }

    async fn make(&self) -> Result<(), ClusterFailure> {
        let title = self.order.title();
        if let Some(found) = self.jobs.get_opt(&self.order.name).await.map_err(|error| self.refused(&error))? {
            let by = found.metadata.labels.as_ref().and_then(|labels| labels.get(ATTEMPT)).map(String::as_str);
            if self.context.resumed() && by == self.order.attempt() {
                self.context.log_line(format!("{title}: it goes on")).await;
                return Ok(());
            }
            self.context.log_line(format!("{title}: the one of an earlier run makes room")).await;
            self.remove_earlier().await?;
        }
        let job = serde_json::from_value(self.order.object.clone()).map_err(|error| {
            ClusterFailure::failed(code::BAD_MANIFEST, format!("{title}: {error}"), "Correct the manifest of the Job.")
        })?;
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.jobs.create(&parameters, &job).await.map_err(|error| self.refused(&error))?;
        self.context.log_line(format!("{title}: created")).await;
        Ok(())
    }

    async fn remove_earlier(&self) -> Result<(), ClusterFailure> {
        const TRIES: u32 = 400;
        let deleted = self.jobs.delete(&self.order.name, &DeleteParams::foreground()).await;
        if let Err(error) = deleted
            && !matches!(&error, kube::Error::Api(status) if status.code == 404)
        {
            return Err(self.refused(&error));
        }
        for _ in 0..TRIES {
            if self.jobs.get_opt(&self.order.name).await.map_err(|error| self.refused(&error))?.is_none() {
                return Ok(());
            }
            self.context.sleep(EVERY).await;
        }
        let message =
            format!("{}: an earlier one was deleted, and is still there after two minutes", self.order.title());
        Err(ClusterFailure::infrastructure(code::ROLLOUT_STUCK, message, "Look at its pods and its finalizers."))
    }

    /// Reads logs while it asks how far the Job is.
    async fn follow(&self) -> Result<(), ClusterFailure> {
        let mut known: BTreeMap<Container, ()> = BTreeMap::new();
        let mut logs = FuturesUnordered::new();
        let mut told = String::new();
        let ended = loop {
            let state = self.look(&mut told).await?;
            for container in self.started().await? {
                if known.insert(container.clone(), ()).is_none() {
                    logs.push(self.log(container));
                }
            }
            match state {
                None => {}
                Some(ended) => break ended,
            }
            let pause = self.context.sleep(EVERY).fuse();
            futures::pin_mut!(pause);
            loop {
                futures::select! {
                    () = pause => break,
                    _ = logs.select_next_some() => {}
                }
            }
        };
        let rest = async { while logs.next().await.is_some() {} };
        tokio::select! {
            () = rest => {}
            () = self.context.sleep(LOG_END) => {
                self.context.log_line(format!("{}: its log has not come to an end; the rest is in the cluster", self.order.title())).await;
            }
        }
        ended
    }

    /// How the Job ended, when it has.
    async fn look(&self, told: &mut String) -> Result<Option<Result<(), ClusterFailure>>, ClusterFailure> {
        let job = match self.jobs.get_opt(&self.order.name).await {
            Ok(Some(job)) => job,
            Ok(None) => {
                let message = format!("{}: somebody deleted it while it ran", self.order.title());
                return Err(ClusterFailure::failed(code::NOT_IN_CLUSTER, message, "Look who did, and run it again."));
            }
            Err(error) => {
                let failure = self.refused(&error);
                // The Job goes on without an API server; the task's timeout bounds the patience.
                if failure.class == FailureClass::Infrastructure {
                    return Ok(None);
                }
                return Err(failure);
            }
        };
        let mut object = serde_json::to_value(&job).unwrap_or_default();
        object["kind"] = json!("Job");
        match RolloutState::of(&object) {
            RolloutState::Done => Ok(Some(Ok(()))),
            RolloutState::Failed(why) => Ok(Some(Err(self.failed(&object, &why).await))),
            RolloutState::Going(_) => {
                self.tell_trouble(&object, told).await;
                Ok(None)
            }
        }
    }

    /// Says once what keeps a pod from running.
    async fn tell_trouble(&self, object: &Value, told: &mut String) {
        let pods = stuck::pods_of(self.cluster, object, &self.order.namespace).await.unwrap_or_default();
        let mut troubles = pods.iter().filter_map(|pod| crate::explain::pod_trouble(&serde_json::to_value(pod).ok()?));
        if let Some(trouble) = troubles.next()
            && *told != trouble.cause.message
        {
            self.context
                .log_line(format!("{}: {}. {}", self.order.title(), trouble.cause.message, trouble.cause.advice))
                .await;
            *told = trouble.cause.message;
        }
    }

    async fn failed(&self, object: &Value, why: &str) -> ClusterFailure {
        let explanation = stuck::explain(self.cluster, object, why).await.failure;
        let code = if explanation.code == code::ROLLOUT_STUCK { code::JOB_FAILED } else { explanation.code };
        ClusterFailure { code, ..explanation }
    }

    /// The containers of the Job's pods that have something to read.
    async fn started(&self) -> Result<Vec<Container>, ClusterFailure> {
        let selector = format!("batch.kubernetes.io/job-name={}", self.order.name);
        let listed = match self.pods.list(&ListParams::default().labels(&selector)).await {
            Ok(listed) => listed,
            Err(error) => {
                let failure = self.refused(&error);
                return if failure.class == FailureClass::Infrastructure { Ok(Vec::new()) } else { Err(failure) };
            }
        };
        Ok(listed.items.iter().flat_map(started).collect())
    }

    /// Follows the log of a container to its end, over connections that break.
    async fn log(&self, container: Container) {
        let mut cursor = Cursor::default();
        loop {
            let take = |line: Vec<u8>| self.context.log(line);
            let broken = job_log::follow(&self.pods, &container, &mut cursor, take).await.is_err();
            // A connection that ended in good order says that the container has ended, or that the node let go of it.
            if self.has_ended(&container).await && !broken {
                return;
            }
            self.context.sleep(EVERY).await;
        }
    }

    async fn has_ended(&self, container: &Container) -> bool {
        match self.pods.get_opt(&container.pod).await {
            Ok(Some(pod)) => statuses(&pod)
                .find(|status| status.name == container.name)
                .is_some_and(|status| status.state.as_ref().is_some_and(|state| state.terminated.is_some())),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    fn refused(&self, error: &kube::Error) -> ClusterFailure {
        refused(&self.order.title(), error)
    }
}

fn started(pod: &Pod) -> Vec<Container> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let has_begun = |status: &&ContainerStatus| {
        status.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    };
    let begun = statuses(pod).filter(has_begun);
    begun.map(|status| Container { pod: name.clone(), name: status.name.clone() }).collect()
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let main = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().chain(main).flatten()
}
