//! What [`Store`] promises, one function for each sentence.
//!
//! A store of your own passes when all of them return `Ok`: implement [`StoreFactory`] and let
//! [`store_conformance_tests!`](crate::store_conformance_tests) write one test for each.

mod samples;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

pub use self::samples::*;
use crate::run::{RunEnd, RunEvent, RunId, RunStatus, Seq};
use crate::store::{Append, Batch, RunFilter, RunRecord, Stamped, Store, StoreError};

/// Makes stores for these tests.
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// A new, empty store.
    async fn create(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Closes the store and opens what it kept; `None` when it keeps nothing.
    async fn reopen(&self, store: Arc<dyn Store>) -> Result<Option<Arc<dyn Store>>, StoreError>;
}

/// Writes a test for each promise of [`Store`](crate::store::Store). Give it an expression that makes a factory.
#[macro_export]
macro_rules! store_conformance_tests {
    ($factory:expr) => {
        $crate::store_conformance_tests!(@each $factory;
            events_come_back_in_order, stale_writes_are_refused, a_batch_is_all_or_nothing, events_need_a_run,
            ids_and_numbers_are_unique, numbers_are_counted, everything_is_there_after_reopening,
            unfinished_runs_are_found, listings_are_filtered, listings_have_pages, ids_are_found_by_prefix,
            settings_are_kept, commits_at_the_same_time_all_count, large_events_are_kept, any_text_is_kept,
            what_is_not_there_is_not_found
        );
    };
    (@each $factory:expr; $($name:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let checked = $crate::testing::store_conformance::$name(&$factory).await;
            assert!(checked.is_ok(), "{}", checked.unwrap_err());
        }
    )*};
}

/// Events are read as they were written: in order, after any number, at most as many as asked for.
pub async fn events_come_back_in_order(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1), record(2, "a", 2)])).await?;
    store.commit(appends([append(1, 0, 3)])).await?;
    store.commit(appends([append(2, 0, 2), append(1, 3, 4), append(1, 7, 1)])).await?;
    assert_events(&*store, 1, 8).await?;
    assert_events(&*store, 2, 2).await?;
    let page = store.read(run_id(1), Seq(2), 3).await?;
    assert_eq!(page.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(store.read(run_id(1), Seq(8), 10).await?.is_empty());
    assert!(store.read(run_id(1), Seq(100), 10).await?.is_empty());
    assert!(store.read(run_id(1), Seq::ZERO, 0).await?.is_empty());
    Ok(())
}

/// Whoever does not know the newest event is refused, and nothing is written.
pub async fn stale_writes_are_refused(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    store.commit(appends([append(1, 0, 3)])).await?;
    for expected in [0, 2, 4] {
        match store.commit(appends([append(1, expected, 1)])).await {
            Err(StoreError::Stale { run, expected: told, found }) => {
                assert_eq!((run, told, found), (run_id(1), Seq(expected), Seq(3)));
            }
            other => assert_eq!(format!("{other:?}"), "a stale write that is refused"),
        }
    }
    assert_events(&*store, 1, 3).await?;
    store.commit(appends([append(1, 3, 1)])).await?;
    assert_events(&*store, 1, 4).await
}

/// One refused part refuses the batch: no run, no event of any run, no digest, no setting is written.
pub async fn a_batch_is_all_or_nothing(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1), record(2, "a", 2)])).await?;
    store.commit(appends([append(1, 0, 2)])).await?;
    let running = Append { digest: Some(digest(RunStatus::Running, false)), ..append(2, 0, 2) };
    let batch = Batch {
        settings: vec![("origin".to_owned(), "wrong".to_owned())],
        appends: vec![running, append(3, 0, 1), append(1, 1, 1)],
        ..new_runs([record(3, "a", 3)])
    };
    let refused = store.commit(batch).await;
    assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    assert_events(&*store, 1, 2).await?;
    assert_events(&*store, 2, 0).await?;
    assert_eq!(store.run(run_id(3)).await?, None);
    assert_eq!(store.last_number("a").await?, 2);
    assert_eq!(store.setting("origin").await?, None);
    let listing = store.listing(run_id(2)).await?.ok_or(StoreError::NoSuchRun { run: run_id(2) })?;
    assert_eq!((listing.digest.status, listing.last), (RunStatus::Queued, Seq::ZERO));
    Ok(())
}

