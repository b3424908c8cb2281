use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::choice::Shelved;
use super::*;
use crate::blob::BlobStore;
use crate::pipeline::{CommitInfo, Origin, TaskId, TriggerInfo};
use crate::run::{RunId, StepKey};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn step(run: u128) -> StepKey {
    StepKey { run: RunId::new(uuid::Uuid::from_u128(run)), task: TaskId::new("unit"), attempt: 1 }
}

fn branch(name: &str) -> CacheScope {
    CacheScope::Branch(name.to_owned())
}

fn entry(shelf: &Shelf<'_>, key: &str, run: u128, second: i64) -> CacheEntry {
    CacheEntry {
        key: key.to_owned(),
        paths: shelf.paths.to_vec(),
        archive: shelf.archive(key, &step(run)),
        size: 7,
        files: 1,
        digest: String::new(),
        created: at(second),
    }
}

async fn keep(shelf: &Shelf<'_>, key: &str, run: u128, second: i64) -> bool {
    let entry = entry(shelf, key, run, second);
    shelf.store.put_bytes(&entry.archive, Bytes::from_static(b"archive")).await.unwrap();
    shelf.keep(&entry).await.unwrap()
}

async fn found(shelf: &Shelf<'_>, key: &str, fallbacks: &[&str]) -> Option<String> {
    let fallbacks: Vec<String> = fallbacks.iter().map(|key| (*key).to_owned()).collect();
    shelf.find(key, &fallbacks).await.unwrap().map(|found| found.entry.key)
}

fn memory() -> BlobStore {
    BlobStore::new(Arc::new(InMemory::new()))
}

#[test]
fn a_run_looks_in_its_branch_and_then_in_the_default_ones() {
    let defaults = ["main".to_owned(), "master".to_owned()];
    let on = |branch: &str, tag: &str| CommitInfo { branch: branch.into(), tag: tag.into(), ..CommitInfo::default() };
    let own = |commit: &CommitInfo| scopes(commit, &defaults);
    assert_eq!(own(&on("fix", "")), [branch("fix"), branch("main"), branch("master")]);
    assert_eq!(own(&on("main", "")), [branch("main"), branch("master")]);
    assert_eq!(own(&on("", "v1")), [CacheScope::Tag("v1".into()), branch("main"), branch("master")]);
    assert_eq!(own(&on("", "")), [CacheScope::Unknown, branch("main"), branch("master")]);
}

#[test]
fn what_comes_from_a_fork_leaves_nothing() {
    assert!(may_save(&TriggerInfo::default()));
    assert!(!may_save(&TriggerInfo { kind: "merge".into(), origin: Origin::Fork, ..TriggerInfo::default() }));
}

#[tokio::test]
async fn the_key_is_looked_for_first_and_then_the_newest_that_begins_alike() {
    let (store, paths) = (memory(), ["deps".to_owned()]);
    let (main, fix) = ([branch("main")], [branch("fix"), branch("main")]);
    let on_main = Shelf { store: &store, pipeline: "web", scopes: &main, paths: &paths };
    let on_fix = Shelf { scopes: &fix, ..on_main };
    assert_eq!(found(&on_fix, "npm-1", &["npm-"]).await, None);
    assert!(keep(&on_main, "npm-1", 1, 10).await);
    assert!(keep(&on_main, "npm-2", 2, 20).await);
    assert!(keep(&on_fix, "npm-3", 3, 5).await);
    assert_eq!(found(&on_fix, "npm-1", &[]).await.as_deref(), Some("npm-1"), "the key itself, of the default branch");
    assert_eq!(found(&on_fix, "npm-9", &["npm-"]).await.as_deref(), Some("npm-3"), "the own branch goes before");
    assert_eq!(found(&on_main, "npm-9", &["npm-"]).await.as_deref(), Some("npm-2"), "the newest");
    assert_eq!(found(&on_fix, "npm-9", &["pip-", "npm-1"]).await.as_deref(), Some("npm-1"), "in the order of the task");
    assert_eq!(found(&on_fix, "npm-9", &[]).await, None);
    let other_folders = ["elsewhere".to_owned()];
    assert_eq!(found(&Shelf { paths: &other_folders, ..on_main }, "npm-1", &["npm-"]).await, None);
    assert_eq!(found(&Shelf { pipeline: "app", ..on_main }, "npm-1", &["npm-"]).await, None);
    let elsewhere = [branch("other")];
    assert_eq!(found(&Shelf { scopes: &elsewhere, ..on_main }, "npm-1", &["npm-"]).await, None);
}

