use std::io::Write;

use super::{block_on, filled};
use crate::run::{RunStatus, Seq};
use crate::store::tests::child::{self, Other};
use crate::store::{Append, SqliteStore, Store, StoreError};
use crate::testing::store_conformance::{append, appends, assert_events, digest, new_runs, record, run_id};

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let mut done = 0;
    for round in 1..=6 {
        let mut other = Other::start("store::sqlite::tests::durability::part_commits_without_end", folder.path());
        // Another moment in each round.
        for _ in 0..round * 7 {
            done = other.told("DONE").unwrap().parse().unwrap();
        }
        let rest = other.kill();
        let last = rest.iter().rev().find_map(|line| line.strip_prefix("DONE ")?.parse().ok());
        done = last.unwrap_or(done);
        // A reader comes first: the log of the killed process has to be taken up without writing.
        let reader = SqliteStore::open_read_only(&path).unwrap();
        block_on(async {
            let last = reader.listing(run_id(1)).await.unwrap().unwrap().last;
            assert!(last.0 >= done && last.0.is_multiple_of(2), "{last} of {done}");
            assert_events(&reader, 1, last.0).await.unwrap();
            assert_events(&reader, 2, last.0).await.unwrap();
        });
        drop(reader);
        let store = SqliteStore::open(&path).unwrap();
        block_on(async {
            let last = store.listing(run_id(1)).await.unwrap().unwrap().last;
            assert!(last.0 >= done);
            assert_events(&store, 2, last.0).await.unwrap();
            store.check().await.unwrap();
        });
    }
}

#[test]
#[ignore = "a part that another test starts as a process"]
fn part_commits_without_end() {
    let Some(folder) = child::folder() else { return };
    let store = SqliteStore::open(folder.join("windlass.db")).unwrap();
    block_on(async {
        if store.run(run_id(1)).await.unwrap().is_none() {
            store.commit(new_runs([record(1, "a", 1), record(2, "a", 2)])).await.unwrap();
        }
        let mut last = store.listing(run_id(1)).await.unwrap().unwrap().last.0;
        loop {
            store.commit(appends([append(1, last, 2), append(2, last, 2)])).await.unwrap();
            last += 2;
            // A line of its own, whatever the test harness has written.
            let mut out = std::io::stdout();
            writeln!(out, "\nDONE {last}").and_then(|()| out.flush()).unwrap();
        }
    });
}

#[test]
fn a_live_writer_in_another_process_is_read_beside() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start("store::sqlite::tests::durability::part_commits_without_end", folder.path());
    let done: u64 = other.told("DONE").unwrap().parse().unwrap();
    let reader = SqliteStore::open_read_only(folder.path().join("windlass.db")).unwrap();
    block_on(async {
        for _ in 0..20 {
            let last = reader.listing(run_id(1)).await.unwrap().unwrap().last;
            assert!(last.0 >= done);
            assert!(reader.read(run_id(2), Seq::ZERO, 1 << 20).await.unwrap().len() as u64 >= last.0);
        }
    });
    other.kill();
}

#[test]
fn a_full_disk_refuses_whole_batches_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 1)).unwrap();
    let writer = store.writer.as_ref().unwrap();
    // A limit of pages gives the same answer as a full disk.
    writer.with(|db| {
        let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        db.query_row(&format!("PRAGMA max_page_count = {}", pages + 2), [], |_| Ok(())).unwrap();
    });
    block_on(async {
        let mut last = 2;
        let full = loop {
            match store.commit(appends([append(1, last, 20)])).await {
                Ok(()) => last += 20,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
        assert_events(&store, 1, last).await.unwrap();
        let together = (0..5).map(|_| store.commit(appends([append(1, last, 20)])));
        for result in futures::future::join_all(together).await {
            assert!(matches!(result, Err(StoreError::Full { .. })), "{result:?}");
        }
        writer.with(|db| db.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap());
        store.commit(appends([append(1, last, 20)])).await.unwrap();
        assert_events(&store, 1, last + 20).await.unwrap();
        store.check().await.unwrap();
    });
}

#[test]
fn a_stale_commit_in_a_group_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 0)).unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    // While the writer is held up, all commits gather into one group.
    store.writer.as_ref().unwrap().with(move |_| assert!(held.recv().is_err()));
    block_on(async {
        let running = Append { digest: Some(digest(RunStatus::Running, false)), ..append(1, 0, 2) };
        let batches = [appends([running]), appends([append(1, 0, 3)]), appends([append(1, 2, 3)])];
        let commits = futures::future::join_all(batches.map(|batch| store.commit(batch)));
        let release = async { drop(hold) };
        let (results, ()) = futures::future::join(commits, release).await;
        assert!(matches!(results[..], [Ok(()), Err(StoreError::Stale { found: Seq(2), .. }), Ok(())]), "{results:?}");
        assert_events(&store, 1, 5).await.unwrap();
    });
}

#[test]
#[ignore = "needs a file system of a few MB, named in WINDLASS_SMALL_DISK, such as `mount -t tmpfs -o size=4m tmpfs DIR`"]
fn a_disk_that_is_really_full() {
    let Some(root) = std::env::var_os("WINDLASS_SMALL_DISK") else { return };
    let folder = tempfile::tempdir_in(root).unwrap();
    let ballast = folder.path().join("ballast");
    std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 1)).unwrap();
    block_on(async {
        let mut last = 2;
        let full = loop {
            match store.commit(appends([append(1, last, 500)])).await {
                Ok(()) => last += 500,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
        assert_events(&store, 1, last).await.unwrap();
        let error = crate::store::DataDir::open(folder.path().join("data")).and_then(|dir| SqliteStore::open(dir.db()));
        assert!(matches!(error, Err(StoreError::Full { .. })), "{error:?}");
        std::fs::remove_file(&ballast).unwrap();
        store.commit(appends([append(1, last, 500)])).await.unwrap();
        store.close().await.unwrap();
        let store = SqliteStore::open(&path).unwrap();
        assert_events(&store, 1, last + 500).await.unwrap();
        store.check().await.unwrap();
    });
}
