//! Snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::StoreFactory;
use super::samples::*;
use crate::run::Seq;
use crate::store::{Position, Store, StoreError};

/// A snapshot has everything that was committed before it was asked for, whole commits only, and can be gone on with.
/// Others write while it is made.
pub async fn snapshots_hold_one_moment(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let Some(path) = factory.snapshot_path() else { return not_on_disk(&*store).await };
    store.commit(new_runs([record(1, "a", 1), record(2, "a", 2)])).await?;
    store.commit(appends([append(1, 0, 50), append(2, 0, 50)])).await?;
    let ended = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_on(Arc::clone(&store), Arc::clone(&ended)));
    let made = store.snapshot(&path).await;
    ended.store(true, Ordering::SeqCst);
    writer.await.map_err(|error| StoreError::Io { doing: "a writer".to_owned(), why: error.to_string() })??;
    made?;
    let copy = factory.open(&path).await?;
    let last = copy.listing(run_id(1)).await?.map_or(0, |listing| listing.last.0);
    assert!(last >= 50);
    assert_events(&*copy, 1, last).await?;
    assert_events(&*copy, 2, last).await?;
    let there = copy.committed(Position(0), usize::MAX).await?;
    assert_eq!(store.committed(Position(0), there.len()).await?, there);
    assert_eq!(copy.run(run_id(1)).await?, store.run(run_id(1)).await?);
    copy.commit(appends([append(1, last, 1)])).await?;
    assert_eq!(copy.read(run_id(1), Seq(last), 10).await?.len(), 1);
    copy.close().await
}

/// Commits to two runs together until somebody says so.
async fn write_on(store: Arc<dyn Store>, ended: Arc<AtomicBool>) -> Result<(), StoreError> {
    let mut last = 50;
    while !ended.load(Ordering::SeqCst) {
        store.commit(appends([append(1, last, 2), append(2, last, 2)])).await?;
        last += 2;
    }
    Ok(())
}

async fn not_on_disk(store: &dyn Store) -> Result<(), StoreError> {
    let refused = store.snapshot(std::path::Path::new("nowhere")).await;
    assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
    Ok(())
}

/// Nothing that stands at the path is written over.
pub async fn snapshots_take_nobodys_place(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let Some(path) = factory.snapshot_path() else { return not_on_disk(&*store).await };
    store.snapshot(&path).await?;
    let io = |error: std::io::Error| StoreError::Io { doing: "reading a snapshot".to_owned(), why: error.to_string() };
    let before = std::fs::read(&path).map_err(io)?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    let refused = store.snapshot(&path).await;
    assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
    assert!(std::fs::read(&path).map_err(io)? == before);
    Ok(())
}
