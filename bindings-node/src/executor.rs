//! A whole executor of JavaScript: each method of the contract is one call.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::Deserialize;
use serde_json::{Value, json};
use windlass::executor::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use windlass::pipeline::ContainerOptions;
use windlass::run::{RunId, StepEnd, StepKey, WaitReason};

use crate::context::NativeContext;
use crate::credentials::carried;
use crate::failure::executor_error;
use crate::host::{Answer, Host, HostFailure};

/// An [`Executor`] of JavaScript.
#[derive(Debug)]
pub(crate) struct JsExecutor {
    host: Host,
    about: About,
}

/// What an executor says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct About {
    capabilities: Capabilities,
    /// The keys of `container` with which it does nothing, where the program says which.
    ignores: Option<Vec<String>>,
}

/// How a step ended, as JavaScript says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exit {
    end: StepEnd,
    log_length: u64,
}

/// What an executor noticed, as JavaScript says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Noticed {
    Waiting { step: StepKey, reason: WaitReason },
    Running { step: StepKey },
    Told { step: StepKey, line: String },
}

/// A stream of JavaScript, by the number that it has there.
struct HostStream {
    host: Host,
    number: u64,
}

impl Drop for HostStream {
    fn drop(&mut self) {
        self.host.tell("closeStream", json!({ "stream": self.number }));
    }
}

impl HostStream {
    /// Opens a stream by a call that answers with its number.
    async fn open(host: Host, operation: &'static str, request: Value) -> Result<Self, HostFailure> {
        let answer = host.ask(operation, request, None).await?;
        let number = host.value(&answer, operation)?;
        Ok(Self { host, number })
    }

    /// The next value; `None` after the last one.
    async fn next(&self) -> Result<Option<Answer>, HostFailure> {
        let answer = self.host.ask("nextOfStream", json!({ "stream": self.number }), None).await?;
        let done: bool = self.host.value::<Option<Value>>(&answer, "next")? == Some(json!("done"));
        Ok((!done).then_some(answer))
    }

    /// The bytes of a stream. Pieces without any are left out.
    fn bytes(self, run: RunId) -> BoxStream<'static, Result<Bytes, ExecutorError>> {
        let pieces = stream::try_unfold(self, |stream| async move {
            Ok(stream.next().await?.map(|answer| (Bytes::from(answer.bytes.unwrap_or_default()), stream)))
        });
        let pieces = pieces.map(move |piece| piece.map_err(|failure| executor_error(failure, Some(run))));
        pieces.filter(|piece| std::future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty()))).boxed()
    }
}

impl JsExecutor {
    pub(crate) fn new(host: Host, about: About) -> Self {
        Self { host, about }
    }

    async fn ask(&self, run: Option<RunId>, operation: &str, request: Value) -> Result<Answer, ExecutorError> {
        self.host.ask(operation, request, None).await.map_err(|failure| executor_error(failure, run))
    }
}

#[async_trait]
impl Executor for JsExecutor {
    fn capabilities(&self) -> Capabilities {
        self.about.capabilities.clone()
    }

    fn ignores(&self, options: &ContainerOptions) -> Vec<String> {
        match &self.about.ignores {
            Some(ignored) => options.keys().into_iter().filter(|key| ignored.contains(key)).collect(),
            None if self.about.capabilities.images => Vec::new(),
            None => options.keys(),
        }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        self.ask(Some(scope.run), "prepare", json!({ "scope": scope })).await.map(drop)
    }

    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent> {
        let opened = HostStream::open(self.host.clone(), "observe", json!({ "run": run }));
        stream::once(opened)
            // What cannot be observed is only not told.
            .filter_map(|opened| std::future::ready(opened.ok()))
            .flat_map(|stream| {
                stream::unfold(stream, |stream| async move {
                    let answer = stream.next().await.ok().flatten()?;
                    let noticed = match stream.host.value::<Noticed>(&answer, "observe").ok()? {
                        Noticed::Waiting { step, reason } => ExecutorEvent::Waiting { step, reason },
                        Noticed::Running { step } => ExecutorEvent::Running { step },
                        Noticed::Told { step, line } => ExecutorEvent::Told { step, line },
                    };
                    Some((noticed, stream))
                })
            })
            .boxed()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let request = json!({ "step": step, "secrets": carried(&step.secrets) });
        self.ask(Some(step.key.run), "start", request).await.map(drop)
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        let answer = self.ask(Some(step.run), "wait", json!({ "step": step })).await?;
        let exit: Exit = self.host.value(&answer, "wait").map_err(|failure| executor_error(failure, Some(step.run)))?;
        let output = Bytes::from(answer.bytes.unwrap_or_default());
        Ok(StepExit { end: exit.end, log_length: exit.log_length, output })
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        let run = step.run;
        let opened = HostStream::open(self.host.clone(), "logs", json!({ "step": step, "from": from }));
        let pieces = stream::once(opened).flat_map(move |opened| match opened {
            Ok(stream) => stream.bytes(run),
            Err(failure) => stream::once(async move { Err(executor_error(failure, Some(run))) }).boxed(),
        });
        pieces
            .scan(from, |offset, piece| {
                let chunk = piece.map(|bytes| {
                    let chunk = LogChunk { offset: *offset, bytes };
                    *offset += chunk.bytes.len() as u64;
                    chunk
                });
                std::future::ready(Some(chunk))
            })
            .boxed()
    }

    async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        let answer = self.ask(Some(step.run), "serviceLogs", json!({ "step": step })).await?;
        Ok(Bytes::from(answer.bytes.unwrap_or_default()))
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let request = json!({ "step": step, "graceMs": u64::try_from(grace.as_millis()).unwrap_or(u64::MAX) });
        self.ask(Some(step.run), "stop", request).await.map(drop)
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        let opened = HostStream::open(self.host.clone(), "read", json!({ "run": run, "path": path })).await;
        Ok(opened.map_err(|failure| executor_error(failure, Some(run)))?.bytes(run))
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let request = json!({ "run": run, "path": path });
        let written = self.host.ask("write", request, Some(NativeContext::tar(tar))).await;
        written.map(drop).map_err(|failure| executor_error(failure, Some(run)))
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.ask(Some(step.run), "forget", json!({ "step": step })).await.map(drop)
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.ask(Some(run), "release", json!({ "run": run })).await.map(drop)
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        let answer = self.ask(Some(run), "keep", json!({ "run": run, "generation": generation })).await?;
        self.host.value(&answer, "keep").map_err(|failure| executor_error(failure, Some(run)))
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let answer = self.ask(None, "sweep", json!({ "keep": keep })).await?;
        let removed: Option<Vec<RunId>> =
            self.host.value(&answer, "sweep").map_err(|failure| executor_error(failure, None))?;
        Ok(SweepReport { removed: removed.unwrap_or_default() })
    }
}