#[tokio::test]
async fn of_two_that_save_one_key_the_first_one_stays() {
    let (store, paths, scopes) = (memory(), ["deps".to_owned()], [branch("main")]);
    let shelf = Shelf { store: &store, pipeline: "web", scopes: &scopes, paths: &paths };
    assert!(keep(&shelf, "k", 1, 1).await);
    assert!(!keep(&shelf, "k", 2, 2).await);
    let found = shelf.find("k", &[]).await.unwrap().unwrap();
    assert_eq!(found.entry.archive, shelf.archive("k", &step(1)));
    assert!(store.get_bytes(&found.entry.archive).await.unwrap().is_some());
    assert_eq!(store.list("caches").await.unwrap().len(), 2, "the second archive is gone");
}

#[tokio::test]
async fn a_damaged_entry_is_none_and_is_written_again() {
    let (store, paths, scopes) = (memory(), ["deps".to_owned()], [branch("main")]);
    let shelf = Shelf { store: &store, pipeline: "web", scopes: &scopes, paths: &paths };
    keep(&shelf, "k", 1, 1).await;
    let object = store.list("caches").await.unwrap().into_iter().map(|object| object.location.to_string());
    let object = object.into_iter().find(|name| name.ends_with(".json")).unwrap();
    store.put_bytes(&object, Bytes::from_static(b"{\"key\":")).await.unwrap();
    assert_eq!(found(&shelf, "k", &["k"]).await, None);
    assert!(keep(&shelf, "k", 2, 2).await);
    assert_eq!(found(&shelf, "k", &[]).await.as_deref(), Some("k"));
}

#[tokio::test]
async fn room_is_made_by_what_was_used_longest_ago() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::folder(folder.path().join("blobs"));
    let (paths, scopes) = (["deps".to_owned()], [branch("main")]);
    let shelf = Shelf { store: &store, pipeline: "web", scopes: &scopes, paths: &paths };
    for (number, key) in ["a", "b", "c"].into_iter().enumerate() {
        keep(&shelf, key, number as u128, 1).await;
    }
    // The oldest one is used again. The file system's clock may be coarse.
    let first = shelf.find("a", &[]).await.unwrap().unwrap();
    let newest = |objects: Vec<object_store::ObjectMeta>| objects.into_iter().map(|object| object.last_modified).max();
    let before = newest(store.list("caches").await.unwrap());
    while newest(store.list("caches").await.unwrap()) == before {
        first.touch(&store).await.unwrap();
    }
    let all: u64 = store.list("caches").await.unwrap().iter().map(|object| object.size).sum();
    assert_eq!(make_room(&store, all, at(0)).await.unwrap(), 0);
    assert_eq!(make_room(&store, all - 1, at(0)).await.unwrap(), 1);
    assert_eq!(found(&shelf, "a", &[]).await.as_deref(), Some("a"));
    assert_eq!(make_room(&store, all / 3 + 1, at(0)).await.unwrap(), 1);
    assert_eq!(found(&shelf, "a", &[]).await.as_deref(), Some("a"));
    assert_eq!(make_room(&store, 0, at(0)).await.unwrap(), 1);
    assert_eq!(store.list("caches").await.unwrap(), []);
}

#[tokio::test]
async fn an_archive_without_an_entry_goes_after_a_day() {
    let (store, paths, scopes) = (memory(), ["deps".to_owned()], [branch("main")]);
    let shelf = Shelf { store: &store, pipeline: "web", scopes: &scopes, paths: &paths };
    store.put_bytes(&shelf.archive("k", &step(1)), Bytes::from_static(b"half")).await.unwrap();
    let written = store.list("caches").await.unwrap()[0].last_modified.timestamp();
    make_room(&store, 1 << 30, at(written + 3600)).await.unwrap();
    assert_eq!(store.list("caches").await.unwrap().len(), 1, "it may still be on its way");
    make_room(&store, 1 << 30, at(written + 2 * 86_400)).await.unwrap();
    assert_eq!(store.list("caches").await.unwrap(), []);
}

proptest! {
    #[test]
    fn what_stays_fits_and_was_used_later_than_what_goes(
        caches in prop::collection::vec((0_u64..1000, 0_i64..100), 0..30),
        limit in 0_u64..5000,
    ) {
        let all: Vec<Shelved> = caches.iter().enumerate().map(|(number, (size, used))| {
            Shelved { stem: number.to_string(), size: *size, used: at(*used) }
        }).collect();
        let gone = evict(all.clone(), limit);
        let stays: Vec<_> = all.iter().filter(|cache| !gone.contains(cache)).collect();
        let size: u64 = stays.iter().map(|cache| cache.size).sum();
        prop_assert!(size <= limit);
        prop_assert!(stays.iter().all(|stays| gone.iter().all(|gone| gone.used <= stays.used)));
        // Nothing goes without need.
        let newest_gone = gone.iter().max_by_key(|cache| (cache.used, std::cmp::Reverse(cache.stem.clone())));
        prop_assert!(newest_gone.is_none_or(|gone| size + gone.size > limit));
    }
}
