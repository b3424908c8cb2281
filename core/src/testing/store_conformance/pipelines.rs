//! Pipelines and their definitions.

use super::StoreFactory;
use super::samples::*;
use crate::run::RunStatus;
use crate::store::{PipelineChange, PipelineFilter, PipelineRecord, Store, StoreError};

use PipelineChange::{Create, Update};

fn set_active(name: &str, active: bool) -> PipelineChange {
    PipelineChange::SetActive { name: name.to_owned(), active }
}

fn delete(name: &str) -> PipelineChange {
    PipelineChange::Delete { name: name.to_owned() }
}

/// A pipeline as [`version`] makes it.
fn as_made(name: &str, number: u64, active: bool) -> PipelineRecord {
    let newest = version(name, number);
    PipelineRecord {
        name: newest.name,
        version: number,
        active,
        definition: newest.definition,
        created: moment(1),
        changed: newest.at,
        changed_by: newest.by,
    }
}

/// A pipeline is made active, has the newest definition, can be switched off and on, and goes. Another definition leaves it
/// switched off.
pub async fn pipelines_are_made_changed_and_deleted(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let steps = [
        (Create(version("web", 1)), Some(as_made("web", 1, true))),
        (Update(version("web", 2)), Some(as_made("web", 2, true))),
        (set_active("web", false), Some(as_made("web", 2, false))),
        (set_active("web", false), Some(as_made("web", 2, false))),
        (Update(version("web", 3)), Some(as_made("web", 3, false))),
        (set_active("web", true), Some(as_made("web", 3, true))),
        (delete("web"), None),
    ];
    for (change, expected) in steps {
        store.commit(pipeline_changes([change.clone()])).await?;
        assert_eq!(store.pipeline("web").await?, expected, "{change:?}");
    }
    for change in [Update(version("web", 4)), set_active("web", true), delete("web")] {
        let refused = store.commit(pipeline_changes([change])).await;
        assert!(matches!(&refused, Err(StoreError::NoSuchPipeline { name }) if name == "web"), "{refused:?}");
    }
    Ok(())
}

/// A name is refused as long as there is a pipeline of that name, whether it can be run or not.
pub async fn a_name_is_taken_once(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(pipeline_changes([Create(version("web", 1))])).await?;
    for active in [true, false] {
        store.commit(pipeline_changes([set_active("web", active)])).await?;
        for number in [1, 2] {
            let refused = store.commit(pipeline_changes([Create(version("web", number))])).await;
            assert!(matches!(&refused, Err(StoreError::PipelineExists { name }) if name == "web"), "{refused:?}");
        }
    }
    store.commit(pipeline_changes([Create(version("Web", 1))])).await?;
    assert_eq!(store.pipelines(&PipelineFilter::default()).await?.len(), 2);
    Ok(())
}

/// Of two editors of the same version the second is refused, and told the version that is there.
pub async fn the_second_editor_is_told(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(pipeline_changes([Create(version("web", 1)), Update(version("web", 2))])).await?;
    store.commit(pipeline_changes([Update(version("web", 3))])).await?;
    for number in [1, 2, 3, 5] {
        match store.commit(pipeline_changes([Update(version("web", number))])).await {
            Err(StoreError::StaleVersion { pipeline, expected, found }) => {
                assert_eq!((pipeline.as_str(), expected, found), ("web", number - 1, 3));
            }
            other => assert_eq!(format!("{other:?}"), "a stale version that is refused"),
        }
    }
    assert_eq!(store.pipeline("web").await?, Some(as_made("web", 3, true)));
    Ok(())
}

/// A pipeline that is made again goes on counting where the deleted one ended, and has no part of its history.
pub async fn versions_go_on_after_a_deletion(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    assert_eq!(store.last_version("web").await?, 0);
    store.commit(pipeline_changes([Create(version("web", 1)), Update(version("web", 2)), delete("web")])).await?;
    assert_eq!(store.last_version("web").await?, 2);
    assert_eq!(store.history("web", None, 10).await?, []);
    assert_eq!(store.version("web", 2).await?, None);
    let refused = store.commit(pipeline_changes([Create(version("web", 1))])).await;
    assert!(matches!(refused, Err(StoreError::StaleVersion { expected: 0, found: 2, .. })), "{refused:?}");
    store.commit(pipeline_changes([Create(version("web", 3))])).await?;
    let made = store.pipeline("web").await?;
    assert_eq!(made.map(|made| (made.version, made.created, made.active)), Some((3, moment(3), true)));
    assert_eq!(store.history("web", None, 10).await?, [version("web", 3)]);
    Ok(())
}

