//! What another executor has to bring: a way to start a program in its container.

use std::fmt::Debug;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::io::AsyncWrite;

use crate::executor::ExecutorError;

/// One container that can be talked to.
#[async_trait]
pub(in crate::executor) trait ContainerHost: Debug + Send + Sync + 'static {
    /// Starts a program in the container, as the container's user, with its three streams. Dropping the streams closes the
    /// program's standard input and need not end it.
    async fn exec(&self, argv: Vec<String>) -> Result<Streams, HostError>;

    /// Asks whether the container is still there and runs.
    async fn look(&self) -> Result<Presence, HostError>;
}

/// The streams of a program in a container.
pub(in crate::executor) struct Streams {
    /// Its standard input; dropping it closes it.
    pub(in crate::executor) input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Both outputs. Ends when the program has ended or the connection is broken.
    pub(in crate::executor) output: BoxStream<'static, std::io::Result<Output>>,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// A piece of a program's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Output {
    /// Of its standard output.
    Out(Bytes),
    /// Of its standard error.
    Err(Bytes),
}

/// Whether a container is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Presence {
    /// It runs, or may: a paused container is there.
    There,
    /// It does not run any more, definitely. The text says what was found instead.
    Gone(String),
}

/// Why a container could not be reached.
#[derive(Debug)]
pub(in crate::executor) enum HostError {
    /// The container does not run any more, definitely.
    Gone(String),
    /// Asked in vain, which says nothing about the container.
    Unreachable(ExecutorError),
    /// Another try will not help.
    Refused(ExecutorError),
}
