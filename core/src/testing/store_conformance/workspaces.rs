//! Kept workspaces.

use super::StoreFactory;
use super::samples::*;
use crate::store::{Batch, KeptWorkspace, StoreError};

fn keep(workspaces: impl IntoIterator<Item = KeptWorkspace>) -> Batch {
    Batch { keep: workspaces.into_iter().collect(), ..Batch::default() }
}

fn unkeep(runs: impl IntoIterator<Item = u64>) -> Batch {
    Batch { unkeep: runs.into_iter().map(run_id).collect(), ..Batch::default() }
}

/// Kept workspaces are listed in the order in which their time is up. One that is kept again has what was said last.
pub async fn workspaces_are_kept_in_the_order_of_their_ends(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=4).map(|id| record(id, "a", id)))).await?;
    store.commit(keep([kept(3, 300), kept(1, 200)])).await?;
    store.commit(keep([kept(4, 100), kept(2, 250)])).await?;
    assert_eq!(store.kept().await?, [kept(4, 100), kept(1, 200), kept(2, 250), kept(3, 300)]);
    let other = KeptWorkspace { executor: "größe".to_owned(), generation: u32::MAX, ..kept(4, 260) };
    store.commit(keep([other.clone()])).await?;
    assert_eq!(store.kept().await?, [kept(1, 200), kept(2, 250), other, kept(3, 300)]);
    let refused = store.commit(keep([kept(9, 1)])).await;
    assert!(matches!(refused, Err(StoreError::NoSuchRun { run }) if run == run_id(9)), "{refused:?}");
    Ok(())
}

/// A workspace is kept no longer once that is said, and that cannot be said of one that is not kept.
pub async fn workspaces_are_kept_no_longer(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    store.commit(new_runs((1..=2).map(|id| record(id, "a", id)))).await?;
    store.commit(keep([kept(1, 100), kept(2, 200)])).await?;
    store.commit(unkeep([1])).await?;
    assert_eq!(store.kept().await?, [kept(2, 200)]);
    for not_kept in [unkeep([1]), unkeep([9]), unkeep([2, 2])] {
        let refused = store.commit(not_kept).await;
        assert!(matches!(refused, Err(StoreError::NotKept { .. })), "{refused:?}");
    }
    store.commit(Batch { unkeep: vec![run_id(1)], ..keep([kept(1, 50)]) }).await?;
    assert_eq!(store.kept().await?, [kept(2, 200)]);
    Ok(())
}