/// Pipelines are listed in the order of their names by code point, active ones, others or all, in pages.
pub async fn pipelines_are_listed_by_name(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let names = ["Z", "a", "a ", "a-b", "ab", "z", "Ä", "ä", "日本", "😀"];
    let mut shuffled = names.to_vec();
    shuffled.sort_by_key(|name| std::cmp::Reverse(name.len()));
    store.commit(pipeline_changes(shuffled.iter().map(|name| Create(version(name, 1))))).await?;
    store.commit(pipeline_changes([set_active("ab", false), set_active("日本", false)])).await?;
    let listed = async |filter: PipelineFilter| -> Result<Vec<String>, StoreError> {
        Ok(store.pipelines(&filter).await?.into_iter().map(|pipeline| pipeline.name).collect())
    };
    assert_eq!(listed(PipelineFilter::default()).await?, names);
    let off = PipelineFilter { active: Some(false), ..PipelineFilter::default() };
    assert_eq!(listed(off.clone()).await?, ["ab", "日本"]);
    assert_eq!(listed(PipelineFilter { after: Some("ab".to_owned()), ..off }).await?, ["日本"]);
    let page = |after: &str| PipelineFilter { active: Some(true), after: Some(after.to_owned()), limit: 3 };
    assert_eq!(listed(page("a")).await?, ["a ", "a-b", "z"]);
    assert_eq!(listed(page("ab")).await?, ["z", "Ä", "ä"]);
    assert_eq!(listed(page("😀")).await?, Vec::<String>::new());
    let (listing, record) = (&store.pipelines(&page("Y")).await?[0], store.pipeline("Z").await?);
    assert_eq!(Some((listing.version, listing.created, listing.changed, &listing.changed_by)), {
        record.as_ref().map(|record| (record.version, record.created, record.changed, &record.changed_by))
    });
    fifty_without_a_limit(&*store).await
}

async fn fifty_without_a_limit(store: &dyn Store) -> Result<(), StoreError> {
    store.commit(pipeline_changes((0..50).map(|number| Create(version(&format!("more {number}"), 1))))).await?;
    assert_eq!(store.pipelines(&PipelineFilter::default()).await?.len(), 50);
    Ok(())
}

/// The definitions that a pipeline had are listed newest first, in pages, and each is found by its version.
pub async fn definitions_have_a_history(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(pipeline_changes([Create(version("web", 1)), Create(version("other", 1))])).await?;
    store.commit(pipeline_changes((2..=7).map(|number| Update(version("web", number))))).await?;
    let history = async |before, limit| -> Result<Vec<u64>, StoreError> {
        Ok(store.history("web", before, limit).await?.iter().map(|version| version.version).collect())
    };
    assert_eq!(history(None, 100).await?, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(history(None, 2).await?, [7, 6]);
    assert_eq!(history(Some(6), 3).await?, [5, 4, 3]);
    assert_eq!(history(Some(3), 3).await?, [2, 1]);
    assert_eq!(history(Some(1), 3).await?, [0; 0]);
    assert_eq!(history(Some(u64::MAX), 1).await?, [7]);
    assert_eq!(history(None, 0).await?, [0; 0]);
    assert_eq!(store.history("none", None, 10).await?, []);
    for number in 1..=7 {
        assert_eq!(store.version("web", number).await?, Some(version("web", number)));
    }
    for missing in [0, 8, u64::MAX] {
        assert_eq!(store.version("web", missing).await?, None);
    }
    assert_eq!((store.last_version("web").await?, store.last_version("other").await?), (7, 1));
    Ok(())
}

/// Each change of a batch sees the ones before it.
pub async fn changes_of_a_batch_follow_one_another(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let all = [Create(version("web", 1)), Update(version("web", 2)), delete("web"), Create(version("web", 3))];
    store.commit(pipeline_changes(all)).await?;
    assert_eq!(store.pipeline("web").await?.map(|made| made.version), Some(3));
    let twice = store.commit(pipeline_changes([Update(version("web", 4)), Update(version("web", 4))])).await;
    assert!(matches!(twice, Err(StoreError::StaleVersion { expected: 3, found: 4, .. })), "{twice:?}");
    let gone = store.commit(pipeline_changes([delete("web"), set_active("web", true)])).await;
    assert!(matches!(gone, Err(StoreError::NoSuchPipeline { .. })), "{gone:?}");
    let made = store.commit(pipeline_changes([Create(version("new", 1)), Create(version("new", 2))])).await;
    assert!(matches!(made, Err(StoreError::PipelineExists { .. })), "{made:?}");
    assert_eq!(store.pipelines(&PipelineFilter::default()).await?.len(), 1);
    Ok(())
}

/// When a pipeline goes, its runs stay and their numbers go on.
pub async fn runs_outlive_their_pipeline(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(pipeline_changes([Create(version("a", 1))])).await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    store.commit(appends([append(1, 0, 3)])).await?;
    store.commit(pipeline_changes([delete("a")])).await?;
    assert_events(&*store, 1, 3).await?;
    assert_eq!(store.run(run_id(1)).await?, Some(record(1, "a", 1)));
    assert_eq!((store.last_number("a").await?, store.last_version("a").await?), (1, 1));
    let listing = store.listing(run_id(1)).await?;
    assert_eq!(listing.map(|listing| listing.digest.status), Some(RunStatus::Queued));
    Ok(())
}
