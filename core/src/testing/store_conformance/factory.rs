//! Where the stores come from, and the list of all tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::store::{Store, StoreError};

/// Makes stores for these tests.
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// A new, empty store.
    async fn create(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Closes the store and opens what it kept; `None` when it keeps nothing.
    async fn reopen(&self, store: Arc<dyn Store>) -> Result<Option<Arc<dyn Store>>, StoreError>;

    /// Where a snapshot may be written: a path with nothing there. `None`, the default, for stores that are not on disk.
    fn snapshot_path(&self) -> Option<PathBuf> {
        None
    }

    /// Opens a snapshot. Only called with what [`snapshot_path`](Self::snapshot_path) gave.
    async fn open(&self, path: &Path) -> Result<Arc<dyn Store>, StoreError> {
        let why = "this factory knows no snapshots".to_owned();
        Err(StoreError::Io { doing: format!("opening {}", path.display()), why })
    }
}

/// Writes a test for each promise of [`Store`](crate::store::Store). Give it an expression that makes a factory.
#[macro_export]
macro_rules! store_conformance_tests {
    ($factory:expr) => {
        $crate::store_conformance_tests!(@each $factory;
            events_come_back_in_order, stale_writes_are_refused, a_batch_is_all_or_nothing, events_need_a_run,
            ids_and_numbers_are_unique, numbers_are_counted, everything_is_there_after_reopening,
            settings_are_kept, commits_at_the_same_time_all_count, large_events_are_kept, any_text_is_kept,
            what_is_not_there_is_not_found, no_part_of_a_refused_batch_is_written,
            unfinished_runs_are_found, listings_are_filtered, listings_have_pages, ids_are_found_by_prefix,
            listings_tell_who_started_a_run, every_filter_takes_what_it_says, records_come_as_they_are_asked_for,
            pipelines_are_made_changed_and_deleted, a_name_is_taken_once, the_second_editor_is_told,
            versions_go_on_after_a_deletion, pipelines_are_listed_by_name, definitions_have_a_history,
            changes_of_a_batch_follow_one_another, runs_outlive_their_pipeline,
            everything_committed_has_its_place, places_are_never_used_twice, pages_of_what_was_committed_fit_together,
            who_follows_misses_nothing,
            the_audit_trail_is_newest_first, every_audit_filter_takes_what_it_says, every_kind_of_change_is_kept,
            deleted_runs_are_gone, only_finished_runs_are_deleted, a_batch_may_end_the_run_that_it_deletes,
            readers_see_a_run_whole_or_not_at_all,
            workspaces_are_kept_in_the_order_of_their_ends, workspaces_are_kept_no_longer,
            credentials_are_set_and_removed, credentials_of_a_run_go_with_it,
            snapshots_hold_one_moment, snapshots_take_nobodys_place
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
