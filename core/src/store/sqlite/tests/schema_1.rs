//! A data directory of schema 1 goes on.

use std::path::Path;

use super::{block_on, raw};
use crate::run::RunStatus;
use crate::store::{Position, RunFilter, SqliteStore, Store, StoreError};
use crate::testing::store_conformance::{append, appends, assert_events, digest, moment, run_id};

/// A database as it was written before there was schema 2: with its log.
fn old(path: &Path) {
    let db = raw(path);
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    db.execute_batch(include_str!("schema_1.sql")).unwrap();
}

#[test]
fn it_is_brought_up_to_date_with_all_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    old(&path);
    let error = SqliteStore::open_read_only(&path).unwrap_err();
    assert!(matches!(error, StoreError::OlderFormat { found: 1, known: 3, .. }), "{error:?}");
    let store = SqliteStore::open(&path).unwrap();
    block_on(async {
        store.check().await.unwrap();
        let listings = store.list(&RunFilter::default()).await.unwrap();
        let told: Vec<_> = listings
            .iter()
            .map(|run| (run.id, run.number, run.pipeline.as_str(), run.actor.as_str(), run.rerun_of, run.last.0))
            .collect();
        // A request whose actor is no text has none.
        let expected = [
            (run_id(3), 7, "größe 😀", "", None, 0),
            (run_id(2), 2, "web", "", Some(run_id(1)), 3),
            (run_id(1), 1, "web", "ana", None, 3),
        ];
        assert_eq!(told, expected);
        assert_eq!(listings[2].digest, digest(RunStatus::Failed, true));
        assert_eq!(listings[1].digest, digest(RunStatus::Running, false));
        assert_events(&store, 1, 3).await.unwrap();
        assert_events(&store, 2, 3).await.unwrap();
        for listing in &listings {
            let record = store.run(listing.id).await.unwrap().unwrap();
            assert_eq!((record.actor(), record.rerun_of), (listing.actor.as_str(), listing.rerun_of));
        }
        let ana = RunFilter { actor: Some("ana".to_owned()), ..RunFilter::default() };
        assert_eq!(store.list(&ana).await.unwrap(), listings[2..]);
        assert_eq!(store.setting("origin").await.unwrap().as_deref(), Some("42"));
        assert_eq!((store.last_number("web").await.unwrap(), store.last_version("web").await.unwrap()), (2, 0));
        assert_eq!(store.committed(Position(0), 10).await.unwrap().len(), 6);
        assert_eq!(store.newest().await.unwrap(), Position(6));
        store.commit(appends([append(2, 3, 1)])).await.unwrap();
        assert_eq!(store.newest().await.unwrap(), Position(7));
    });
    drop(store);
    block_on(assert_events(&SqliteStore::open(&path).unwrap(), 2, 4)).unwrap();
}

#[test]
fn what_is_damaged_in_it_keeps_nobody_from_the_rest() {
    for change in [
        "UPDATE runs SET created_elapsed = 7 WHERE number = 1",
        "UPDATE documents SET request = '{' WHERE run = 1",
        "DELETE FROM documents WHERE run = 1",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.db");
        old(&path);
        raw(&path).execute_batch(change).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        block_on(async {
            let error = store.run(run_id(1)).await.unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error:?}");
            let listing = store.listing(run_id(2)).await.unwrap().unwrap();
            assert_eq!((listing.rerun_of, listing.created), (Some(run_id(1)), moment(2)), "{change}");
            assert_events(&store, 2, 3).await.unwrap();
        });
    }
}
