use std::fs;
use std::path::Path;

use proptest::test_runner::{Config, TestRng, TestRunner};
use rand::RngExt;

use super::{block_on, filled, raw};
use crate::run::{Seq, Sequenced};
use crate::store::{
    Batch, PipelineChange, PipelineFilter, Position, RunFilter, RunRecord, SqliteStore, Store, StoreError,
};
use crate::testing::store_conformance::{assert_events, event, kept, record, run_id, updated, version};

#[test]
fn a_torn_tail_loses_only_whole_batches_that_were_never_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 0)).unwrap();
    let mut lengths = Vec::new();
    let wal = folder.path().join("windlass.db-wal");
    block_on(async {
        for batch in 0..12 {
            store.commit(super::appends([super::append(1, batch * 2, 2)])).await.unwrap();
            lengths.push(fs::metadata(&wal).unwrap().len());
        }
    });
    let (database, log) = (fs::read(&path).unwrap(), fs::read(&wal).unwrap());
    drop(store);
    assert_eq!(log.len() as u64, *lengths.last().unwrap());

    let first = lengths[0];
    let cuts = (first..=log.len() as u64).step_by(997).chain(lengths.iter().flat_map(|end| [end - 1, *end]));
    for cut in cuts.filter(|cut| *cut >= first) {
        let torn = tempfile::tempdir().unwrap();
        let path = torn.path().join("windlass.db");
        fs::write(&path, &database).unwrap();
        fs::write(torn.path().join("windlass.db-wal"), &log[..cut as usize]).unwrap();
        let complete = lengths.iter().filter(|end| **end <= cut).count() as u64;
        let store = SqliteStore::open(&path).unwrap();
        block_on(async {
            assert_events(&store, 1, complete * 2).await.unwrap();
            store.commit(super::appends([super::append(1, complete * 2, 2)])).await.unwrap();
            store.check().await.unwrap();
        });
    }
}

/// What a reader gets: the right thing, or an error that names the damage.
async fn look(path: &Path) -> Result<(Vec<Sequenced>, Option<RunRecord>), StoreError> {
    let store = SqliteStore::open(path)?;
    store.unfinished().await?;
    store.list(&RunFilter::default()).await?;
    Ok((store.read(run_id(1), Seq::ZERO, 1000).await?, store.run(run_id(1)).await?))
}

#[test]
fn flipped_bits_are_told_and_never_shown_as_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    drop(block_on(filled(&path, 40)).unwrap());
    let whole = fs::read(&path).unwrap();
    let mut random = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let (mut told, mut unharmed) = (0, 0);
    for case in 0..400 {
        let mut damaged = whole.clone();
        for _ in 0..=case % 3 {
            let at = random.rng().random_range(0..damaged.len());
            damaged[at] ^= 1 << random.rng().random_range(0..8);
        }
        fs::write(&path, &damaged).unwrap();
        for companion in ["windlass.db-wal", "windlass.db-shm"] {
            let _ = fs::remove_file(folder.path().join(companion));
        }
        match block_on(look(&path)) {
            Ok((events, run)) => {
                unharmed += 1;
                assert_eq!(events.len(), 80, "case {case}");
                for (found, number) in events.iter().zip(1..) {
                    assert_eq!(
                        (found.seq, found.at, &found.event),
                        (Seq(number), event(number).at, &event(number).event)
                    );
                }
                assert_eq!(run, Some(record(1, "a", 1)), "case {case}");
            }
            // An index that leads nowhere looks as if there were no such run.
            Err(StoreError::Damaged { .. } | StoreError::NoSuchRun { .. } | StoreError::NewerFormat { .. }) => {
                told += 1
            }
            Err(StoreError::Io { why, .. }) => {
                told += 1;
                println!("case {case}: {why}");
            }
            Err(other) => panic!("case {case}: {other:?}"),
        }
    }
    println!("{told} told, {unharmed} without harm");
    assert!(told > 20 && unharmed > 20, "{told} told, {unharmed} without harm");
}

#[test]
fn values_that_were_changed_behind_its_back_are_damage() {
    let changes = [
        "UPDATE events SET body = replace(body, 'unit', 'unut') WHERE seq = 3",
        "UPDATE events SET wall = wall + 1 WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
        "DELETE FROM events WHERE seq = 8",
        "UPDATE events SET seq = 30 WHERE seq = 3",
        "UPDATE events SET elapsed = -1 WHERE seq = 3",
        "UPDATE runs SET last_seq = 7",
        "UPDATE runs SET status = 'odd'",
        "UPDATE runs SET created_elapsed = 3",
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.db");
        let store = block_on(filled(&path, 4)).unwrap();
        raw(&path).execute_batch(change).unwrap();
        let error = block_on(store.read(run_id(1), Seq::ZERO, 100)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error:?}");
        assert!(error.to_string().contains(&run_id(1).to_string()) || change.contains("-1"), "{change}: {error}");
    }
}

#[test]
fn a_changed_definition_is_damage() {
    for change in ["UPDATE documents SET request = '{}'", "DELETE FROM documents"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.db");
        let store = block_on(filled(&path, 1)).unwrap();
        raw(&path).execute_batch(change).unwrap();
        let error = block_on(store.run(run_id(1))).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn a_database_cut_off_in_the_middle_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    drop(block_on(filled(&path, 40)).unwrap());
    let whole = fs::read(&path).unwrap();
    for length in [100, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = block_on(look(&path)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{length}: {error:?}");
    }
}

#[test]
fn pipelines_changes_and_workspaces_that_were_changed_behind_its_back_are_damage() {
    let cases = [
        ("UPDATE pipelines SET active = 0", "pipeline"),
        ("UPDATE pipelines SET changed_by = 'eve'", "pipeline"),
        ("UPDATE versions SET definition = '{}'", "version 1"),
        ("UPDATE versions SET saved_by = 'eve'", "version 1"),
        ("DELETE FROM versions", "version 1"),
        ("UPDATE audit SET actor = 'eve'", "audit trail"),
        ("UPDATE audit SET change = replace(change, '1', '2')", "audit trail"),
        ("UPDATE audit SET pipeline = NULL", "audit trail"),
        ("UPDATE kept SET until = until + 1", "workspace"),
        ("UPDATE kept SET executor = 'other'", "workspace"),
        ("UPDATE runs SET actor = 'eve'", "run"),
        ("UPDATE runs SET rerun_of = id", "run"),
        ("UPDATE events SET body = replace(body, 'unit', 'unut')", "event 1"),
    ];
    for (change, word) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.db");
        let store = block_on(filled(&path, 1)).unwrap();
        let all = Batch {
            pipelines: vec![PipelineChange::Create(version("web", 1))],
            audit: vec![updated("ana", "web", 1)],
            keep: vec![kept(1, 5)],
            ..Batch::default()
        };
        block_on(store.commit(all)).unwrap();
        block_on(look_at_all(&store)).unwrap();
        raw(&path).execute_batch(change).unwrap();
        let error = block_on(look_at_all(&store)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error:?}");
        assert!(error.to_string().contains(word), "{change}: {error}");
    }
}

async fn look_at_all(store: &SqliteStore) -> Result<(), StoreError> {
    store.pipelines(&PipelineFilter::default()).await?;
    store.pipeline("web").await?;
    store.history("web", None, 10).await?;
    store.committed(Position(0), 10).await?;
    store.kept().await.map(|_| ())
}
