//! How long a checkout of a large repository takes, and how much of it comes over the network the second time.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use windlass_tests::git::{HttpRemote, Repository};

use crate::engine::{Site, checking_out};

const FILES: usize = 20_000;
const COMMITS: usize = 1000;

/// 20,000 files in 400 folders, and 999 commits that change five of them each.
fn repository() -> Repository {
    let repository = Repository::empty();
    let path = |file: usize| format!("src/part-{:03}/file-{file:05}.txt", file % 400);
    let content = |file: usize, commit: usize| format!("file {file} at {commit}\n").repeat(12);
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let message = format!("Change {commit}");
        let time = 1_700_000_000 + commit;
        let _ = write!(stream, "commit refs/heads/main\ncommitter Ana <ana@example.com> {time} +0000\n");
        let _ = write!(stream, "data {}\n{message}\n", message.len());
        let changed: Vec<usize> = match commit {
            0 => (0..FILES).collect(),
            _ => (0..5).map(|at| (commit * 7919 + at * 104_729) % FILES).collect(),
        };
        for file in changed {
            let text = content(file, commit);
            let _ = write!(stream, "M 100644 inline {}\ndata {}\n{text}\n", path(file), text.len());
        }
    }
    let mut import = Command::new("git");
    import.current_dir(repository.bare()).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    repository.run(&["fetch", "-q", "origin"]);
    repository.run(&["checkout", "-q", "-B", "main", "origin/main"]);
    repository
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn timed<T>(doing: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = doing();
    (start.elapsed(), done)
}

/// `cargo test --release -p windlass-tests --test git -- --ignored --nocapture large` prints the figures.
#[test]
#[ignore = "it measures: seconds on a quiet machine, and prints figures"]
fn a_large_repository_is_fetched_once_and_then_only_what_is_new() {
    let repository = repository();
    let remote = HttpRemote::open(&repository);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = runtime.block_on(Site::open());
    let document = |more: &str| checking_out(&format!("{{url: '{}'{more}}}", remote.url()), "find src -type f | wc -l");
    let checkout = |more: &str| {
        let before = remote.sent();
        let (time, run) = timed(|| runtime.block_on(site.run(&document(more))));
        assert!(run.succeeded(), "{run:?}");
        assert_eq!(runtime.block_on(site.log(&run, "look")).trim(), FILES.to_string());
        let task = Duration::from_millis(run.task("source").unwrap().duration_ms.unwrap());
        println!("checkout{more}: {task:?} of a run of {time:?}, {} bytes from the server", remote.sent() - before);
        (task, remote.sent() - before)
    };
    let (_, whole) = checkout("");
    for file in [0, 400, 800] {
        repository.commit(&format!("src/part-000/file-{file:05}.txt"), "changed\n", "Change a file");
    }
    repository.push("main");
    let (_, again) = checkout("");
    let (_, nothing) = checkout("");
    checkout(", depth: 1");
    // What git's own program takes: all of it over the same server, then a workspace from a mirror that is up to date.
    let floor = repository.root().join("floor");
    let (clone, _) = timed(|| repository.git(repository.root(), &["clone", "-q", &remote.url(), "floor"]));
    let local = floor.display().to_string();
    let (copy, _) = timed(|| repository.git(repository.root(), &["clone", "-q", "--no-hardlinks", &local, "copy"]));
    println!("git clone over HTTP: {clone:?}; git clone from a folder: {copy:?}");
    assert!(again * 20 < whole, "the second checkout brought {again} of {whole} bytes");
    assert!(nothing < 2000, "{nothing} bytes for nothing new");
}
