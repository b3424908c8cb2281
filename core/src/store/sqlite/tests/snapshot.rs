use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{block_on, filled, raw};
use crate::store::{SqliteStore, Store, StoreError};
use crate::testing::store_conformance::{append, appends, assert_events, deletes, ended, new_runs, record};

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn it_is_one_private_file_that_needs_no_other() {
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = block_on(filled(&folder.path().join("windlass.db"), 20)).unwrap();
    let path = backups.path().join("copy.db");
    block_on(store.snapshot(&path)).unwrap();
    assert_eq!(names(backups.path()), ["copy.db"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Reading it makes nothing beside it.
    let copy = SqliteStore::open_read_only(&path).unwrap();
    block_on(async {
        assert_events(&copy, 1, 40).await.unwrap();
        copy.check().await.unwrap();
    });
    drop(copy);
    assert_eq!(names(backups.path()), ["copy.db"]);
    block_on(assert_events(&SqliteStore::open(&path).unwrap(), 1, 40)).unwrap();
}

#[test]
fn a_reader_beside_the_writer_makes_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let writer = block_on(filled(&path, 3)).unwrap();
    let reader = SqliteStore::open_read_only(&path).unwrap();
    let copy = folder.path().join("copy.db");
    block_on(async {
        writer.commit(appends([append(1, 6, 1)])).await.unwrap();
        reader.snapshot(&copy).await.unwrap();
        writer.commit(appends([append(1, 7, 1)])).await.unwrap();
    });
    block_on(assert_events(&SqliteStore::open(&copy).unwrap(), 1, 7)).unwrap();
}

#[test]
fn names_may_be_any_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = block_on(filled(&folder.path().join("windlass.db"), 3)).unwrap();
    for name in [b"file:x?mode=memory".as_slice(), b"\xff\xfe 'x'", b"?1"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        block_on(store.snapshot(&path)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() > 10_000);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let error = block_on(store.snapshot(&link)).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("choose another"), "{error}");
}

#[test]
fn one_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    drop(block_on(filled(&path, 200)).unwrap());
    let store = SqliteStore::open(&path).unwrap();
    let missing = block_on(store.snapshot(&folder.path().join("missing/copy.db"))).unwrap_err();
    assert!(missing.to_string().contains("missing/copy.db"), "{missing}");
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let events: u32 =
        raw(&path).query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'events'", [], |row| row.get(0)).unwrap();
    bytes[(events as usize - 1) * 4096..][..64].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let backups = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let error = block_on(store.snapshot(&backups.path().join("copy.db"))).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { path: told, .. } if *told == path), "{error:?}");
    assert_eq!(names(backups.path()), Vec::<String>::new());
}

#[test]
fn what_was_deleted_takes_no_room_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windlass.db");
    let store = block_on(filled(&path, 0)).unwrap();
    block_on(async {
        store.commit(new_runs([record(2, "a", 2)])).await.unwrap();
        store.commit(appends([append(1, 0, 100), ended(2, 0, 20_000)])).await.unwrap();
        store.commit(deletes([2])).await.unwrap();
        store.snapshot(&folder.path().join("copy.db")).await.unwrap();
        store.close().await.unwrap();
    });
    let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(size("copy.db") * 5 < size("windlass.db"), "{} of {}", size("copy.db"), size("windlass.db"));
    block_on(assert_events(&SqliteStore::open(folder.path().join("copy.db")).unwrap(), 1, 100)).unwrap();
}

#[test]
#[ignore = "needs a file system of a few MB, named in WINDLASS_SMALL_DISK, such as `mount -t tmpfs -o size=4m tmpfs DIR`"]
fn a_full_disk_is_told_and_left_as_it_was() {
    let Some(root) = std::env::var_os("WINDLASS_SMALL_DISK") else { return };
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(root).unwrap());
    let store = block_on(filled(&folder.path().join("windlass.db"), 0)).unwrap();
    block_on(store.commit(appends([append(1, 0, 40_000)]))).unwrap();
    let path = backups.path().join("copy.db");
    let error = block_on(store.snapshot(&path)).unwrap_err();
    assert!(matches!(&error, StoreError::Full { path: told } if *told == path), "{error:?}");
    assert_eq!(names(backups.path()), Vec::<String>::new());
    block_on(assert_events(&store, 1, 40_000)).unwrap();
}