/// Events are kept only for runs that are there.
pub async fn events_need_a_run(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let refused = store.commit(appends([append(1, 0, 1)])).await;
    assert!(matches!(refused, Err(StoreError::NoSuchRun { run }) if run == run_id(1)), "{refused:?}");
    let refused = store.read(run_id(1), Seq::ZERO, 10).await;
    assert!(matches!(refused, Err(StoreError::NoSuchRun { .. })), "{refused:?}");
    Ok(())
}

/// No id and no number of a pipeline is taken twice, neither by two batches nor in one.
pub async fn ids_and_numbers_are_unique(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    let twice = [
        new_runs([record(1, "a", 2)]),
        new_runs([record(2, "a", 1)]),
        new_runs([record(3, "a", 3), record(3, "a", 4)]),
        new_runs([record(4, "a", 4), record(5, "a", 4)]),
    ];
    for batch in twice {
        let refused = store.commit(batch).await;
        assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
    }
    store.commit(new_runs([record(6, "b", 1)])).await?;
    assert_eq!(store.list(&RunFilter::default()).await?.len(), 2);
    assert_eq!(store.last_number("a").await?, 1);
    Ok(())
}

/// Runs are found by their number, and each pipeline knows its highest one.
pub async fn numbers_are_counted(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    assert_eq!(store.last_number("a").await?, 0);
    store.commit(new_runs([record(1, "a", 1), record(2, "b", 1), record(3, "a", 7), record(4, "a", 3)])).await?;
    assert_eq!((store.last_number("a").await?, store.last_number("b").await?), (7, 1));
    assert_eq!(store.last_number("A").await?, 0);
    assert_eq!(store.numbered("a", 7).await?, Some(run_id(3)));
    assert_eq!(store.numbered("b", 1).await?, Some(run_id(2)));
    assert_eq!(store.numbered("b", 2).await?, None);
    assert_eq!(store.numbered("a", u64::MAX).await?, None);
    Ok(())
}

/// Everything that was committed is there when the store is opened again.
pub async fn everything_is_there_after_reopening(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1), record(2, "b", 1)])).await?;
    let done = Append { digest: Some(digest(RunStatus::Failed, true)), ..append(1, 0, 5) };
    let settings = vec![("origin".to_owned(), "42".to_owned())];
    store.commit(Batch { settings, ..appends([done]) }).await?;
    let before = store.list(&RunFilter::default()).await?;
    let Some(store) = factory.reopen(store).await? else { return Ok(()) };
    assert_eq!(store.list(&RunFilter::default()).await?, before);
    assert_eq!(store.run(run_id(2)).await?, Some(record(2, "b", 1)));
    assert_events(&*store, 1, 5).await?;
    assert_eq!(store.setting("origin").await?.as_deref(), Some("42"));
    assert_eq!(store.last_number("a").await?, 1);
    assert_eq!(store.unfinished().await?.len(), 1);
    store.commit(appends([append(1, 5, 1)])).await?;
    assert_events(&*store, 1, 6).await
}

/// What an engine has to take up: runs that are not final, and final ones that are not released; oldest first.
pub async fn unfinished_runs_are_found(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=6).map(|id| record(id, "a", id)))).await?;
    let states = [
        (1, RunStatus::Running, false),
        (2, RunStatus::Succeeded, false),
        (3, RunStatus::Succeeded, true),
        (4, RunStatus::Cancelled, true),
        (5, RunStatus::TimedOut, false),
    ];
    for (run, status, released) in states {
        let change = Append { digest: Some(digest(status, released)), ..append(run, 0, 1) };
        store.commit(appends([change])).await?;
    }
    let found = store.unfinished().await?;
    assert_eq!(found.iter().map(|run| run.id).collect::<Vec<_>>(), [1, 2, 5, 6].map(run_id));
    assert_eq!(found[1].digest, digest(RunStatus::Succeeded, false));
    let released = Append { digest: Some(digest(RunStatus::TimedOut, true)), ..append(5, 1, 0) };
    store.commit(appends([released])).await?;
    assert_eq!(store.unfinished().await?.len(), 3);
    Ok(())
}

