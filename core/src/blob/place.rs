//! Where objects are kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use super::BlobError;

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
        Self { place: Place::Given(store) }
    }

    /// The same below a prefix, such as `ci/windlass`.
    pub fn below(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self::new(Arc::new(PrefixStore::new(store, Path::from(prefix))))
    }

    /// Keeps objects as files of a folder, which is made with the first one.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Folder(path.into(), Arc::default()) }
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
