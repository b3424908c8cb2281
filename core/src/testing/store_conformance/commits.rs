//! What a commit keeps and what it refuses.

use std::sync::Arc;

use serde_json::json;

use super::StoreFactory;
use super::samples::*;
use crate::run::{RunEnd, RunEvent, RunStatus, Seq};
use crate::store::{
    Append, AuditFilter, Batch, KeptWorkspace, PipelineChange, PipelineFilter, PipelineRecord, PipelineVersion,
    Position, Positioned, RunFilter, RunListing, RunRecord, Stamped, Store, StoreError,
};

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
    store.commit(everything()).await?;
    store.commit(pipeline_changes([PipelineChange::Update(version("web", 2))])).await?;
    let before = Portrait::of(&*store).await?;
    let Some(store) = factory.reopen(store).await? else { return Ok(()) };
    assert_eq!(Portrait::of(&*store).await?, before);
    assert_eq!(store.run(run_id(2)).await?, Some(record(2, "b", 1)));
    assert_events(&*store, 1, 5).await?;
    assert_eq!(store.last_number("a").await?, 1);
    assert_eq!(store.last_version("web").await?, 2);
    assert_eq!(store.unfinished().await?.len(), 1);
    store.commit(appends([append(1, 5, 1)])).await?;
    assert_events(&*store, 1, 6).await
}

/// A batch with every part that a batch can have, for an empty store.
fn everything() -> Batch {
    let done = Append { digest: Some(digest(RunStatus::Failed, true)), ..append(1, 0, 5) };
    Batch {
        appends: vec![done, append(2, 0, 2)],
        settings: vec![("origin".to_owned(), "42".to_owned())],
        pipelines: vec![PipelineChange::Create(version("web", 1))],
        keep: vec![kept(1, 100)],
        audit: vec![updated("ana", "web", 1)],
        ..new_runs([record(1, "a", 1), record(2, "b", 1)])
    }
}

/// What a store shows of itself.
#[derive(Debug, PartialEq)]
struct Portrait {
    runs: Vec<RunListing>,
    setting: Option<String>,
    pipeline: Option<PipelineRecord>,
    history: Vec<PipelineVersion>,
    kept: Vec<KeptWorkspace>,
    committed: Vec<Positioned>,
    newest: Position,
}

impl Portrait {
    async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            runs: store.list(&RunFilter::default()).await?,
            setting: store.setting("origin").await?,
            pipeline: store.pipeline("web").await?,
            history: store.history("web", None, usize::MAX).await?,
            kept: store.kept().await?,
            committed: store.committed(Position(0), usize::MAX).await?,
            newest: store.newest().await?,
        })
    }
}

/// Whatever a batch is refused for, none of its parts is written.
pub async fn no_part_of_a_refused_batch_is_written(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(everything()).await?;
    let before = Portrait::of(&*store).await?;
    let good = || Batch {
        appends: vec![append(1, 5, 1)],
        settings: vec![("origin".to_owned(), "wrong".to_owned())],
        pipelines: vec![PipelineChange::Update(version("web", 2))],
        keep: vec![kept(2, 200)],
        unkeep: vec![run_id(1)],
        deletes: vec![run_id(1)],
        audit: vec![updated("eve", "web", 2)],
        ..new_runs([record(3, "c", 1)])
    };
    let absent = PipelineChange::Delete { name: "none".to_owned() };
    let refused = [
        Batch { runs: new_runs([record(3, "c", 1), record(1, "c", 2)]).runs, ..good() },
        Batch { appends: vec![append(1, 5, 1), append(2, 1, 1)], ..good() },
        Batch { appends: vec![append(1, 5, 1), append(9, 0, 1)], ..good() },
        Batch { pipelines: vec![PipelineChange::Update(version("web", 2)), absent], ..good() },
        Batch { keep: vec![kept(2, 200), kept(9, 200)], ..good() },
        Batch { unkeep: vec![run_id(1), run_id(1)], ..good() },
        Batch { deletes: vec![run_id(1), run_id(2)], ..good() },
    ];
    for (at, batch) in refused.into_iter().enumerate() {
        assert!(store.commit(batch).await.is_err(), "batch {at}");
        assert_eq!(Portrait::of(&*store).await?, before, "batch {at}");
        assert_eq!((store.last_number("c").await?, store.last_version("web").await?), (0, 1), "batch {at}");
    }
    store.commit(good()).await
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
    assert_eq!(store.records(&[run_id(1)]).await?, []);
    assert_eq!(store.pipeline("a").await?, None);
    assert_eq!(store.pipelines(&PipelineFilter::default()).await?, []);
    assert_eq!(store.history("a", None, 10).await?, []);
    assert_eq!(store.version("a", 1).await?, None);
    assert_eq!(store.last_version("a").await?, 0);
    assert_eq!(store.audit(&AuditFilter::default()).await?, []);
    assert_eq!(store.committed(Position(0), 10).await?, []);
    assert_eq!(store.newest().await?, Position(0));
    assert_eq!(store.kept().await?, []);
    Ok(())
}
