//! Which runs are listed and found.

use super::StoreFactory;
use super::samples::*;
use crate::run::{RunId, RunStatus, Seq};
use crate::store::{Append, RunFilter, RunRecord, StoreError};

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

/// A listing tells what started a run, who, and which run it repeats.
pub async fn listings_tell_who_started_a_run(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let again = RunRecord { rerun_of: Some(run_id(1)), ..started_by(record(3, "a", 2), "manual", "Zoë") };
    store.commit(new_runs([started_by(record(1, "a", 1), "push", ""), again])).await?;
    store.commit(appends([ended(3, 0, 1)])).await?;
    let listings = store.list(&RunFilter::default()).await?;
    let told: Vec<_> = listings.iter().map(|run| (run.trigger.as_str(), run.actor.as_str(), run.rerun_of)).collect();
    assert_eq!(told, [("manual", "Zoë", Some(run_id(1))), ("push", "", None)]);
    assert_eq!(store.listing(run_id(3)).await?.as_ref(), listings.first());
    Ok(())
}

/// Whatever conditions are combined, a listing has the runs that meet all of them, newest first, one page of them.
pub async fn every_filter_takes_what_it_says(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let actors = ["ana", "", "bob", "Ana"];
    let some = |id: u64| {
        let pipeline = if id.is_multiple_of(2) { "a" } else { "b" };
        let kind = if id.is_multiple_of(3) { "manual" } else { "schedule" };
        started_by(record(id, pipeline, id), kind, actors[(id % 4) as usize])
    };
    store.commit(new_runs((1..=36).map(some))).await?;
    store.commit(appends((1..=36).step_by(5).map(|run| ended(run, 0, 1)))).await?;
    let all = store.list(&RunFilter { limit: 1000, ..RunFilter::default() }).await?;
    assert_eq!(all.len(), 36);
    for filter in filters() {
        let wanted = all.iter().filter(|run| filter.takes(run) && filter.before.is_none_or(|before| run.id < before));
        let wanted: Vec<_> = wanted.take(filter.page()).map(|run| run.id).collect();
        let found: Vec<_> = store.list(&filter).await?.iter().map(|run| run.id).collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
    let since = RunFilter { since: Some(moment(36).wall), ..RunFilter::default() };
    assert_eq!(store.list(&since).await?.len(), 1, "a run made at the moment itself is taken");
    let until = RunFilter { until: Some(moment(1).wall), ..RunFilter::default() };
    assert_eq!(store.list(&until).await?, [], "a run made at the moment itself is not taken");
    Ok(())
}

/// Each condition, with each of the others.
fn filters() -> Vec<RunFilter> {
    let mut filters = vec![RunFilter { limit: 4, ..RunFilter::default() }];
    let mut cross = |change: &dyn Fn(&mut RunFilter)| {
        let mut changed = filters.clone();
        changed.iter_mut().for_each(change);
        filters.extend(changed);
    };
    cross(&|filter| filter.pipeline = Some("a".to_owned()));
    cross(&|filter| filter.status = vec![RunStatus::Succeeded]);
    cross(&|filter| filter.status.push(RunStatus::Queued));
    cross(&|filter| filter.trigger = Some("manual".to_owned()));
    cross(&|filter| filter.actor = Some("ana".to_owned()));
    cross(&|filter| filter.actor = Some(String::new()));
    cross(&|filter| filter.since = Some(moment(7).wall));
    cross(&|filter| filter.until = Some(moment(30).wall));
    cross(&|filter| filter.before = Some(run_id(29)));
    filters
}

/// Records of several runs come in the order in which they are asked for, without those that are not there.
pub async fn records_come_as_they_are_asked_for(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=5).map(|id| record(id, "a", id)))).await?;
    let found = store.records(&[4, 9, 1, 5, 4].map(run_id)).await?;
    assert_eq!(found, [4, 1, 5, 4].map(|id| record(id, "a", id)));
    assert_eq!(store.records(&[]).await?, []);
    Ok(())
}
