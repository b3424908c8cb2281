//! A run that is prepared on the real cluster.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream::BoxStream;
use windlass::executor::{
    Command, Executor, ExecutorError, ExecutorEvent, KubernetesExecutor, PodSettings, RunScope, StepContainer,
    StepExit, StepOutline, StepSecrets, StepSpec,
};
use windlass::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use windlass::run::{RunId, StepKey};
use windlass_tests::cluster::TestCluster;

use crate::support::{NAMESPACE, Site};

pub(crate) struct Bench {
    pub(crate) site: Site,
    pub(crate) executor: KubernetesExecutor,
    pub(crate) run: RunId,
    namespace: String,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|pods| pods, PodSettings::default(), true).await
    }

    /// With an executor that is set up, and with the containers of its steps known beforehand or not.
    pub(crate) async fn with(
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
        settings: PodSettings,
        known: bool,
    ) -> Self {
        let site = Site::new().await;
        Self::on(site, NAMESPACE, set_up, settings, known).await.unwrap()
    }

    /// In a namespace of its own.
    pub(crate) async fn in_space(
        namespace: &str,
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
    ) -> Self {
        Self::try_in_space(namespace, set_up).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn try_in_space(
        namespace: &str,
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
    ) -> Result<Self, ExecutorError> {
        let site = Site::within(TestCluster::find(), namespace).await;
        Self::on(site, namespace, set_up, PodSettings::default(), false).await
    }

    async fn on(
        site: Site,
        namespace: &str,
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
        settings: PodSettings,
        known: bool,
    ) -> Result<Self, ExecutorError> {
        let executor = set_up(site.kubernetes_with(settings));
        let run = RunId::new(site.clock.new_id());
        let bench = Self { site, executor, run, namespace: namespace.to_owned() };
        let outlines = if known { vec![StepOutline::of(&bench.step("any", "true"))] } else { Vec::new() };
        let scope = RunScope { run, generation: 1, existing: false, source: None, adopt: None, outlines };
        bench.executor.prepare(&scope).await?;
        Ok(bench)
    }

    pub(crate) fn existing(&self) -> RunScope {
        let run = self.run;
        RunScope { run, generation: 1, existing: true, source: None, adopt: None, outlines: Vec::new() }
    }

    pub(crate) fn step(&self, task: &str, script: &str) -> StepSpec {
        StepSpec {
            key: StepKey { run: self.run, task: TaskId::new(task), attempt: 1 },
            generation: 1,
            resumed: false,
            command: Command::Script { text: script.to_owned(), shell: None },
            env: BTreeMap::new(),
            secrets: StepSecrets::default(),
            image: Some(self.site.image("2")),
            container: StepContainer::default(),
            resources: Resources::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }

    /// Starts a step and waits until it has said `ready`.
    pub(crate) async fn started(&self, task: &str, script: &str) -> StepSpec {
        let step = self.step(task, script);
        self.executor.start(&step).await.unwrap();
        let first = self.executor.logs(&step.key, 0).next().await.unwrap().unwrap();
        assert_eq!(&first.bytes[..], b"ready\n");
        step
    }

    pub(crate) async fn finish(&self, task: &str, script: &str) -> (StepExit, String) {
        self.finish_step(&self.step(task, script)).await
    }

    pub(crate) async fn finish_step(&self, step: &StepSpec) -> (StepExit, String) {
        self.executor.start(step).await.unwrap();
        let pieces: Vec<_> = self.executor.logs(&step.key, 0).collect().await;
        let log: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().bytes.to_vec()).collect();
        (self.executor.wait(&step.key).await.unwrap(), String::from_utf8_lossy(&log).into_owned())
    }

    /// The sentence of the first reason of this code for which a step waits.
    pub(crate) async fn waiting(&self, events: &mut BoxStream<'static, ExecutorEvent>, code: &str) -> String {
        loop {
            match events.next().await.unwrap() {
                ExecutorEvent::Waiting { reason, .. } if reason.code == code => return reason.message,
                _ => {}
            }
        }
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.site.test.kubectl(&[&["--namespace", &self.namespace], arguments].concat())
    }

    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.site.test.try_kubectl(&[&["--namespace", &self.namespace], arguments].concat())
    }

    /// The names of the run's pods.
    pub(crate) fn pods(&self) -> Vec<String> {
        let label = format!("windlass.dev/run={}", self.run);
        let listed = self.kubectl(&["get", "pods", "--output", "name", "--selector", &label]);
        listed.lines().map(|line| line.trim_start_matches("pod/").to_owned()).collect()
    }

    /// The pod with the workspace.
    pub(crate) fn pod(&self) -> String {
        self.pods().into_iter().find(|name| name.ends_with("-g1")).unwrap()
    }

    /// The first container for steps in it.
    pub(crate) fn step_container(&self) -> String {
        self.kubectl(&["get", "pod", &self.pod(), "--output", "jsonpath={.spec.containers[1].name}"])
    }

    pub(crate) async fn release(self) {
        self.executor.release(self.run).await.unwrap();
    }
}
