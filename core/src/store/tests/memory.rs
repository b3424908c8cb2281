use std::sync::Arc;

use async_trait::async_trait;

use crate::store::{MemoryStore, Store, StoreError};
use crate::testing::store_conformance::StoreFactory;

struct InMemory;

#[async_trait]
impl StoreFactory for InMemory {
    async fn create(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(MemoryStore::new()))
    }

    async fn reopen(&self, _store: Arc<dyn Store>) -> Result<Option<Arc<dyn Store>>, StoreError> {
        Ok(None)
    }
}

crate::store_conformance_tests!(InMemory);
