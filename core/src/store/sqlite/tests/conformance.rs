use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::store::{SqliteStore, Store, StoreError};
use crate::testing::store_conformance::StoreFactory;

struct OnDisk {
    folder: tempfile::TempDir,
}

impl OnDisk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("windlass.db")
    }
}

#[async_trait]
impl StoreFactory for OnDisk {
    async fn create(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(self.path())?))
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Result<Option<Arc<dyn Store>>, StoreError> {
        store.close().await?;
        drop(store);
        Ok(Some(Arc::new(SqliteStore::open(self.path())?)))
    }

    fn snapshot_path(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("snapshot.db"))
    }

    async fn open(&self, path: &Path) -> Result<Arc<dyn Store>, StoreError> {
        let store = SqliteStore::open(path)?;
        store.check().await?;
        Ok(Arc::new(store))
    }
}

crate::store_conformance_tests!(OnDisk::new());
