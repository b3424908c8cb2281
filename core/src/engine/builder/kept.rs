//! What an engine goes on with: the store of its data directory, and the clock.

use std::sync::Arc;

use crate::clock::{SavedClock, SharedClock, SystemClock};
use crate::engine::core::CLOCK_SETTING;
use crate::error::Result;
#[cfg(not(feature = "sqlite"))]
use crate::error::{Error, ErrorKind};
use crate::store::{Batch, DataDir, Store};

#[cfg(feature = "sqlite")]
pub(crate) fn open_store(data_dir: &DataDir) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(crate::store::SqliteStore::open(data_dir.db())?))
}

#[cfg(not(feature = "sqlite"))]
pub(crate) fn open_store(_data_dir: &DataDir) -> Result<Arc<dyn Store>> {
    let message = "this build has no store on disk: build it with the feature `sqlite`, or give the engine a store";
    Err(Error::new(ErrorKind::Unsupported, "noStore", "open", message))
}

/// The machine's clock, going on where the data directory left it.
pub(crate) async fn system_clock(store: &dyn Store) -> Result<SharedClock> {
    let saved = store.setting(CLOCK_SETTING).await?.and_then(|text| text.parse::<SavedClock>().ok());
    let before = saved.as_ref().and_then(|saved| saved.boot_id.clone());
    let clock = SystemClock::resume(saved);
    let now = clock.saved();
    // In the same boot what is kept says the same for ever, and every write at the opening costs the first step its time.
    if now.boot_id.is_none() || now.boot_id != before {
        let setting = (CLOCK_SETTING.to_owned(), now.to_string());
        store.commit(Batch { settings: vec![setting], ..Batch::default() }).await?;
    }
    Ok(Arc::new(clock))
}
