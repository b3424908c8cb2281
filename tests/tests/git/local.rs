//! Repositories in a folder of this machine, and what is the same for all of them.

use std::os::unix::fs::symlink;
use std::path::Path;

use windlass::source::{RemoteUrl, SourceError};
use windlass_tests::git::Repository;

use crate::support::{Place, anonymous};

fn url(repository: &Repository) -> String {
    repository.bare().display().to_string()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    Repository::empty().git(folder, arguments)
}

#[tokio::test]
async fn the_default_branch_is_checked_out_with_its_history() {
    let repository = Repository::with_a_commit();
    let newest = repository.commit("src/main.rs", "fn main() {}\n", "Add a program\n\nWith a body.");
    repository.push("main");
    let place = Place::new();
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    assert_eq!((fetched.commit.sha.as_str(), fetched.branch.as_deref()), (newest.as_str(), Some("main")));
    assert_eq!(fetched.commit.author, "Ana <ana@example.com>");
    assert_eq!(fetched.commit.message, "Add a program\n\nWith a body.\n");

    let (copy, exported) = place.export(&fetched, None).await;
    assert_eq!(exported.files, 2);
    assert_eq!(std::fs::read_to_string(copy.join("src/main.rs")).unwrap(), "fn main() {}\n");
    assert_eq!(git(&copy, &["status", "--porcelain"]), "", "git finds nothing changed");
    assert_eq!(git(&copy, &["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    assert_eq!(git(&copy, &["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(git(&copy, &["remote", "get-url", "origin"]), url(&repository));
    git(&copy, &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_depth_cuts_the_history() {
    let repository = Repository::with_a_commit();
    for number in 0..5 {
        repository.commit("file", &number.to_string(), "Change");
    }
    repository.push("main");
    let place = Place::new();
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    for (depth, commits) in [(1, "1"), (3, "3"), (100, "6")] {
        let (copy, _) = place.export(&fetched, Some(depth)).await;
        assert_eq!(git(&copy, &["rev-list", "--count", "HEAD"]), commits);
        assert_eq!(git(&copy, &["status", "--porcelain"]), "");
        git(&copy, &["fsck", "--strict"]);
    }
}

#[tokio::test]
async fn branches_tags_commits_and_requests_are_found() {
    let repository = Repository::with_a_commit();
    let tagged = repository.commit("a", "1", "One");
    repository.run(&["tag", "-a", "v1.0", "-m", "the first"]);
    let side = repository.commit("a", "2", "Two");
    repository.run(&["branch", "feature/$(touch${IFS}x)"]);
    repository.run(&["update-ref", "refs/pull/7/head", "HEAD"]);
    repository.run(&["reset", "-q", "--hard", "HEAD~1"]);
    for name in ["main", "v1.0", "feature/$(touch${IFS}x)", "refs/pull/7/head"] {
        repository.push(name);
    }
    let place = Place::new();
    for (wanted, sha, branch, tag) in [
        ("main", &tagged, Some("main"), None),
        ("v1.0", &tagged, None, Some("v1.0")),
        (tagged.as_str(), &tagged, None, None),
        ("feature/$(touch${IFS}x)", &side, Some("feature/$(touch${IFS}x)"), None),
        ("pull/7", &side, None, None),
        ("refs/tags/v1.0", &tagged, None, Some("v1.0")),
    ] {
        let fetched = place.fetch(&url(&repository), &anonymous(), Some(wanted)).await.unwrap();
        assert_eq!(&fetched.commit.sha, sha, "{wanted}");
        assert_eq!((fetched.branch.as_deref(), fetched.tag.as_deref()), (branch, tag), "{wanted}");
        let (copy, _) = place.export(&fetched, Some(1)).await;
        assert_eq!(&git(&copy, &["rev-parse", "HEAD"]), sha, "{wanted}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let repository = Repository::with_a_commit();
    let place = Place::new();
    let error = place.fetch(&url(&repository), &anonymous(), Some("mian")).await.unwrap_err();
    assert!(matches!(&error, SourceError::NoSuchRef { nearest: Some(near), .. } if near == "main"), "{error:?}");
    let error = place.fetch(&url(&repository), &anonymous(), Some(&"ab".repeat(20))).await.unwrap_err();
    assert!(matches!(error, SourceError::NoSuchRef { .. }), "{error:?}");
    let gone = format!("{}/gone.git", repository.root().display());
    let error = place.fetch(&gone, &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::NotFound { .. }), "{error:?}");
    let empty = Repository::empty();
    for wanted in [None, Some("main")] {
        let error = place.fetch(&url(&empty), &anonymous(), wanted).await.unwrap_err();
        assert!(matches!(error, SourceError::Empty { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_remote_that_changes_under_us_is_followed() {
    let repository = Repository::with_a_commit();
    let place = Place::new();
    place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    // Pushed by force.
    repository.run(&["commit", "-q", "--amend", "-m", "Begin again"]);
    repository.push("main");
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    assert_eq!(fetched.commit.message, "Begin again\n");
    // Another default branch, and the old one is gone.
    repository.run(&["push", "-q", "origin", "main:trunk"]);
    repository.git(&repository.bare(), &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    repository.run(&["push", "-q", "origin", ":main"]);
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    assert_eq!(fetched.branch.as_deref(), Some("trunk"));
    let error = place.fetch(&url(&repository), &anonymous(), Some("main")).await.unwrap_err();
    assert!(matches!(error, SourceError::NoSuchRef { .. }), "{error:?}");
    // A branch below the name of what was a branch.
    repository.run(&["push", "-q", "origin", "main:refs/heads/main/sub"]);
    let fetched = place.fetch(&url(&repository), &anonymous(), Some("main/sub")).await.unwrap();
    assert_eq!(fetched.branch.as_deref(), Some("main/sub"));
}

#[tokio::test]
async fn links_stay_links_and_files_of_lfs_are_named() {
    let repository = Repository::with_a_commit();
    symlink("/etc/passwd", repository.work().join("out")).unwrap();
    symlink("README.md", repository.work().join("in")).unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n";
    repository.commit("big.bin", pointer, "Add links and a big file");
    repository.push("main");
    let place = Place::new();
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    let (copy, exported) = place.export(&fetched, Some(1)).await;
    assert_eq!(std::fs::read_link(copy.join("out")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(std::fs::read_to_string(copy.join("in")).unwrap(), "a shop\n");
    assert_eq!((exported.lfs.as_slice(), exported.lfs_files), (["big.bin".to_owned()].as_slice(), 1));
}

/// A commit whose tree has an entry that git itself would not let anybody add.
fn with_entry(repository: &Repository, name: &str) {
    let blob = repository.run(&["hash-object", "-w", "README.md"]);
    let listing = format!("100644 blob {blob}\tconfig\n");
    let make = |listing: &str| {
        let path = repository.root().join("listing");
        std::fs::write(&path, listing).unwrap();
        let script = format!("git mktree < '{}'", path.display());
        let output = std::process::Command::new("sh").current_dir(repository.work()).arg("-c").arg(script).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    };
    let inner = make(&listing);
    let tree = make(&format!("040000 tree {inner}\t{name}\n"));
    let commit = repository.run(&["commit-tree", &tree, "-m", "Break out"]);
    repository.run(&["update-ref", "refs/heads/evil", &commit]);
    repository.push("evil");
}

#[tokio::test]
async fn gits_own_folder_cannot_be_checked_out_in_any_spelling() {
    for name in [".git", ".GIT", ".Git", "git~1", ".git ", ".git."] {
        let repository = Repository::with_a_commit();
        with_entry(&repository, name);
        let place = Place::new();
        let fetched = place.fetch(&url(&repository), &anonymous(), Some("evil")).await.unwrap();
        let folder = place.folder.path().join("copy");
        let exported = fetched.export(&folder, Some(std::num::NonZeroU32::MIN));
        let config = std::fs::read_to_string(folder.join(".git/config")).unwrap_or_default();
        assert!(!config.contains("a shop"), "{name:?} overwrote git's configuration");
        assert!(exported.is_err(), "{name:?} was checked out");
    }
}

#[tokio::test]
async fn two_fetches_at_once_are_both_right() {
    let repository = Repository::with_a_commit();
    let place = Place::new();
    let fetches = (0..8).map(|_| {
        let (mirrors, url) = (place.mirrors.clone(), RemoteUrl::parse(&url(&repository)).unwrap());
        tokio::spawn(async move { mirrors.fetch(&url, &anonymous(), None).await.unwrap().commit.sha })
    });
    let head = repository.run(&["rev-parse", "HEAD"]);
    for fetch in fetches.collect::<Vec<_>>() {
        assert_eq!(fetch.await.unwrap(), head);
    }
}

#[tokio::test]
async fn what_a_killed_fetch_left_is_in_nobodys_way() {
    let repository = Repository::with_a_commit();
    let place = Place::new();
    place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    let mirror = place.mirror();
    std::fs::write(mirror.join("objects/pack/pack_AbCdEf"), b"PACK half").unwrap();
    std::fs::write(mirror.join("refs/heads/main.lock"), b"").unwrap();
    std::fs::write(mirror.join("packed-refs.lock"), b"").unwrap();
    let newest = repository.commit("a", "1", "One");
    repository.push("main");
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    assert_eq!(fetched.commit.sha, newest);
    assert!(!mirror.join("objects/pack/pack_AbCdEf").exists());
}

#[tokio::test]
async fn a_damaged_mirror_is_made_again() {
    let repository = Repository::with_a_commit();
    let place = Place::new();
    let fetched = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    let objects = place.mirror().join("objects");
    std::fs::remove_dir_all(&objects).unwrap();
    std::fs::create_dir_all(objects.join("pack")).unwrap();
    let again = place.fetch(&url(&repository), &anonymous(), None).await.unwrap();
    assert_eq!(again.commit, fetched.commit);
    place.export(&again, None).await;
}

#[tokio::test]
async fn what_a_remote_has_is_listed_without_fetching_it() {
    let repository = Repository::with_a_commit();
    repository.run(&["tag", "v1"]);
    repository.push("v1");
    let place = Place::new();
    let refs = place.mirrors.refs(&RemoteUrl::parse(&url(&repository)).unwrap(), &anonymous()).await.unwrap();
    let head = repository.run(&["rev-parse", "HEAD"]);
    assert_eq!(refs.default.as_deref(), Some("main"));
    assert_eq!(refs.branches, [("main".to_owned(), head.clone())]);
    assert_eq!(refs.tags, [("v1".to_owned(), head)]);
    assert!(!place.folder.path().join("mirrors").exists());
}

#[tokio::test]
async fn many_fetches_leave_few_packs() {
    let repository = Repository::with_a_commit();
    repository.run(&["tag", "-a", "v1", "-m", "the first"]);
    let blob = repository.run(&["hash-object", "-w", "README.md"]);
    repository.run(&["tag", "only-a-file", &blob]);
    repository.run(&["push", "-q", "origin", "v1", "only-a-file"]);
    let place = Place::new();
    for number in 0..60 {
        let newest = repository.commit("file", &number.to_string(), "Change");
        repository.push("main");
        assert_eq!(place.fetch(&url(&repository), &anonymous(), None).await.unwrap().commit.sha, newest);
    }
    let packs = std::fs::read_dir(place.mirror().join("objects/pack")).unwrap().flatten();
    let packs = packs.filter(|pack| pack.path().extension().is_some_and(|ending| ending == "pack")).count();
    assert!((1..=41).contains(&packs), "{packs}");
    git(&place.mirror(), &["fsck", "--strict"]);
    assert_eq!(git(&place.mirror(), &["rev-list", "--count", "main"]), "61");
    let fetched = place.fetch(&url(&repository), &anonymous(), Some("v1")).await.unwrap();
    let (copy, _) = place.export(&fetched, None).await;
    assert_eq!(git(&copy, &["status", "--porcelain"]), "");
}
