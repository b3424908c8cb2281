//! Processes that are killed in the middle of a fetch, and clones that have only a part.

use std::process::{Command, Stdio};

use windlass_tests::git::{HttpRemote, Repository};

use crate::engine::{Site, checking_out};

/// A repository whose objects do not fit into one buffer.
fn large() -> Repository {
    let repository = Repository::with_a_commit();
    let mut state = 7u64;
    for number in 0..8 {
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{state:016x}")
        };
        let noise: String = (0..20_000).map(step).collect();
        repository.commit(&format!("noise-{number}"), &noise, "Add noise");
    }
    repository.push("main");
    repository
}

fn windlass(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass-under-test"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn a_process_that_is_killed_in_the_middle_of_a_fetch_leaves_no_broken_mirror() {
    let repository = large();
    let remote = HttpRemote::stalling(&repository);
    let folder = tempfile::tempdir().unwrap();
    let document = checking_out(&format!("{{url: '{}'}}", remote.url()), "git fsck --strict && cat README.md");
    std::fs::write(folder.path().join("ci.yaml"), document).unwrap();
    let mut first = windlass(folder.path(), &["run", "ci.yaml"]).stdout(Stdio::null()).spawn().unwrap();
    remote.wait_until_halfway();
    first.kill().unwrap();
    first.wait().unwrap();
    remote.release();
    let attached = windlass(folder.path(), &["attach"]).output().unwrap();
    let said = String::from_utf8_lossy(&attached.stdout).into_owned() + &String::from_utf8_lossy(&attached.stderr);
    assert!(attached.status.success(), "{said}");
    let log = windlass(folder.path(), &["logs", "latest", "look"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().last(), Some("a shop"));
    // Nothing half is left.
    let mirrors = std::fs::read_dir(folder.path().join(".windlass/sources")).unwrap().flatten();
    for mirror in mirrors.filter(|entry| entry.file_name().to_string_lossy().ends_with(".git")) {
        repository.git(&mirror.path(), &["fsck", "--strict"]);
        let packs = std::fs::read_dir(mirror.path().join("objects/pack")).unwrap().flatten();
        let half: Vec<_> = packs.filter(|pack| !pack.file_name().to_string_lossy().starts_with("pack-")).collect();
        assert!(half.is_empty(), "{half:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_does_not_wait_for_its_fetch_and_the_next_one_fetches_it() {
    let repository = large();
    let remote = HttpRemote::stalling(&repository);
    let site = Site::open().await;
    let pipeline = crate::engine::read(&checking_out(&format!("{{url: '{}'}}", remote.url()), "cat README.md"));
    let run = site.engine.start(&pipeline, windlass::RunRequest::manual()).await.unwrap();
    let halfway = {
        let remote = std::sync::Arc::new(remote);
        let waiting = remote.clone();
        tokio::task::spawn_blocking(move || waiting.wait_until_halfway()).await.unwrap();
        remote
    };
    run.cancel("ana", "changed my mind").await.unwrap();
    assert_eq!(run.wait().await.unwrap().status.as_str(), "cancelled", "while the server still stalls");
    halfway.release();
    let again = site.engine.start(&pipeline, windlass::RunRequest::manual()).await.unwrap();
    let ended = again.wait().await.unwrap();
    assert!(ended.succeeded(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clones_with_a_depth_or_without_a_branch_are_sources_like_others() {
    let repository = Repository::with_a_commit();
    for number in 0..5 {
        repository.commit("file", &number.to_string(), "Change");
    }
    repository.push("main");
    let url = format!("file://{}", repository.bare().display());
    let clone = repository.root().join("clone");
    repository.git(repository.root(), &["clone", "-q", "--depth", "2", &url, "clone"]);
    repository.git(&clone, &["checkout", "-q", "--detach"]);
    repository.git(&clone, &["branch", "-q", "-D", "main"]);
    let head = repository.git(&clone, &["rev-parse", "HEAD"]);
    let site = Site::open().await;
    let count = "git fsck --strict; git rev-list --count HEAD; echo $CI_COMMIT_SHA [$CI_COMMIT_BRANCH]";
    let document = |more: &str| checking_out(&format!("{{url: '{}'{more}}}", clone.display()), count);
    let run = site.run(&document("")).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, format!("2\n{head} []\n"));
    let run = site.run(&document(", depth: 1")).await;
    assert_eq!(site.log(&run, "look").await, format!("1\n{head} []\n"));
    // The rest of the history comes later.
    repository.git(&clone, &["fetch", "-q", "--unshallow"]);
    let run = site.run(&document("")).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, format!("6\n{head} []\n"));
    // And a second working tree of the same repository.
    repository.git(&clone, &["worktree", "add", "-q", "-b", "side", "../side"]);
    let side = repository.root().join("side");
    let run = site.run(&checking_out(&format!("{{url: '{}'}}", side.display()), count)).await;
    assert_eq!(site.log(&run, "look").await, format!("6\n{head} [side]\n"));
}
