//! `checkout` in runs of an engine.

use std::os::unix::fs::symlink;

use windlass::pipeline::CommitInfo;
use windlass::{EventKind, Rerun, RunRequest};
use windlass_tests::git::{HttpRemote, Repository, SshRemote};

use crate::engine::{Site, Vault, checking_out, files_with};

#[tokio::test(flavor = "multi_thread")]
async fn later_tasks_find_the_files_and_the_commit() {
    let repository = Repository::empty();
    let sha = repository.commit("src/main.sh", "echo built\n", "Begin a shop\n\nWith a body.");
    repository.push("main");
    let remote = HttpRemote::with_login(&repository, "ana", "c0rrect horse");
    let site = Site::with(Vault::password("ana", "c0rrect horse")).await;
    let document = format!(
        "name: shop
stages:
- name: Source
  tasks: [{{name: source, checkout: {{url: '{}', credential: team-git}}}}]
- name: Build
  tasks:
  - name: build
    env: {{TAG: 'v-$CI_COMMIT_SHORT_SHA'}}
    script: |
      sh src/main.sh
      git status --porcelain
      echo \"$TAG $CI_COMMIT_SHA $CI_COMMIT_BRANCH [$CI_COMMIT_TAG] $CI_COMMIT_AUTHOR\"
      echo \"$CI_COMMIT_MESSAGE\"
  - {{name: main-only, when: \"commit.branch == 'main'\", script: echo main}}
  - {{name: others, when: \"commit.branch != 'main'\", script: echo other}}
",
        remote.url()
    );
    let run = site.run(&document).await;
    assert!(run.succeeded(), "{run:?}\n{}", site.log(&run, "source").await);
    let short = &sha[..8];
    assert_eq!(
        site.log(&run, "build").await,
        format!("built\nv-{short} {sha} main [] Ana <ana@example.com>\nBegin a shop\n\nWith a body.\n")
    );
    assert_eq!(run.task("main-only").unwrap().status.as_str(), "succeeded");
    assert_eq!(run.task("others").unwrap().status.as_str(), "skipped");
    assert_eq!((run.commit.sha.as_str(), run.commit.branch.as_str()), (sha.as_str(), "main"));
    let events = site.events(&run).await;
    let found = events.iter().filter(|event| matches!(event.kind, EventKind::CommitFound { .. })).count();
    assert_eq!(found, 1);
    let log = site.log(&run, "source").await;
    assert!(log.contains(&format!("commit {sha} of main by Ana <ana@example.com>: Begin a shop")), "{log}");
    site.engine.close().await.unwrap();
    assert_eq!(files_with(site.path(), b"c0rrect horse"), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_checkouts_stand_side_by_side_and_the_first_one_decides() {
    let (web, tools) = (Repository::with_a_commit(), Repository::with_a_commit());
    let sha = web.run(&["rev-parse", "HEAD"]);
    for number in 0..4 {
        tools.commit("tool", &number.to_string(), "Change a tool");
    }
    tools.push("main");
    let site = Site::open().await;
    let document = format!(
        "name: shop
stages:
- name: Source
  tasks:
  - {{name: web, checkout: {{url: '{}', path: web}}}}
  - {{name: tools, checkout: {{url: '{}', path: 'vendor/tools', depth: 2}}}}
  - {{name: look, script: 'ls web vendor/tools; git -C vendor/tools rev-list --count HEAD; echo \"$CI_COMMIT_SHA\"'}}
",
        web.bare().display(),
        tools.bare().display()
    );
    let run = site.run(&document).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, format!("vendor/tools:\nREADME.md\ntool\n\nweb:\nREADME.md\n2\n{sha}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_trigger_says_comes_first() {
    let repository = Repository::with_a_commit();
    let old = repository.run(&["rev-parse", "HEAD"]);
    repository.commit("a", "1", "Go on");
    repository.push("main");
    let site = Site::open().await;
    let settings = format!("{{url: '{}', ref: $CI_COMMIT_SHA}}", repository.bare().display());
    let document = checking_out(&settings, "ls; echo $CI_COMMIT_BRANCH $CI_COMMIT_MESSAGE; git log --format=%H -1");
    let commit = CommitInfo { sha: old.clone(), branch: "main".to_owned(), ..CommitInfo::default() };
    let run = site.run_for(&document, RunRequest::triggered_by("push").commit(commit)).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, format!("README.md\nmain Begin\n{old}\n"));
    // Without a trigger the reference is empty, and so left out.
    let run = site.run(&document).await;
    assert!(site.log(&run, "look").await.starts_with("README.md\na\nmain Go on\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_again_from_what_failed_keeps_the_commit() {
    let repository = Repository::with_a_commit();
    let sha = repository.run(&["rev-parse", "HEAD"]);
    let site = Site::open().await;
    let settings = format!("{{url: '{}'}}", repository.bare().display());
    let document =
        checking_out(&settings, "echo $CI_COMMIT_SHA $CI_COMMIT_BRANCH; test -e again || { touch again; false; }");
    let run = site.run(&document).await;
    assert!(!run.succeeded());
    repository.commit("a", "1", "Go on meanwhile");
    repository.push("main");
    let first = site.engine.run(run.id).await.unwrap();
    let again = first.retry(Rerun::FromFailed, "ana").await.unwrap().wait().await.unwrap();
    assert!(again.succeeded(), "{again:?}");
    assert_eq!(site.log(&again, "look").await, format!("{sha} main\n"));
    assert_eq!(again.commit, run.commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_with_a_key_of_the_vault() {
    let repository = Repository::with_a_commit();
    repository.run(&["tag", "v1"]);
    repository.push("v1");
    let remote = SshRemote::start(&repository, "");
    let site = Site::with(Vault::key(&remote.key(), &remote.known_host())).await;
    let settings = format!("{{url: '{}', ref: v1, credential: team-git}}", remote.url());
    let run = site.run(&checking_out(&settings, "cat README.md; echo \"$CI_COMMIT_TAG [$CI_COMMIT_BRANCH]\"")).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, "a shop\nv1 []\n");
    site.engine.close().await.unwrap();
    let inner = remote.key().lines().nth(2).unwrap().to_owned();
    assert_eq!(files_with(site.path(), inner.as_bytes()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_authority_is_a_setting() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_tls(&repository);
    let site = Site::open().await;
    let plain = checking_out(&format!("{{url: '{}'}}", remote.url()), "true");
    let (code, text) = site.cause(&plain, "source").await;
    assert_eq!(code, "certificateUnknown", "{text}");
    assert!(text.contains("caCertificate"), "{text}");
    let authority = serde_json::to_string(remote.authority.as_ref().unwrap()).unwrap();
    for more in [format!("caCertificate: {authority}"), "verifyCertificate: false".to_owned()] {
        let run = site.run(&checking_out(&format!("{{url: '{}', {more}}}", remote.url()), "cat README.md")).await;
        assert!(run.succeeded(), "{more}: {run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_one_remote_at_once_are_all_right() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::open(&repository);
    let site = Site::open().await;
    let document = checking_out(&format!("{{url: '{}'}}", remote.url()), "cat README.md; git fsck --strict");
    let pipeline = crate::engine::read(&document);
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(site.engine.start(&pipeline, RunRequest::manual()).await.unwrap());
    }
    for run in runs {
        let ended = run.wait().await.unwrap();
        assert!(ended.succeeded(), "{ended:?}");
        assert!(run.logs("look").await.unwrap().starts_with(b"a shop\n"));
    }
    let copies = site.data_dir().join("sources/copies");
    let left: Vec<_> = std::fs::read_dir(copies).unwrap().collect();
    site.engine.close().await.unwrap();
    // Removed by a thread of its own, which may not have come to it yet; closing waits for it.
    let still = left.into_iter().flatten().filter(|entry| entry.path().exists()).count();
    assert_eq!(still, 0, "no working copy is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_lfs_are_named_in_the_log() {
    let repository = Repository::with_a_commit();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n";
    repository.commit("media/big.bin", pointer, "Add a big file");
    repository.push("main");
    let site = Site::open().await;
    let run = site.run(&checking_out(&format!("{{url: '{}'}}", repository.bare().display()), "true")).await;
    assert!(run.succeeded(), "{run:?}");
    let log = site.log(&run, "source").await;
    assert!(log.contains("only pointers are here of 1 that Git LFS keeps") && log.contains("media/big.bin"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_takes_the_place_of_a_folder_between_runs_and_within_one() {
    let repository = Repository::with_a_commit();
    repository.commit("thing/inner", "1", "A folder");
    repository.push("main");
    repository.run(&["branch", "folder"]);
    repository.push("folder");
    let site = Site::open().await;
    let url = repository.bare().display().to_string();
    let document = checking_out(&format!("{{url: '{url}'}}"), "cat thing || cat thing/inner");
    let run = site.run(&document).await;
    assert_eq!(site.log(&run, "look").await.lines().last(), Some("1"));
    repository.run(&["rm", "-q", "-r", "thing"]);
    repository.commit("thing", "2\n", "A file");
    repository.push("main");
    let run = site.run(&document).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, "2\n");
    // Both into the same folder of one run.
    for (first, second) in [("main", "folder"), ("folder", "main")] {
        let document = format!(
            "name: both
stages:
- name: Source
  tasks:
  - {{name: first, checkout: {{url: '{url}', ref: {first}}}}}
  - {{name: second, checkout: {{url: '{url}', ref: {second}}}}}
"
        );
        // What is there may be the work of another task: it is not removed, and named.
        let (code, text) = site.cause(&document, "second").await;
        let kind = if first == "main" { "file" } else { "folder" };
        assert_eq!(code, "inTheWay", "{text}");
        assert!(text.contains(&format!("there is a {kind} at thing in the workspace")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_a_tree_leads_no_checkout_out_of_the_workspace() {
    let outside = tempfile::tempdir().unwrap();
    let (trap, other) = (Repository::with_a_commit(), Repository::with_a_commit());
    symlink(outside.path(), trap.work().join("vendor")).unwrap();
    trap.commit_all("Lead out");
    trap.push("main");
    other.commit("loot", "1", "Something to write");
    other.push("main");
    let site = Site::open().await;
    for path in ["vendor", "vendor/deep"] {
        let document = format!(
            "name: trap
stages:
- name: Source
  tasks:
  - {{name: first, checkout: {{url: '{}'}}}}
  - {{name: second, checkout: {{url: '{}', path: {path}}}}}
",
            trap.bare().display(),
            other.bare().display()
        );
        let (code, text) = site.cause(&document, "second").await;
        assert_eq!(code, "badPath", "{text}");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
