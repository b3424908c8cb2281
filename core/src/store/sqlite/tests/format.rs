use super::{block_on, filled, raw};
use crate::run::Seq;
use crate::store::sqlite::checksum;
use crate::store::sqlite::schema::take_steps;
use crate::store::sqlite::steps::Step;
use crate::store::{SqliteStore, Store, StoreError};
use crate::testing::store_conformance::{append, appends, assert_events, run_id};

#[test]
fn an_older_schema_takes_the_steps_that_it_misses() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = raw(&folder.path().join("windlass.db"));
    let steps: [Step; 3] = [
        |db| Ok(db.execute_batch("CREATE TABLE one (x)")?),
        |db| Ok(db.execute_batch("CREATE TABLE two (x)")?),
        |db| Ok(db.execute_batch("INSERT INTO two VALUES (1), (2)")?),
    ];
    take_steps(&mut db, 0, &steps[..1]).unwrap();
    take_steps(&mut db, 1, &steps).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM two", [], |row| row.get(0)).unwrap();
    assert_eq!((version, rows), (3, 2));
}

#[test]
fn a_step_that_fails_leaves_the_schema_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = raw(&folder.path().join("windlass.db"));
    let steps: [Step; 2] = [
        |db| Ok(db.execute_batch("CREATE TABLE one (x)")?),
        |db| Ok(db.execute_batch("CREATE TABLE two (x); nonsense")?),
    ];
    assert!(take_steps(&mut db, 0, &steps).is_err());
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!((version, tables), (1, 1));
}

#[test]
fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    drop(block_on(filled(&path, 1)).unwrap());
    raw(&path).pragma_update(None, "user_version", 4).unwrap();
    let before = std::fs::read(&path).unwrap();
    for result in [SqliteStore::open(&path), SqliteStore::open_read_only(&path)] {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 4, known: 3, .. }), "{error:?}");
    }
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn an_older_schema_is_not_read_without_being_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    raw(&path).execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let error = SqliteStore::open_read_only(&path).unwrap_err();
    assert!(matches!(error, StoreError::OlderFormat { found: 0, known: 3, .. }), "{error:?}");
}

#[test]
fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    raw(&path).execute_batch("CREATE TABLE mine (x)").unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    std::fs::write(&path, "not a database at all, but long enough to be one".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[test]
fn an_event_of_a_newer_version_is_told_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 2)).unwrap();
    let body = r#"{"type":"somethingNew","x":1}"#;
    let db = raw(&path);
    let (wall, elapsed): (i64, i64) = db
        .query_row("SELECT wall, elapsed FROM events WHERE seq = 3", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let crc = checksum::of_event(run_id(1), Seq(3), (wall, elapsed), body.as_bytes()).finish();
    db.execute("UPDATE events SET body = ?1, crc = ?2 WHERE seq = 3", rusqlite::params![body, crc]).unwrap();
    let error = block_on(store.read(run_id(1), Seq::ZERO, 10)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    for word in ["event 3", &run_id(1).to_string(), "somethingNew", "newer"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_reader_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let writer = block_on(filled(&path, 2)).unwrap();
    let reader = SqliteStore::open_read_only(&path).unwrap();
    block_on(async {
        let error = reader.commit(appends([append(1, 4, 1)])).await.unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
        assert_events(&reader, 1, 4).await.unwrap();
        writer.commit(appends([append(1, 4, 1)])).await.unwrap();
        assert_events(&reader, 1, 5).await.unwrap();
    });
}

#[test]
fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 1)).unwrap();
    block_on(async {
        store.close().await.unwrap();
        store.close().await.unwrap();
        let error = store.commit(appends([append(1, 2, 1)])).await.unwrap_err();
        assert!(error.to_string().contains("the store is closed"), "{error}");
        let error = store.read(run_id(1), Seq::ZERO, 1).await.unwrap_err();
        assert!(error.to_string().contains("the store is closed"), "{error}");
    });
}

#[test]
fn what_an_interrupted_making_left_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let old = block_on(filled(&path, 3)).unwrap();
    // As if somebody had deleted the database and left its log, and a making of a new one had been killed.
    let log = std::fs::read(folder.path().join("windlass.db-wal")).unwrap();
    drop(old);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("windlass.db-wal"), log).unwrap();
    std::fs::write(folder.path().join("windlass.db.new"), "half").unwrap();
    let store = SqliteStore::open(&path).unwrap();
    block_on(async {
        assert_eq!(store.unfinished().await.unwrap(), []);
        store.check().await.unwrap();
    });
    assert!(!folder.path().join("windlass.db.new").exists());
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    std::fs::write(&path, "").unwrap();
    let store = block_on(filled(&path, 3)).unwrap();
    block_on(assert_events(&store, 1, 6)).unwrap();
}
