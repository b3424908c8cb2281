//! What an action has at hand.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::contract::ActionError;
use crate::clock::SharedClock;
use crate::executor::{Executor, TarStream};
use crate::run::StepKey;

/// What an action has at hand. Clones are handles on the same attempt.
#[derive(Clone, Debug)]
pub struct ActionContext {
    parts: Arc<Parts>,
}

/// What [`ActionContext`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) key: StepKey,
    pub(crate) settings: Value,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) resumed: bool,
    pub(crate) log: mpsc::Sender<Bytes>,
    pub(crate) cancelled: watch::Receiver<bool>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) clock: SharedClock,
}

impl ActionContext {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// The attempt: its run, its task, its number.
    pub fn key(&self) -> &StepKey {
        &self.parts.key
    }

    /// A text that is the same whenever this attempt is run, and different for all others. Given to the other end, it keeps
    /// something from being done twice.
    pub fn idempotency_key(&self) -> String {
        format!("{}.{}", self.parts.key.run, self.parts.key.slug())
    }

    /// Whether an earlier engine may have begun this attempt.
    pub fn resumed(&self) -> bool {
        self.parts.resumed
    }

    /// The settings as the definition has them, with every variable replaced.
    pub fn settings(&self) -> &Value {
        &self.parts.settings
    }

    /// The settings as a type of one's own.
    ///
    /// # Errors
    /// The failure `badSettings`, with what does not fit.
    pub fn settings_as<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        T::deserialize(&self.parts.settings).map_err(|error| {
            let message = format!("the settings of task {:?} do not fit: {error}", self.parts.key.task.as_str());
            ActionError::failed("badSettings", message, "Correct the task in the definition.")
        })
    }

    /// The value of a variable, as a script would find it in its environment.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.parts.variables.get(name).map(String::as_str)
    }

    /// All variables, by name.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.parts.variables
    }

    /// Adds bytes to the attempt's log; lines end with `\n`. Waits while the disk is slower than the action.
    ///
    /// # Errors
    /// When the attempt is over.
    pub async fn log(&self, bytes: impl Into<Bytes>) -> Result<(), ActionError> {
        self.parts.log.send(bytes.into()).await.map_err(|_| {
            ActionError::infrastructure("attemptOver", "the attempt is over, and its log takes nothing more", "")
        })
    }

    /// Returns when the action shall end: the run was cancelled, or it took too long. After the task's grace it is dropped
    /// where it waits.
    pub async fn cancelled(&self) {
        let mut cancelled = self.parts.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // Nobody can cancel it any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the action shall end.
    pub fn is_cancelled(&self) -> bool {
        *self.parts.cancelled.borrow()
    }

    /// Waits, by the engine's clock.
    pub async fn sleep(&self, length: Duration) {
        let until = self.parts.clock.now().elapsed + length;
        self.parts.clock.sleep_until(until).await;
    }

    /// A file or folder of the run's workspace as a tar stream, in which names begin with the path's last part; `.` is the
    /// whole workspace. The path is relative and cannot leave the workspace.
    ///
    /// # Errors
    /// When there is no such file, or the executor cannot read it.
    pub async fn read(&self, path: &str) -> Result<TarStream, ActionError> {
        Ok(self.parts.executor.read(self.parts.key.run, path).await?)
    }

    /// Unpacks a tar stream below a folder of the run's workspace, which is made when it is missing. Nothing in it can leave
    /// the folder.
    ///
    /// # Errors
    /// When something in it would leave the folder, or the executor cannot write it.
    pub async fn write(&self, path: &str, tar: TarStream) -> Result<(), ActionError> {
        Ok(self.parts.executor.write(self.parts.key.run, path, tar).await?)
    }

    /// The content of a file of the workspace.
    ///
    /// # Errors
    /// The failure `fileTooLarge` when it has more than `limit` bytes; and as [`read`](Self::read).
    pub async fn read_file(&self, path: &str, limit: usize) -> Result<Bytes, ActionError> {
        // Headers and padding of the archive come on top.
        let room = limit.saturating_add(64 << 10);
        let too_large = || {
            let message = format!("the file {path:?} has more than {limit} bytes");
            ActionError::failed("fileTooLarge", message, "Name a smaller file.")
        };
        let mut tar = self.read(path).await?;
        let mut archive = BytesMut::new();
        while let Some(piece) = tar.try_next().await? {
            archive.extend_from_slice(&piece);
            if archive.len() > room {
                return Err(too_large());
            }
        }
        let content = first_file(&archive).ok_or_else(|| {
            let message = format!("{path:?} is not a file that can be read");
            ActionError::failed("notAFile", message, "Name a file, not a folder or a link.")
        })?;
        if content.len() > limit { Err(too_large()) } else { Ok(content.into()) }
    }

    /// Writes a file of the workspace, over one that is there; folders on the way are made.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_file(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), ActionError> {
        let bad = |why: &str| {
            let advice = "Name a file below the workspace, without `..`.";
            ActionError::failed("badPath", format!("the path {path:?} {why}"), advice)
        };
        let (folder, name) = match Path::new(path).file_name() {
            Some(name) => (Path::new(path).parent().unwrap_or(Path::new("")), name),
            None => return Err(bad("names no file")),
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let archive = one_file(Path::new(name), content.as_ref()).map_err(|error| bad(&error.to_string()))?;
        self.write(&folder.to_string_lossy(), stream::iter([Ok(archive)]).boxed()).await
    }
}

fn first_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).ok()?;
    Some(content)
}

fn one_file(name: &Path, content: &[u8]) -> std::io::Result<Bytes> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, content)?;
    Ok(builder.into_inner()?.into())
}
