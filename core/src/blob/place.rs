//! Where objects are kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use super::BlobError;
use super::begun::{Begun, Writing};
use super::upload::GivenUp;

/// Where caches and artifacts are kept: by default the folder `blobs` of the data directory.
///
/// ```
/// use std::sync::Arc;
/// use windlass::blob::{BlobStore, object_store::memory::InMemory};
///
/// let builder = windlass::Engine::builder().blobs(BlobStore::new(Arc::new(InMemory::new())));
/// ```
#[derive(Clone)]
pub struct BlobStore {
    place: Place,
    /// What is being written now.
    begun: Arc<Begun>,
    given_up: Arc<GivenUp>,
    /// Whether nothing is ever removed, as in tests of pipelines.
    keeps_all: bool,
}

#[derive(Clone)]
enum Place {
    /// A folder, made with the first object.
    Folder(PathBuf, Arc<OnceLock<Arc<dyn ObjectStore>>>),
    Given(Arc<dyn ObjectStore>),
}

impl BlobStore {
    /// Keeps objects in a store of the embedder's. No other engine may use it: each one needs a bucket or a prefix of its own.
    /// It is not in backups.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self::at(Place::Given(store))
    }

    /// The same below a prefix, such as `ci/windlass`.
    pub fn below(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self::new(Arc::new(PrefixStore::new(store, Path::from(prefix))))
    }

    /// Keeps objects as files of a folder, which is made with the first one.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Folder(path.into(), Arc::default()))
    }

    fn at(place: Place) -> Self {
        Self { place, begun: Arc::default(), given_up: Arc::default(), keeps_all: false }
    }

    /// A folder from which nothing is removed: in a test of a pipeline, days pass in milliseconds, and what a task left can be looked
    /// at all the same.
    pub(crate) fn keeping_all(path: impl Into<PathBuf>) -> Self {
        Self { keeps_all: true, ..Self::folder(path) }
    }

    pub(super) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Says that an object is being written, until what is returned is dropped.
    pub(super) fn writing(&self, name: &str) -> Writing {
        self.begun.writing(name)
    }

    pub(super) fn given_up(&self) -> Arc<GivenUp> {
        self.given_up.clone()
    }

    /// Returns once everything that was sent of uploads that were given up is removed.
    pub(crate) async fn settled(&self) {
        self.given_up.settled().await;
    }

    /// Whether it is a folder, which answers at once or never.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.place, Place::Folder(..))
    }

    /// Removes what a crash left of objects that were being written. A folder only: what is left in a bucket has no name there.
    pub(crate) fn remove_unfinished(&self) -> std::io::Result<usize> {
        match &self.place {
            Place::Folder(path, _) => self.begun.remove_others(path),
            Place::Given(_) => Ok(0),
        }
    }

    /// The store, for writing.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, BlobError> {
        let (path, opened) = match &self.place {
            Place::Given(store) => return Ok(store.clone()),
            Place::Folder(path, opened) => (path, opened),
        };
        if let Some(store) = opened.get() {
            return Ok(store.clone());
        }
        let doing = || format!("opening the folder {}", path.display());
        std::fs::create_dir_all(path).map_err(|error| BlobError::of_pack(doing(), error.into()))?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| BlobError::of_store(doing(), &error))?;
        // What an event speaks of is on the disk before the event is.
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        Ok(opened.get_or_init(|| Arc::new(store)).clone())
    }

    /// The store, for reading; `None` when nothing was ever kept.
    pub(super) fn open_existing(&self) -> Result<Option<Arc<dyn ObjectStore>>, BlobError> {
        match &self.place {
            Place::Folder(path, opened) if opened.get().is_none() && !path.is_dir() => Ok(None),
            _ => self.open().map(Some),
        }
    }
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(path, _) => write!(f, "BlobStore({})", path.display()),
            Place::Given(store) => write!(f, "BlobStore({store})"),
        }
    }
}
