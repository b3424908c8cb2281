//! A bare copy of each remote, so that the second fetch brings only what is new.

use std::any::Any;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::access::Access;
use super::copy::WorkingCopy;
use super::error::SourceError;
use super::fetch::{Fetch, list};
use super::refs::{RefName, RemoteRefs};
use super::session::{Open, Waiting};
use super::url::RemoteUrl;

/// The folder of working copies on their way into a workspace.
const COPIES: &str = "copies";

/// The mirrors of all remotes, in one folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mirrors {
    root: Arc<Path>,
    /// One fetch of a remote at a time: the others wait, and find what it brought.
    locks: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
    copies: Arc<AtomicU64>,
    owner: Owner,
}

/// Whose the folder is.
#[derive(Clone, Debug)]
enum Owner {
    /// Ours as long as somebody has the mirrors.
    Ours,
    /// Somebody's who must not let it go while anything here still writes.
    Held(Weak<dyn Any + Send + Sync>),
}

/// Keeps the folder ours.
pub(super) type Held = Option<Arc<dyn Any + Send + Sync>>;

/// A commit that is in a mirror.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub(super) mirror: PathBuf,
    pub(super) remote: RemoteUrl,
    /// The commit.
    pub commit: Commit,
    /// The branch that was asked for, or the remote's default branch when nothing was. `None` for tags and commits.
    pub branch: Option<String>,
    /// The tag that was asked for.
    pub tag: Option<String>,
    /// How many bytes came over the network.
    pub received_bytes: u64,
    /// How many objects came.
    pub received_objects: u64,
}

/// A commit in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The id, 40 hexadecimal digits.
    pub sha: String,
    /// The author, `Name <address>`.
    pub author: String,
    /// The message.
    pub message: String,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

impl Mirrors {
    /// Mirrors in this folder, which is made with the first one. One process at a time.
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into(), locks: Arc::default(), copies: Arc::default(), owner: Owner::Ours }
    }

    /// The same in a folder that somebody holds: nothing is begun any more once it is let go, and what goes on keeps it.
    pub(crate) fn held_by(root: PathBuf, hold: Weak<dyn Any + Send + Sync>) -> Self {
        Self { owner: Owner::Held(hold), ..Self::new(root) }
    }

    /// Removes working copies that a process left when it was killed.
    pub(crate) fn tidy(&self) {
        if let Err(error) = fs::remove_dir_all(self.root.join(COPIES))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "working copies of an earlier process could not be removed");
        }
    }

    /// The folder in which the mirror of a remote is: its address decides, and nothing of the address is a path.
    fn folder(&self, remote: &RemoteUrl) -> PathBuf {
        let hash = Sha256::digest(remote.to_string().as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.root.join(format!("{name}.git"))
    }

    fn lock(&self, folder: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(folder.to_owned()).or_default().clone()
    }

    /// Brings the mirror of a remote up to date, and finds a commit in it: the one of `wanted`, or of the remote's default
    /// branch. Ends early when it is dropped.
    pub async fn fetch(
        &self,
        remote: &RemoteUrl,
        access: &Access,
        wanted: Option<&RefName>,
    ) -> Result<Fetched, SourceError> {
        let folder = self.folder(remote);
        let alone = self.lock(&folder).lock_owned().await;
        let (own, access, wanted) = (remote.clone(), access.clone(), wanted.cloned());
        let runtime = tokio::runtime::Handle::current();
        self.blocking(remote, move |waiting, _| {
            let open = Open::new(&own, &access, runtime, waiting);
            let fetched = Fetch { folder: &folder, open: &open, remote: &own }.run(wanted.as_ref());
            // Not before: a fetch that nobody waits for any more takes its time to end.
            drop(alone);
            fetched
        })
        .await
    }

    /// What branches and tags a remote has, without fetching anything: also the test of an address with a credential.
    pub async fn refs(&self, remote: &RemoteUrl, access: &Access) -> Result<RemoteRefs, SourceError> {
        let (own, access) = (remote.clone(), access.clone());
        let runtime = tokio::runtime::Handle::current();
        self.blocking(remote, move |waiting, _| list(&Open::new(&own, &access, runtime, waiting))).await
    }

    /// Removes the mirror of a remote. Fine when there is none.
    pub async fn remove(&self, remote: &RemoteUrl) -> Result<(), SourceError> {
        let folder = self.folder(remote);
        let alone = self.lock(&folder).lock_owned().await;
        let own = remote.clone();
        self.blocking(remote, move |_, _| {
            let removed = remove(&folder, &own);
            drop(alone);
            removed
        })
        .await
    }

    /// A working copy in a folder beside the mirrors, on its way elsewhere.
    pub(crate) async fn copy(
        &self,
        fetched: &Fetched,
        depth: Option<std::num::NonZeroU32>,
    ) -> Result<WorkingCopy, SourceError> {
        let folder = self.root.join(COPIES).join(self.copies.fetch_add(1, Ordering::Relaxed).to_string());
        // Nothing of the mirror is tidied away while it is read.
        let alone = self.lock(&fetched.mirror).lock_owned().await;
        let fetched = fetched.clone();
        self.blocking(&fetched.remote.clone(), move |_, held| {
            let copy = WorkingCopy::make(&fetched, folder, depth, held);
            drop(alone);
            copy
        })
        .await
    }

    /// Does something that blocks off the runtime's own threads; a panic in libgit2's wrapper is an error like any other.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        remote: &RemoteUrl,
        job: impl FnOnce(Waiting, Held) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let url = remote.to_string();
        let held = match &self.owner {
            Owner::Ours => None,
            Owner::Held(hold) => Some(hold.upgrade().ok_or_else(|| SourceError::Stopped { url: url.clone() })?),
        };
        // Dropped when nobody waits any more.
        let (_alive, waiting) = watch::channel(());
        let done = tokio::task::spawn_blocking(move || job(Waiting::new(waiting), held)).await;
        done.unwrap_or_else(|error| Err(SourceError::Failed { url, why: error.to_string() }))
    }
}

pub(super) fn remove(folder: &Path, remote: &RemoteUrl) -> Result<(), SourceError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(remote, &error)),
        _ => Ok(()),
    }
}

pub(super) fn io(remote: &RemoteUrl, error: &std::io::Error) -> SourceError {
    let url = remote.to_string();
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SourceError::NoSpace { url },
        _ => SourceError::Failed { url, why: error.to_string() },
    }
}
