mod conformance;
mod damage;
mod durability;
mod format;
mod measure;
mod plans;
mod schema_1;
#[cfg(unix)]
mod snapshot;
mod writing;

use std::path::Path;

use rusqlite::Connection;

use crate::store::{SqliteStore, Store, StoreError};
use crate::testing::store_conformance::{append, appends, new_runs, record};

/// A runtime for tests that are mostly synchronous.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A store with one run and this many batches of two events each.
async fn filled(path: &Path, batches: u64) -> Result<SqliteStore, StoreError> {
    let store = SqliteStore::open(path)?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    for batch in 0..batches {
        store.commit(appends([append(1, batch * 2, 2)])).await?;
    }
    Ok(store)
}

/// The file as some other program sees it.
fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}