/// Listings show the runs of a pipeline, of states, or of both, with all that they tell.
pub async fn listings_are_filtered(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1), record(2, "b", 1), record(3, "a", 2), record(4, "a", 3)])).await?;
    for (run, status) in [(1, RunStatus::Failed), (2, RunStatus::Failed), (3, RunStatus::Running)] {
        store.commit(appends([Append { digest: Some(digest(status, false)), ..append(run, 0, 2) }])).await?;
    }
    let cases: [(Option<&str>, &[RunStatus], &[u64]); 7] = [
        (None, &[], &[4, 3, 2, 1]),
        (Some("a"), &[], &[4, 3, 1]),
        (None, &[RunStatus::Failed], &[2, 1]),
        (Some("a"), &[RunStatus::Failed], &[1]),
        (Some("a"), &[RunStatus::Failed, RunStatus::Queued, RunStatus::Failed], &[4, 1]),
        (Some("c"), &[], &[]),
        (None, &[RunStatus::TimedOut], &[]),
    ];
    for (pipeline, status, expected) in cases {
        let filter =
            RunFilter { pipeline: pipeline.map(str::to_owned), status: status.to_vec(), ..RunFilter::default() };
        let found: Vec<RunId> = store.list(&filter).await?.iter().map(|run| run.id).collect();
        assert_eq!(found, expected.iter().copied().map(run_id).collect::<Vec<_>>(), "{filter:?}");
    }
    let listing = store.listing(run_id(3)).await?.ok_or(StoreError::NoSuchRun { run: run_id(3) })?;
    assert_eq!((listing.number, listing.pipeline.as_str(), listing.trigger.as_str()), (2, "a", "schedule"));
    assert_eq!((listing.created, listing.last), (moment(3), Seq(2)));
    assert_eq!(listing.digest, digest(RunStatus::Running, false));
    Ok(())
}

/// Pages follow one another without gap or double; without a limit they have 50 runs.
pub async fn listings_have_pages(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=120).map(|id| record(id, if id % 3 == 0 { "b" } else { "a" }, id)))).await?;
    assert_eq!(store.list(&RunFilter::default()).await?.len(), RunFilter::DEFAULT_LIMIT);
    let mut filter = RunFilter { pipeline: Some("a".to_owned()), limit: 7, ..RunFilter::default() };
    let mut found = Vec::new();
    loop {
        let page = store.list(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id);
        found.extend(page.iter().map(|run| run.number));
    }
    assert_eq!(found, (1..=120).rev().filter(|id| id % 3 != 0).collect::<Vec<_>>());
    Ok(())
}

/// The beginning of an id is enough, with or without dashes and in any case.
pub async fn ids_are_found_by_prefix(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs([0xab01, 0xab02, 0xcd01].map(|id| record(id, "a", id)))).await?;
    let (one, two, three) = (run_id(0xab01), run_id(0xab02), run_id(0xcd01));
    let text = one.to_string();
    assert_eq!(store.find("", 10).await?, [three, two, one]);
    assert_eq!(store.find("", 2).await?, [three, two]);
    assert_eq!(store.find(&text[..12], 10).await?, [two, one]);
    assert_eq!(store.find(&text[..13], 10).await?, [one]);
    assert_eq!(store.find(&text.replace('-', "")[..12].to_uppercase(), 10).await?, [one]);
    assert_eq!(store.find(&text, 10).await?, [one]);
    for nothing in ["ffff", "a-b", "0000-", "%", "'", "g", "ä", &format!("{text}0")] {
        assert_eq!(store.find(nothing, 10).await?, [], "{nothing}");
    }
    Ok(())
}

/// Settings are read as they were written last.
pub async fn settings_are_kept(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    assert_eq!(store.setting("origin").await?, None);
    for value in ["one", "", "zwei\u{0}\n"] {
        let settings = vec![("origin".to_owned(), value.to_owned()), ("other".to_owned(), "x".to_owned())];
        store.commit(Batch { settings, ..Batch::default() }).await?;
        assert_eq!(store.setting("origin").await?.as_deref(), Some(value));
    }
    store.commit(Batch::default()).await?;
    assert_eq!(store.setting("other").await?.as_deref(), Some("x"));
    Ok(())
}

