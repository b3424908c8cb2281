//! How much is written.

use super::{block_on, filled, raw};
use crate::store::{Batch, SqliteStore, Store};
use crate::testing::store_conformance::{
    append, appends, audited, deletes, ended, kept, new_runs, record, run_id, updated,
};

/// A page in the log, with its header.
const FRAME: u64 = 4096 + 24;

#[test]
fn a_commit_of_events_writes_three_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 1)).unwrap();
    let log = || std::fs::metadata(folder.path().join("windlass.db-wal")).unwrap().len();
    let before = log();
    block_on(async {
        for commit in 0..60 {
            store.commit(appends([append(1, 2 + commit, 1)])).await.unwrap();
        }
    });
    // The run, the event, its place in the index of its run; and now and then a page is full and becomes two.
    let pages = (log() - before) / FRAME;
    assert!((180..=190).contains(&pages), "{pages} pages for 60 commits");
}

#[test]
fn a_deleted_run_leaves_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 5)).unwrap();
    block_on(async {
        store.commit(new_runs([record(2, "a", 2)])).await.unwrap();
        store.commit(Batch { keep: vec![kept(1, 5)], ..appends([ended(1, 10, 1), append(2, 0, 3)]) }).await.unwrap();
        store.commit(deletes([1])).await.unwrap();
    });
    let db = raw(&path);
    let count =
        |table: &str| -> i64 { db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    assert_eq!(["runs", "documents", "events", "kept"].map(count), [1, 1, 3, 0]);
}

#[test]
fn a_refused_commit_in_a_group_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 0)).unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    // While the writer is held up, all commits gather into one group.
    store.writer.as_ref().unwrap().with(move |_| assert!(held.recv().is_err()));
    let both = |expected| Batch { audit: vec![updated("ana", "a", expected)], ..appends([append(1, expected, 2)]) };
    block_on(async {
        let commits = futures::future::join_all([both(0), both(7), both(2)].map(|batch| store.commit(batch)));
        let release = async { drop(hold) };
        let (results, ()) = futures::future::join(commits, release).await;
        assert!(matches!(results[..], [Ok(()), Err(_), Ok(())]), "{results:?}");
        let all = store.committed(crate::store::Position(0), 10).await.unwrap();
        assert_eq!(all.len(), 6);
        assert!(all.is_sorted_by(|one, two| one.position < two.position));
    });
}

#[test]
fn places_go_on_after_a_failed_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 1)).unwrap();
    let writer = store.writer.as_ref().unwrap();
    block_on(async {
        writer.with(|db| db.execute_batch("PRAGMA query_only = ON").unwrap());
        store.commit(appends([append(1, 2, 5)])).await.unwrap_err();
        writer.with(|db| db.execute_batch("PRAGMA query_only = OFF").unwrap());
        store.commit(audited([updated("ana", "a", 1)])).await.unwrap();
        store.commit(appends([append(1, 2, 1)])).await.unwrap();
        let all = store.committed(crate::store::Position(0), 10).await.unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all.last().map(|last| last.position), Some(store.newest().await.unwrap()));
    });
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(block_on(store.listing(run_id(1))).unwrap().unwrap().last.0, 3);
}
