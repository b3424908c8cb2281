//! Runs that go.

use std::sync::Arc;

use super::StoreFactory;
use super::samples::*;
use crate::run::{RunStatus, Seq};
use crate::store::{Append, Batch, Position, RunFilter, StoreError};

/// A deleted run is gone with its events, its definition and its kept workspace. Other runs stay as they are, and the
/// highest number of the pipeline is still known.
pub async fn deleted_runs_are_gone(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1), record(2, "a", 2), record(3, "a", 3)])).await?;
    store.commit(appends([append(1, 0, 2), ended(3, 0, 3), append(2, 0, 2), ended(1, 2, 2)])).await?;
    store.commit(Batch { keep: vec![kept(1, 10), kept(2, 20), kept(3, 30)], ..Batch::default() }).await?;
    let others = store.listing(run_id(2)).await?;
    store.commit(deletes([1, 3])).await?;
    for gone in [1, 3] {
        let refused = store.read(run_id(gone), Seq::ZERO, 10).await;
        assert!(matches!(refused, Err(StoreError::NoSuchRun { run }) if run == run_id(gone)), "{refused:?}");
        let refused = store.commit(appends([append(gone, 4, 1)])).await;
        assert!(matches!(refused, Err(StoreError::NoSuchRun { .. })), "{refused:?}");
        assert_eq!(store.run(run_id(gone)).await?, None);
        assert_eq!(store.listing(run_id(gone)).await?, None);
        assert_eq!(store.numbered("a", gone).await?, None);
        assert_eq!(store.find(&run_id(gone).to_string(), 10).await?, []);
    }
    assert_eq!(store.last_number("a").await?, 3);
    assert_eq!(store.numbered("a", 2).await?, Some(run_id(2)));
    assert_eq!(store.listing(run_id(2)).await?, others);
    assert_eq!(store.list(&RunFilter::default()).await?.len(), 1);
    assert_eq!(store.committed(Position(0), 100).await?.len(), 2);
    assert_eq!(store.kept().await?, [kept(2, 20)]);
    assert_events(&*store, 2, 2).await?;
    store.commit(new_runs([record(4, "a", 4)])).await?;
    store.commit(appends([append(4, 0, 1)])).await?;
    assert_events(&*store, 4, 1).await
}

/// Runs that go on, that are not released, or that are not there are not deleted, and then nothing of the batch is.
pub async fn only_finished_runs_are_deleted(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=4).map(|id| record(id, "a", id)))).await?;
    let change = |run, status, released| Append { digest: Some(digest(status, released)), ..append(run, 0, 1) };
    let states = [change(2, RunStatus::Running, false), change(3, RunStatus::Failed, false), ended(4, 0, 1)];
    store.commit(appends(states)).await?;
    for unfinished in [1, 2, 3] {
        let refused = store.commit(deletes([4, unfinished])).await;
        let run = run_id(unfinished);
        assert!(matches!(refused, Err(StoreError::Unfinished { run: told }) if told == run), "{refused:?}");
    }
    for missing in [deletes([4, 9]), deletes([4, 4])] {
        let refused = store.commit(missing).await;
        assert!(matches!(refused, Err(StoreError::NoSuchRun { .. })), "{refused:?}");
    }
    assert_events(&*store, 4, 1).await?;
    store.commit(deletes([4])).await?;
    assert_eq!(store.list(&RunFilter::default()).await?.len(), 3);
    Ok(())
}

/// Deleting comes last in a batch: it may end, or even make, what it deletes.
pub async fn a_batch_may_end_the_run_that_it_deletes(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    store.commit(appends([append(1, 0, 2)])).await?;
    let batch = Batch { keep: vec![kept(1, 10)], audit: vec![cancelled("ana", "a", 1)], ..deletes([1]) };
    store.commit(Batch { appends: vec![ended(1, 2, 1)], ..batch }).await?;
    assert_eq!(store.listing(run_id(1)).await?, None);
    assert_eq!(store.kept().await?, []);
    assert_eq!(store.committed(Position(0), 10).await?.len(), 1, "the change is still told");
    store
        .commit(Batch {
            appends: vec![ended(2, 0, 1)],
            ..Batch { deletes: vec![run_id(2)], ..new_runs([record(2, "a", 2)]) }
        })
        .await?;
    assert_eq!(store.list(&RunFilter::default()).await?, []);
    assert_eq!(store.last_number("a").await?, 2);
    Ok(())
}

/// Whoever reads while runs are deleted gets a run whole or not at all.
pub async fn readers_see_a_run_whole_or_not_at_all(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    const RUNS: u64 = 60;
    let store = factory.create().await?;
    store.commit(new_runs((1..=RUNS).map(|id| record(id, "a", id)))).await?;
    store.commit(appends((1..=RUNS).map(|run| ended(run, 0, 20)))).await?;
    let deleting = Arc::clone(&store);
    let deleting = tokio::spawn(async move {
        for run in 1..=RUNS {
            deleting.commit(deletes([run])).await?;
        }
        Ok::<_, StoreError>(())
    });
    let all: Vec<_> = (1..=RUNS).map(run_id).collect();
    while !store.list(&RunFilter::default()).await?.is_empty() {
        for record in store.records(&all).await? {
            assert_eq!(record.pipeline, "a");
            match store.read(record.id, Seq::ZERO, 100).await {
                Ok(events) => assert_eq!(events.len(), 20),
                Err(StoreError::NoSuchRun { .. }) => break,
                Err(other) => return Err(other),
            }
        }
        let events = store.committed(Position(0), usize::MAX).await?;
        assert!(events.len().is_multiple_of(20), "{} events", events.len());
    }
    deleting.await.map_err(|error| StoreError::Io { doing: "deleting".to_owned(), why: error.to_string() })?
}
