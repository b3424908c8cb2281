//! The client of the control socket: control of an engine in another process.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

#[cfg(feature = "sqlite")]
use super::protocol::Copied;
use super::protocol::{
    Done, EngineStatus, MAX_ANSWER, Request, Rotated, RunName, Saved, Tried, read_answer, request_line,
};
use crate::clock::pause;
#[cfg(feature = "kubernetes")]
use crate::cluster::{NewCluster, StoredCluster};
#[cfg(feature = "sqlite")]
use crate::engine::BackupReport;
#[cfg(feature = "kubernetes")]
use crate::engine::ClusterRemoval;
use crate::engine::{KeyRotation, Rerun, SavedCredential};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{Credential, CredentialReport, CredentialTarget};
use crate::store::DataDir;

/// How long an answer is waited for; an engine that is stopped in a debugger never gives one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Controls the engine that holds a data directory, from any process of the same user. Requests are answered when what they
/// ask for is durable.
#[derive(Debug)]
pub struct Control {
    data_dir: PathBuf,
    socket: PathBuf,
    wire: Mutex<Option<BufReader<Wire>>>,
}

#[cfg(unix)]
type Wire = tokio::net::UnixStream;

#[cfg(unix)]
async fn dial(socket: &Path) -> io::Result<Wire> {
    let address = super::address::Address::of(socket)?;
    Wire::connect(address.path()).await
}

/// There is none on this system.
#[cfg(not(unix))]
type Wire = tokio::io::DuplexStream;