/// Many commits at once are all kept; of two for the same place in a run one is refused, and only that one.
pub async fn commits_at_the_same_time_all_count(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    const RUNS: u64 = 16;
    const COMMITS: u64 = 10;
    let store = factory.create().await?;
    store.commit(new_runs((1..=RUNS).map(|id| record(id, "a", id)))).await?;
    // Two writers for each run, both of which want to write every batch.
    let writers = (0..2 * RUNS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut refused = 0;
            for batch in 0..COMMITS {
                match store.commit(appends([append(writer / 2 + 1, batch * 2, 2)])).await {
                    Ok(()) => {}
                    Err(StoreError::Stale { .. }) => refused += 1,
                    Err(other) => return Err(other),
                }
                tokio::task::yield_now().await;
            }
            Ok(refused)
        })
    });
    let mut refused = 0;
    for writer in futures::future::join_all(writers).await {
        refused +=
            writer.map_err(|error| StoreError::Io { doing: "a writer".to_owned(), why: error.to_string() })??;
    }
    let mut written = 0;
    for run in 1..=RUNS {
        let listing = store.listing(run_id(run)).await?.ok_or(StoreError::NoSuchRun { run: run_id(run) })?;
        assert_events(&*store, run, listing.last.0).await?;
        written += listing.last.0 / 2;
    }
    assert_eq!(written + refused, 2 * RUNS * COMMITS);
    Ok(())
}

/// An event of 1 MiB is kept, and a definition of that size.
pub async fn large_events_are_kept(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let large: String = ('a'..='z').cycle().take(1 << 20).collect();
    let run = RunRecord { definition: json!({"script": large}), ..record(1, "a", 1) };
    store.commit(new_runs([run.clone()])).await?;
    let reason = RunEvent::CancelRequested { by: "me".to_owned(), reason: large };
    let stamped = Stamped { at: moment(1), event: reason.clone() };
    let events = vec![stamped.clone(), stamped];
    store.commit(appends([Append { run: run_id(1), expected: Seq::ZERO, events, digest: None }])).await?;
    assert_eq!(store.run(run_id(1)).await?, Some(run));
    let found = store.read(run_id(1), Seq(1), 10).await?;
    assert_eq!(found.len(), 1);
    assert!(found[0].event == reason, "the event is not as it was written");
    Ok(())
}

/// Text of any script, quotes and control characters are kept as they are, in names and in events.
pub async fn any_text_is_kept(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let texts = ["Größe 😀", "'; DROP TABLE runs; --", "\u{0}\u{1}\u{202e}\n\r\t\"\\", "日本語", "%_*?"];
    for (id, text) in (1..).zip(texts) {
        let run = record(id, text, 1);
        store.commit(new_runs([run.clone()])).await?;
        let event = RunEvent::CancelRequested { by: text.to_owned(), reason: text.to_owned() };
        let events = vec![Stamped { at: moment(1), event: event.clone() }];
        store.commit(appends([Append { run: run.id, expected: Seq::ZERO, events, digest: None }])).await?;
        assert_eq!(store.read(run.id, Seq::ZERO, 1).await?[0].event, event);
        assert_eq!(store.numbered(text, 1).await?, Some(run.id));
        let filter = RunFilter { pipeline: Some(text.to_owned()), ..RunFilter::default() };
        assert_eq!(store.list(&filter).await?.len(), 1);
        assert_eq!(store.run(run.id).await?, Some(run));
    }
    let finished = RunEvent::RunFinished { state: RunEnd::Succeeded, duration_ms: u64::MAX, cause: None };
    let events = vec![Stamped { at: moment(2), event: finished.clone() }];
    store.commit(appends([Append { run: run_id(1), expected: Seq(1), events, digest: None }])).await?;
    assert_eq!(store.read(run_id(1), Seq(1), 1).await?[0].event, finished);
    Ok(())
}

/// Asking for what is not there is no error.
pub async fn what_is_not_there_is_not_found(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    assert_eq!(store.run(run_id(1)).await?, None);
    assert_eq!(store.listing(run_id(1)).await?, None);
    assert_eq!(store.list(&RunFilter::default()).await?, []);
    assert_eq!(store.unfinished().await?, []);
    assert_eq!(store.numbered("a", 1).await?, None);
    Ok(())
}
