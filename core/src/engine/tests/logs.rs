//! Searching the logs of runs, their ends, and whole runs as one text.

use super::pipeline;
use crate::engine::{DownloadOptions, Engine, LogDownload, LogMatch, LogQuery, Reader, Run, RunRequest};
use crate::error::ErrorKind;
use crate::log::{Query, QueryOptions};
use crate::store::RunFilter;

const CHATTY: &str = r#"
name: chatty
parameters: [{name: WORD, dynamic: true, default: apple}]
stages:
  - name: Build
    tasks:
      - {name: first, script: 'echo "one $WORD"; echo two; printf "three $WORD"'}
      - {name: again, allowFailure: true, retry: {attempts: 2, backoff: 10ms}, script: 'echo "again $WORD"; exit 1'}
finally: [{name: last, script: 'echo "last $WORD"; echo "$WORD $WORD"'}]
"#;

async fn open(folder: &tempfile::TempDir) -> Engine {
    Engine::builder().data_dir(folder.path().join("data")).open().await.unwrap()
}

async fn ended(engine: &Engine, word: &str) -> Run {
    let run = engine.start(&pipeline(CHATTY), RunRequest::manual().parameter("WORD", word)).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    run
}

fn query(text: &str) -> LogQuery {
    LogQuery::new(Query::new(text, QueryOptions::default()).unwrap())
}

fn places(found: &[LogMatch]) -> Vec<String> {
    found.iter().map(|found| format!("{}#{}:{}", found.task.as_str(), found.attempt, found.found.line)).collect()
}

async fn text(mut download: LogDownload) -> String {
    let mut bytes = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_looks_into_all_attempts_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let run = ended(&engine, "apple").await;
    let all = ["first#1:1", "first#1:3", "again#1:1", "again#2:1", "last#1:1", "last#1:2"];
    let found = run.search(&query("apple")).await.unwrap();
    assert_eq!(places(&found), all);
    assert_eq!((found[0].found.excerpt.as_str(), found[0].found.range.clone()), ("one apple", 4..9));
    assert!(found.iter().all(|found| found.run == run.id() && found.found.at.is_some()));
    assert_eq!(places(&run.search(&query("apple").task("last")).await.unwrap()), ["last#1:1", "last#1:2"]);
    assert_eq!(places(&run.search(&query("pear")).await.unwrap()), [""; 0]);

    let (mut pages, mut next) = (Vec::new(), query("apple").limit(1));
    while let Some(found) = run.search(&next).await.unwrap().pop() {
        next = next.after(found.cursor());
        pages.push(found);
    }
    assert_eq!(places(&pages), all, "one match at a time");
    let reader = Reader::open(folder.path().join("data")).unwrap();
    assert_eq!(reader.search_run(run.id(), &query("apple")).await.unwrap(), found);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_over_runs_comes_in_pages_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let mut runs = Vec::new();
    for word in ["apple", "pear", "apple", "pear", "apple"] {
        runs.push(ended(&engine, word).await.id());
    }
    // Two runs are looked at for a page, and at most four matches fit into one.
    let filter = RunFilter { limit: 2, ..RunFilter::default() };
    let (mut found, mut next, mut pages) = (Vec::new(), query("apple").limit(4), 0);
    loop {
        let page = engine.search(&filter, &next).await.unwrap();
        assert!(page.matches.len() <= 4);
        found.extend(page.matches);
        pages += 1;
        let Some(cursor) = page.next else { break };
        next = next.after(cursor);
    }
    let of_runs: Vec<_> = found.chunks(6).map(|chunk| (chunk[0].run, chunk.len())).collect();
    assert_eq!(of_runs, [(runs[4], 6), (runs[2], 6), (runs[0], 6)]);
    assert!(pages > 4, "{pages}");
    let other = RunFilter { pipeline: Some("other".to_owned()), ..RunFilter::default() };
    assert_eq!(engine.search(&other, &query("apple")).await.unwrap().next, None);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_is_wrong_is_the_callers_mistake() {
    let error: crate::Error = Query::new("(", QueryOptions { regex: true, ignore_case: false }).unwrap_err().into();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "badQuery"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_has_the_last_lines() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let run = ended(&engine, "apple").await;
    assert_eq!(run.tail("first", 0, 2).await.unwrap(), "two\nthree apple");
    assert_eq!(run.tail("again", 1, 9).await.unwrap(), "again apple\n");
    assert_eq!(run.tail("nobody", 0, 2).await.unwrap_err().code(), "noSuchTask");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_downloaded_as_one_text() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let run = ended(&engine, "apple").await;
    let whole = text(run.download(DownloadOptions::default()).await.unwrap()).await;
    let lines: Vec<&str> = whole.lines().collect();
    let heads: Vec<&str> =
        lines.iter().filter(|line| line.starts_with("==> ")).map(|line| line.rsplit_once(", ").unwrap().0).collect();
    assert_eq!(
        heads,
        [
            "==> chatty#1, Build / first, attempt 1, succeeded",
            "==> chatty#1, Build / again, attempt 1, failed",
            "==> chatty#1, Build / again, attempt 2, failed",
            "==> chatty#1, finally / last, attempt 1, succeeded",
        ]
    );
    let bare: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("==> ")).collect();
    let expected =
        ["one apple", "two", "three apple", "", "again apple", "", "again apple", "", "last apple", "apple apple"];
    assert_eq!(bare, expected);

    let stamped = text(run.download(DownloadOptions { timestamps: true }).await.unwrap()).await;
    for line in stamped.lines().filter(|line| !line.is_empty() && !line.starts_with("==> ")) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && expected.contains(&rest), "{line}");
    }
    let reader = Reader::open(folder.path().join("data")).unwrap();
    assert_eq!(text(reader.download(run.id(), DownloadOptions::default()).await.unwrap()).await, whole);
    engine.close().await.unwrap();
}
