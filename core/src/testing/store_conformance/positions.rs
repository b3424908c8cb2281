//! The order of everything that was committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::StoreFactory;
use super::samples::*;
use crate::run::RunId;
use crate::store::{Batch, LogEntry, Position, Positioned, Store, StoreError};

/// An entry in short: the number of its run and its own, or who made the change.
fn short(entry: &Positioned) -> String {
    match &entry.entry {
        LogEntry::Event(event, pipeline) => {
            let run = event.run.get().as_u128() >> 80;
            assert_eq!(event.event, super::samples::event(event.seq.0).event);
            format!("{pipeline}/{run}/{}", event.seq)
        }
        LogEntry::Change(entry) => entry.by.clone(),
    }
}

/// Events of all runs and changes have rising places in the order of their commits, in a batch in the order in which they
/// stand there, changes last. Events come with the name of their run's pipeline.
pub async fn everything_committed_has_its_place(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    assert_eq!(store.newest().await?, Position(0));
    store.commit(new_runs([record(1, "a", 1), record(2, "b", 1)])).await?;
    assert_eq!(store.newest().await?, Position(0), "a run without events has no place");
    store.commit(appends([append(2, 0, 1)])).await?;
    let mixed = appends([append(1, 0, 2), append(2, 1, 1), append(1, 2, 1)]);
    store.commit(Batch { audit: vec![updated("ana", "a", 1), updated("bob", "a", 2)], ..mixed }).await?;
    store.commit(audited([cancelled("eve", "b", 2)])).await?;
    store.commit(appends([append(2, 2, 1)])).await?;
    let all = store.committed(Position(0), 100).await?;
    let told: Vec<_> = all.iter().map(short).collect();
    assert_eq!(told, ["b/2/1", "a/1/1", "a/1/2", "b/2/2", "a/1/3", "ana", "bob", "eve", "b/2/3"]);
    assert!(all.is_sorted_by(|one, two| one.position < two.position));
    assert!(all[0].position > Position(0));
    assert_eq!(all.last().map(|last| last.position), Some(store.newest().await?));
    let LogEntry::Event(event, _) = &all[1].entry else { return Err(StoreError::NoSuchRun { run: run_id(1) }) };
    assert_eq!(event.at, moment(1));
    Ok(())
}

/// Pages of what was committed follow one another without gap or double, whatever mix of events and changes they have.
pub async fn pages_of_what_was_committed_fit_together(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    let mut last = 0;
    for round in 0..12 {
        let (events, changes) = ([5, 0, 1, 9][round % 4], [0, 6, 2][round % 3]);
        let audit = (0..changes).map(|number| updated("ana", "a", number)).collect();
        store.commit(Batch { audit, ..appends([append(1, last, events)]) }).await?;
        last += events;
    }
    let all = store.committed(Position(0), usize::MAX).await?;
    assert_eq!(all.len() as u64, last + 32);
    for page in [1, 2, 3, 7, 50] {
        assert_eq!(all_committed(&*store, Position(0), page).await?, all, "pages of {page}");
    }
    for (at, entry) in all.iter().enumerate() {
        assert_eq!(
            store.committed(entry.position, 4).await?,
            all[at + 1..].iter().take(4).cloned().collect::<Vec<_>>()
        );
    }
    assert_eq!(store.committed(Position(0), 0).await?, []);
    assert_eq!(store.committed(Position(u64::MAX), 10).await?, []);
    Ok(())
}

/// A place that was given out is never given out again: not after the newest things are deleted, and not after the store is
/// opened again.
pub async fn places_are_never_used_twice(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let mut store = factory.create().await?;
    let mut highest = Position(0);
    for run in 1..=4 {
        store.commit(new_runs([record(run, "a", run)])).await?;
        store.commit(appends([ended(run, 0, 5)])).await?;
        let entries = store.committed(highest, 100).await?;
        assert_eq!(entries.len(), 5, "run {run} got places above all that were used before");
        highest = entries[4].position;
        store.commit(deletes([run])).await?;
        assert_eq!(store.committed(Position(0), 100).await?, []);
        assert!(store.newest().await? >= highest);
        if run.is_multiple_of(2) {
            let Some(opened) = factory.reopen(store).await? else { return Ok(()) };
            store = opened;
            assert!(store.newest().await? >= highest);
        }
    }
    store.commit(audited([updated("ana", "a", 1)])).await?;
    assert!(store.committed(highest, 1).await?[0].position > highest);
    Ok(())
}

/// Who reads on from the last place, while others write, gets everything, in the order of its places.
pub async fn who_follows_misses_nothing(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    const WRITERS: u64 = 8;
    const COMMITS: u64 = 30;
    let store = factory.create().await?;
    store.commit(new_runs((1..=WRITERS).map(|id| record(id, "a", id)))).await?;
    let writing = Arc::new(AtomicUsize::new(WRITERS as usize));
    let writers = (1..=WRITERS).map(|run| {
        let (store, writing) = (Arc::clone(&store), Arc::clone(&writing));
        tokio::spawn(async move {
            let mut written = Ok(());
            for commit in 0..COMMITS {
                let batch = Batch { audit: vec![cancelled("ana", "a", run)], ..appends([append(run, commit * 2, 2)]) };
                written = written.and(store.commit(batch).await);
                tokio::task::yield_now().await;
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            written
        })
    });
    let writers: Vec<_> = writers.collect();
    let followed = follow(&*store, &writing).await?;
    for writer in writers {
        writer.await.map_err(|error| StoreError::Io { doing: "a writer".to_owned(), why: error.to_string() })??;
    }
    assert_eq!(followed.len() as u64, WRITERS * COMMITS * 3);
    let all = store.committed(Position(0), usize::MAX).await?;
    assert!(followed == all, "what was read on the way is not what is there in the end");
    for run in (1..=WRITERS).map(run_id) {
        let seqs: Vec<_> = followed.iter().filter_map(|entry| seq_of(entry, run)).collect();
        assert_eq!(seqs, (1..=COMMITS * 2).collect::<Vec<_>>());
    }
    Ok(())
}

fn seq_of(entry: &Positioned, run: RunId) -> Option<u64> {
    match &entry.entry {
        LogEntry::Event(event, _) if event.run == run => Some(event.seq.0),
        _ => None,
    }
}

/// Reads on from the last place until nobody writes any more and nothing is left.
async fn follow(store: &dyn Store, writing: &AtomicUsize) -> Result<Vec<Positioned>, StoreError> {
    let (mut followed, mut after) = (Vec::new(), Position(0));
    loop {
        let ended = writing.load(Ordering::SeqCst) == 0;
        let page = store.committed(after, 7).await?;
        match page.last() {
            Some(last) => after = last.position,
            None if ended => return Ok(followed),
            None => tokio::task::yield_now().await,
        }
        followed.extend(page);
    }
}