#[cfg(not(unix))]
async fn dial(_socket: &Path) -> io::Result<Wire> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Control {
    /// Connects to the engine that holds this data directory.
    ///
    /// # Errors
    /// `noEngine` when none works on it, or one without a control socket; `notYours` when it belongs to somebody else;
    /// `notADataDir` and what else reading the directory can meet.
    pub async fn connect(data_dir: impl AsRef<Path>) -> Result<Self> {
        let data_dir = DataDir::open_read_only(data_dir.as_ref())?;
        let (socket, data_dir) = (data_dir.control_socket(), data_dir.path().to_path_buf());
        match dial(&socket).await {
            Ok(wire) => Ok(Self { data_dir, socket, wire: Mutex::new(Some(BufReader::new(wire))) }),
            Err(error) => Err(cannot_connect(&data_dir, &error)),
        }
    }

    /// The data directory of the engine.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Asks a run to end, as [`Run::cancel`](crate::Run::cancel) does. The run is named by its id, the beginning of it,
    /// `PIPELINE#NUMBER`, or `latest`; `by` is who wants it.
    pub async fn cancel(&self, run: &str, by: &str, reason: &str) -> Result<RunName> {
        let (run, by, reason) = (run.to_owned(), by.to_owned(), reason.to_owned());
        self.ask(Request::Cancel { run, by, reason }).await
    }

    /// Says yes to a task that waits for an approval.
    pub async fn approve(&self, run: &str, task: &str, by: &str, reason: &str) -> Result<RunName> {
        let (run, task, by, reason) = (run.to_owned(), task.to_owned(), by.to_owned(), reason.to_owned());
        self.ask(Request::Approve { run, task, by, reason }).await
    }

    /// Says no to a task that waits for an approval: it fails.
    pub async fn reject(&self, run: &str, task: &str, by: &str, reason: &str) -> Result<RunName> {
        let (run, task, by, reason) = (run.to_owned(), task.to_owned(), by.to_owned(), reason.to_owned());
        self.ask(Request::Reject { run, task, by, reason }).await
    }

    /// Runs a run again, as [`Run::retry`](crate::Run::retry) does. Gives the new run.
    pub async fn retry(&self, run: &str, mode: Rerun, by: &str) -> Result<RunName> {
        self.ask(Request::Retry { run: run.to_owned(), by: by.to_owned(), mode: mode.into() }).await
    }

    /// Keeps a credential, as [`Credentials::set`](crate::Credentials::set) does.
    pub async fn set_credential(&self, name: &str, credential: &Credential, by: &str) -> Result<SavedCredential> {
        let (name, credential, by) = (name.to_owned(), credential.clone(), by.to_owned());
        let Saved { created, unmasked } = self.ask(Request::SetCredential { name, credential, by }).await?;
        Ok(SavedCredential { created, unmasked })
    }

    /// Removes a credential.
    pub async fn remove_credential(&self, name: &str, by: &str) -> Result<()> {
        let Done {} = self.ask(Request::RemoveCredential { name: name.to_owned(), by: by.to_owned() }).await?;
        Ok(())
    }

    /// Tries a credential on its target, as [`Credentials::test`](crate::Credentials::test) does. Takes its time.
    pub async fn test_credential(&self, name: &str, target: &CredentialTarget) -> Result<CredentialReport> {
        let (name, kind, address) = (name.to_owned(), target.kind.to_string(), target.address.clone());
        let Tried { message } = self.ask_patiently(Request::TestCredential { name, kind, address }).await?;
        Ok(CredentialReport { message })
    }

    /// Seals everything with another master key, as
    /// [`Credentials::rotate_master_key`](crate::Credentials::rotate_master_key) does.
    pub async fn rotate_master_key(&self, by: &str) -> Result<KeyRotation> {
        let Rotated { key, credentials } = self.ask(Request::RotateMasterKey { by: by.to_owned() }).await?;
        Ok(KeyRotation { key, credentials })
    }

    /// Adds a cluster, as [`Clusters::add`](crate::Clusters::add) does. Files that it names are seen from the engine's process. Takes
    /// its time.
    #[cfg(feature = "kubernetes")]
    pub async fn add_cluster(&self, cluster: NewCluster, by: &str) -> Result<StoredCluster> {
        self.ask_patiently(Request::AddCluster { cluster, by: by.to_owned() }).await
    }

    /// Forgets a cluster, as [`Clusters::remove`](crate::Clusters::remove) does.
    #[cfg(feature = "kubernetes")]
    pub async fn remove_cluster(&self, name: &str, removal: ClusterRemoval, by: &str) -> Result<()> {
        let (name, by, force) = (name.to_owned(), by.to_owned(), removal == ClusterRemoval::Forced);
        let Done {} = self.ask(Request::RemoveCluster { name, force, by }).await?;
        Ok(())
    }

    /// Copies everything into a new folder while the engine goes on, as [`Engine::backup`](crate::Engine::backup) does. A
    /// path that is not absolute is seen from the folder of this process. Takes its time.
    #[cfg(feature = "sqlite")]
    pub async fn backup(&self, path: impl AsRef<Path>, by: &str) -> Result<BackupReport> {
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_path_buf());
        let made: Copied = self.ask_patiently(Request::Backup { path, by: by.to_owned() }).await?;
        let Copied { path, bytes, runs, artifacts, position } = made;
        Ok(BackupReport { path, bytes, runs, artifacts, position })
    }

    /// Lets no further run go, and says how many still do: when none does any more, the engine's process can be ended. Only
    /// the next engine on the data directory lets queued runs go again.
    pub async fn drain(&self) -> Result<EngineStatus> {
        self.ask(Request::Drain {}).await
    }

    /// How the engine is.
    pub async fn status(&self) -> Result<EngineStatus> {
        self.ask(Request::Status {}).await
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, request: Request) -> Result<T> {
        tokio::select! {
            answer = self.ask_patiently(request) => answer,
            () = pause(PATIENCE) => {
                let message = format!(
                    "the engine that holds {} does not answer. What was asked for may be done yet: look with `windlass show` \
                     before you ask again",
                    self.data_dir.display()
                );
                Err(Error::new(ErrorKind::Unavailable, "engineSilent", "control", message))
            }
        }
    }

    /// One request at a time. A connection on which an answer was not waited for is not used again.
    async fn ask_patiently<T: for<'de> Deserialize<'de>>(&self, request: Request) -> Result<T> {
        let line = request_line(&request)?;
        let mut wire = self.wire.lock().await;
        let mut own = match wire.take() {
            Some(own) => own,
            None => {
                let dialled = dial(&self.socket).await;
                BufReader::new(dialled.map_err(|error| cannot_connect(&self.data_dir, &error))?)
            }
        };
        let answer = exchange(&mut own, &line).await.map_err(|error| self.broken(&error))?;
        *wire = Some(own);
        drop(wire);
        read_answer(&answer)
    }

    fn broken(&self, error: &io::Error) -> Error {
        let message = format!(
            "the engine that holds {} went away before it answered ({error}). What was asked for may be done: look with \
             `windlass show` before you ask again",
            self.data_dir.display()
        );
        Error::new(ErrorKind::Unavailable, "engineGone", "control", message)
    }
}

/// Says a line and waits for the one that answers it.
async fn exchange(wire: &mut BufReader<Wire>, line: &[u8]) -> io::Result<Vec<u8>> {
    // Who is turned away is told so before it could ask: what was said is read also when nothing can be written.
    let written = wire.write_all(line).await;
    let mut answer = Vec::new();
    (&mut *wire).take(MAX_ANSWER as u64).read_until(b'\n', &mut answer).await?;
    if answer.ends_with(b"\n") {
        return Ok(answer);
    }
    written?;
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended"))
}

fn cannot_connect(data_dir: &Path, error: &io::Error) -> Error {
    let folder = data_dir.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            let message = format!("no engine takes requests for {folder}");
            Error::new(ErrorKind::NotFound, "noEngine", "control", message)
        }
        io::ErrorKind::PermissionDenied => {
            let message = format!("the engine of {folder} belongs to another user: ask that user, or root");
            Error::new(ErrorKind::Conflict, "notYours", "control", message)
        }
        io::ErrorKind::Unsupported => {
            let message = "engines of other processes cannot be controlled on this system";
            Error::new(ErrorKind::Unsupported, "unsupported", "control", message)
        }
        _ => {
            let message = format!("the engine of {folder} cannot be reached: {error}");
            Error::new(ErrorKind::Unavailable, "controlFailed", "control", message)
        }
    }
}
