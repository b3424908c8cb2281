//! A container of a pod, as the room of containers wants it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::reach::{Way, is_missing};
use super::status::{Standing, standing};
use crate::executor::ExecutorError;
use crate::executor::container::{ContainerHost, HostError, Output, Presence, Streams};

/// What is on its way in one direction.
const BUFFER: usize = 256 * 1024;

/// A container of a pod.
#[derive(Debug)]
pub(super) struct PodHost {
    pub(super) way: Arc<Way>,
    pub(super) pod: String,
    /// Another pod of the same name is another pod.
    pub(super) uid: String,
    pub(super) container: String,
}

#[async_trait]
impl ContainerHost for PodHost {
    async fn exec(&self, argv: Vec<String>) -> Result<Streams, HostError> {
        let pods = self.way.pods().await.map_err(HostError::Unreachable)?;
        let parameters = AttachParams::default()
            .container(&self.container)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(BUFFER)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER);
        match pods.exec(&self.pod, argv, &parameters).await {
            Ok(process) => Ok(streams(process)),
            Err(error) if is_missing(&error) => Err(HostError::Gone("its pod was removed".to_owned())),
            Err(error) if is_forbidden(&error) => Err(HostError::Refused(self.forbidden(&pods).await)),
            Err(error) => {
                let doing = format!("starting a program in the pod {}", self.pod);
                Err(HostError::Unreachable(self.way.error(&doing, &error).await))
            }
        }
    }

    /// A read that the cluster answers from its memory of record, never from a cache: what it does not have is gone.
    async fn look(&self) -> Result<Presence, HostError> {
        let pods = self.way.pods().await.map_err(HostError::Unreachable)?;
        match pods.get_opt(&self.pod).await {
            Ok(found) => Ok(self.presence(found.as_ref())),
            Err(error) => {
                Err(HostError::Unreachable(self.way.error(&format!("looking at the pod {}", self.pod), &error).await))
            }
        }
    }
}

/// What an upgrade of the connection is refused with says no more than its number.
fn is_forbidden(error: &kube::Error) -> bool {
    let text = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    text.into_iter().any(|error| error.to_string().contains("403"))
}

impl PodHost {
    /// The refusal in words: the same asked without an upgrade.
    async fn forbidden(&self, pods: &kube::Api<Pod>) -> ExecutorError {
        let doing = format!("starting a program in the pod {}", self.pod);
        let request =
            http::Request::post(format!("{}/{}/exec?command=true&stdout=true", pods.resource_url(), self.pod));
        let answer = match (self.way.cluster().await, request.body(Vec::new())) {
            (Ok(cluster), Ok(request)) => cluster.client().request_text(request).await,
            (Err(error), _) => return error,
            (_, Err(error)) => Err(kube::Error::HttpError(error)),
        };
        match answer {
            Err(error) => self.way.error(&doing, &error).await,
            Ok(_) => ExecutorError::Infrastructure {
                code: "forbidden",
                message: format!("{doing}: the cluster refused"),
                advice: "let a Role give `create` on pods/exec (windlass doctor --cluster NAME)".to_owned(),
            },
        }
    }

    fn presence(&self, found: Option<&Pod>) -> Presence {
        match found.filter(|pod| pod.metadata.uid.as_deref() == Some(&self.uid)) {
            None => Presence::Gone("its pod was removed".to_owned()),
            Some(pod) => match standing(pod, &self.container) {
                Standing::Over(why) | Standing::NotStarted(why) => Presence::Gone(why),
                Standing::Running | Standing::Waiting(_) => Presence::There,
            },
        }
    }
}

fn streams(mut process: AttachedProcess) -> Streams {
    let input = process.stdin().map(|writer| Input(Box::pin(writer)));
    let out = process.stdout().map(|reader| pieces(reader, Output::Out));
    let err = process.stderr().map(|reader| pieces(reader, Output::Err));
    let output = stream::select(out.unwrap_or_else(nothing), err.unwrap_or_else(nothing));
    // The connection ends with whoever holds the process.
    let output = output.map(move |piece| {
        let _ = &process;
        piece
    });
    let input: Pin<Box<dyn AsyncWrite + Send>> = match input {
        Some(input) => Box::pin(input),
        None => Box::pin(tokio::io::sink()),
    };
    Streams { input, output: output.boxed() }
}

type Pieces = BoxStream<'static, std::io::Result<Output>>;

fn nothing() -> Pieces {
    stream::empty().boxed()
}

fn pieces(reader: impl AsyncRead + Unpin + Send + 'static, kind: fn(Bytes) -> Output) -> Pieces {
    stream::unfold((reader, vec![0; 64 * 1024]), move |(mut reader, mut buffer)| async move {
        match reader.read(&mut buffer).await {
            Ok(0) => None,
            Ok(count) => Some((Ok(kind(Bytes::copy_from_slice(&buffer[..count]))), (reader, buffer))),
            Err(error) => Some((Err(error), (reader, buffer))),
        }
    })
    .boxed()
}

/// The standard input of a program, which ends when this is dropped.
struct Input(Pin<Box<dyn AsyncWrite + Send>>);

impl Drop for Input {
    fn drop(&mut self) {
        // What is a pipe in memory closes at once.
        let _ = self.0.as_mut().poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl AsyncWrite for Input {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}
