//! The stream of everything: over a store that a test writes, and over an engine.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use tokio::sync::watch;

use super::pipeline;
use crate::audit::{AuditEntry, Change};
use crate::clock::Clock;
use crate::engine::archive::Archive;
use crate::engine::engine_events::Live;
use crate::engine::{Engine, EngineEvent, EngineEventKind, EngineEvents, Event, EventFilter, EventKind, RunRequest};
use crate::log::LogStore;
use crate::pipeline::TaskId;
use crate::run::{RunEvent, RunId, RunStatus, Seq};
use crate::store::{Append, Batch, LogEntry, MemoryStore, Position, Stamped};
use crate::testing::store_conformance::{digest, moment, new_runs, record, run_id};
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

/// A store that a test writes, and what tells subscribers of it.
struct Source {
    _folder: tempfile::TempDir,
    archive: Archive,
    commits: watch::Sender<u64>,
    closing: watch::Sender<bool>,
}

impl Source {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = LogStore::new(folder.path().join("logs"));
        let archive =
            Archive { store: Arc::new(MemoryStore::new()), logs, blobs: crate::blob::BlobStore::folder("nowhere") };
        Self { _folder: folder, archive, commits: watch::Sender::new(0), closing: watch::Sender::new(false) }
    }

    /// With runs 1 to `runs`: the odd ones of pipeline `a`, the even ones of pipeline `b`.
    async fn with_runs(runs: u64) -> Self {
        let source = Self::new();
        let records = (1..=runs).map(|run| record(run, pipeline_of(run), run));
        source.commit(new_runs(records)).await;
        source
    }

    async fn commit(&self, batch: Batch) {
        self.archive.store.commit(batch).await.unwrap();
        self.commits.send_modify(|count| *count += 1);
    }

    async fn append(&self, run: u64, events: impl IntoIterator<Item = RunEvent>) {
        let last = self.archive.store.listing(run_id(run)).await.unwrap().unwrap().last;
        self.commit(Batch { appends: vec![append(run, last, events)], ..Batch::default() }).await;
    }

    async fn stream(&self, after: Position, filter: EventFilter) -> EngineEvents {
        let live = Live::new(self.commits.subscribe(), self.closing.subscribe());
        EngineEvents::new(self.archive.clone(), after, filter, Some(live)).await.unwrap()
    }

    /// As a reader beside an engine has it: to the end of what there is.
    async fn what_there_is(&self, filter: EventFilter) -> crate::Result<EngineEvents> {
        EngineEvents::new(self.archive.clone(), Position::default(), filter, None).await
    }

    async fn positions(&self) -> Vec<Position> {
        let all = self.archive.store.committed(Position::default(), usize::MAX).await.unwrap();
        all.into_iter().map(|entry| entry.position).collect()
    }
}

fn pipeline_of(run: u64) -> &'static str {
    if run % 2 == 1 { "a" } else { "b" }
}

fn append(run: u64, expected: Seq, events: impl IntoIterator<Item = RunEvent>) -> Append {
    let events = events.into_iter().map(|event| Stamped { at: moment(expected.0), event }).collect();
    Append { run: run_id(run), expected, events, digest: None }
}

fn task_running() -> RunEvent {
    RunEvent::TaskRunning { task: TaskId::new("t"), attempt: 1 }
}

fn log_piece(from: u64, to: u64) -> RunEvent {
    RunEvent::LogAppended { task: TaskId::new("t"), attempt: 1, from, to, source: to }
}

fn change(change: Change) -> Batch {
    Batch { audit: vec![AuditEntry { at: moment(1), by: "ana".to_owned(), change }], ..Batch::default() }
}

async fn next(stream: &mut EngineEvents) -> EngineEvent {
    stream.next().await.unwrap().expect("the stream goes on")
}

fn types(words: &[&str]) -> EventFilter {
    EventFilter { types: words.iter().map(|word| (*word).to_owned()).collect(), ..EventFilter::default() }
}

#[tokio::test]
async fn what_is_there_comes_first_and_then_what_is_committed() {
    let source = Source::with_runs(2).await;
    source.append(1, [RunEvent::RunStarted]).await;
    let mut stream = source.stream(Position::default(), EventFilter::default()).await;
    assert_eq!(next(&mut stream).await.pipeline.as_deref(), Some("a"));
    assert!(stream.next().now_or_never().is_none(), "there is nothing yet");
    source.append(2, [RunEvent::RunStarted]).await;
    assert_eq!(next(&mut stream).await.pipeline.as_deref(), Some("b"));
    source.commit(change(Change::BackupMade { path: "/b".to_owned() })).await;
    assert_eq!(next(&mut stream).await.type_name(), "backupMade");
    source.closing.send_replace(true);
    assert_eq!(stream.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_subscriber_that_waits_is_woken_by_a_commit_and_by_the_end() {
    let source = Source::with_runs(1).await;
    let mut stream = source.stream(Position::default(), EventFilter::default()).await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        tell.send(next(&mut stream).await).unwrap();
        stream.next().await.unwrap()
    });
    tokio::task::yield_now().await;
    source.append(1, [RunEvent::RunStarted]).await;
    assert_eq!(told.await.unwrap().type_name(), "runStarted");
    source.closing.send_replace(true);
    assert_eq!(waiting.await.unwrap(), None);
}

#[tokio::test]
async fn nobody_who_reads_nothing_holds_up_a_commit_and_nothing_is_lost_for_them() {
    let source = Source::with_runs(1).await;
    let mut stream = source.stream(Position::default(), EventFilter::default()).await;
    source.append(1, [RunEvent::RunStarted]).await;
    assert_eq!(next(&mut stream).await.type_name(), "runStarted");
    for _ in 0..100 {
        source.append(1, (0..1000).map(|_| task_running())).await;
    }
    assert_eq!(stream.buffered(), 0, "nothing is kept for it in memory");
    let mut seen = 0;
    while seen < 100_000 {
        let event = next(&mut stream).await;
        seen += 1;
        let EngineEventKind::Run(event) = event.kind else { panic!("{event}") };
        assert_eq!(event.seq, Seq(seen + 1), "without a gap or a double");
        assert!(stream.buffered() <= 256);
    }
    assert!(stream.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_filter_that_leaves_out_nearly_everything_goes_on_and_says_how_far_it_has_looked() {
    let source = Source::with_runs(2).await;
    source.append(1, (0..5000).map(|_| task_running())).await;
    source.append(2, [RunEvent::RunStarted]).await;
    source.append(1, (0..5000).map(|_| task_running())).await;
    let filter = EventFilter { pipelines: vec!["b".to_owned()], ..EventFilter::default() };
    let mut stream = source.stream(Position::default(), filter.clone()).await;
    let found = next(&mut stream).await;
    assert_eq!((found.position, stream.position()), (source.positions().await[5000], found.position));
    // It gives the thread away between pages: polled once, it has not looked at everything.
    assert!(stream.next().now_or_never().is_none());
    let newest = source.archive.store.newest().await.unwrap();
    assert!(stream.position() < newest);
    while stream.position() < newest {
        assert!(stream.next().now_or_never().is_none());
    }
    // Who goes on from here does not look at it again.
    let mut later = source.stream(stream.position(), filter).await;
    assert!(later.next().now_or_never().is_none());
    source.append(2, [RunEvent::RunTimedOut]).await;
    assert_eq!(next(&mut later).await.type_name(), "runTimedOut");
}

#[tokio::test]
async fn pieces_of_log_come_only_when_they_are_wanted() {
    let source = Source::with_runs(1).await;
    let key = crate::run::StepKey { run: run_id(1), task: TaskId::new("t"), attempt: 1 };
    let (from, unmasked) = (crate::run::LogPosition::default(), Box::new(crate::log::NoMask));
    let mut writer = source.archive.logs.writer(&key, from, unmasked, crate::log::LogLimits::default()).unwrap();
    writer.append(b"hello\n", moment(1).wall).unwrap();
    writer.sync().unwrap();
    source.append(1, [RunEvent::RunStarted, log_piece(0, 6), RunEvent::RunTimedOut]).await;

    let words = |filter| async {
        let mut stream = source.what_there_is(filter).await.unwrap();
        let mut words = Vec::new();
        while let Some(event) = stream.next().await.unwrap() {
            if let EngineEventKind::Run(Event { kind: EventKind::Log { bytes, .. }, .. }) = &event.kind {
                assert_eq!(bytes, "hello\n");
            }
            words.push(event.type_name());
        }
        words
    };
    assert_eq!(words(EventFilter::default()).await, ["runStarted", "runTimedOut"]);
    assert_eq!(words(types(&["runStarted"])).await, ["runStarted"]);
    assert_eq!(words(types(&["log"])).await, ["log"]);
    assert_eq!(words(EventFilter { logs: true, ..types(&["runStarted"]) }).await, ["runStarted", "log"]);
    assert_eq!(words(EventFilter { logs: true, ..EventFilter::default() }).await, ["runStarted", "log", "runTimedOut"]);
}

#[tokio::test]
async fn the_log_of_a_run_that_was_deleted_meanwhile_is_left_out() {
    let source = Source::with_runs(2).await;
    source.append(1, [RunEvent::RunStarted, log_piece(0, 6)]).await;
    source.append(2, [RunEvent::RunStarted]).await;
    let filter = EventFilter { logs: true, ..EventFilter::default() };
    let mut stream = source.stream(Position::default(), filter).await;
    assert_eq!(next(&mut stream).await.type_name(), "runStarted");
    let ended = Append { digest: Some(digest(RunStatus::Failed, true)), ..append(1, Seq(2), [RunEvent::RunReleased]) };
    source.commit(Batch { appends: vec![ended], deletes: vec![run_id(1)], ..Batch::default() }).await;
    let event = next(&mut stream).await;
    assert_eq!((event.type_name(), event.pipeline.as_deref()), ("runStarted", Some("b")));
}

#[tokio::test]
async fn a_word_that_no_event_has_is_refused_with_the_nearest_one() {
    let source = Source::new();
    for (word, said) in [("runFinish", r#"did you mean "runFinished"?"#), ("pipelineUpdate", r#""pipelineUpdated""#)] {
        let error = source.what_there_is(types(&[word])).await.unwrap_err();
        assert_eq!(error.code(), "unknownEventType");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_position_that_never_was_is_refused() {
    let source = Source::with_runs(1).await;
    source.append(1, [RunEvent::RunStarted]).await;
    let newest = source.archive.store.newest().await.unwrap();
    let ahead = Position(newest.0 + 1);
    let error = EngineEvents::new(source.archive.clone(), ahead, EventFilter::default(), None).await.unwrap_err();
    assert_eq!(error.code(), "unknownPosition");
    let mut at_the_end = source.stream(newest, EventFilter::default()).await;
    assert!(at_the_end.next().now_or_never().is_none());
}

/// The words in `type` that an enum of serde knows: it tells them when it meets one that it does not know.
fn words_of<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    #[derive(Debug)]
    struct Known(&'static [&'static str]);
    impl std::fmt::Display for Known {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{self:?}")
        }
    }
    impl std::error::Error for Known {}
    impl serde::de::Error for Known {
        fn custom<M: std::fmt::Display>(message: M) -> Self {
            panic!("{message}")
        }
        fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
            Self(known)
        }
    }
    let nothing = MapDeserializer::<_, Known>::new([("type", "no such word")].into_iter());
    match T::deserialize(nothing) {
        Err(Known(words)) => words.to_vec(),
        Ok(_) => panic!("there is such a word"),
    }
}

#[test]
fn the_lists_of_words_are_complete() {
    let mut facts = words_of::<RunEvent>();
    facts.retain(|word| !["workspaceReady", "runReleased"].contains(word));
    let events: Vec<_> = Event::TYPES.iter().map(|word| if *word == "log" { "logAppended" } else { word }).collect();
    assert_eq!(events, facts);
    assert_eq!(Change::KINDS, words_of::<Change>());
}

#[tokio::test]
async fn an_event_is_one_line_of_json() {
    let source = Source::with_runs(1).await;
    let queued = RunEvent::RunQueued { number: 1, pipeline: "a".to_owned() };
    source.append(1, [queued, RunEvent::RunStarted]).await;
    let cancelled = Change::RunCancelled { run: run_id(1), pipeline: "a".to_owned(), reason: "no".to_owned() };
    source.commit(change(cancelled)).await;
    source.commit(change(Change::BackupMade { path: "/b".to_owned() })).await;
    let mut stream = source.stream(Position::default(), EventFilter::default()).await;
    let (mut lines, mut texts) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let event = next(&mut stream).await;
        lines.push(serde_json::to_string(&event).unwrap());
        texts.push(event.to_string());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"position":1,"run":"00000000-0001-7000-8000-000000000000","seq":1,"time":"2026-09-21T14:13:20.000Z","type":"runQueued","pipeline":"a","number":1}
    {"position":2,"pipeline":"a","run":"00000000-0001-7000-8000-000000000000","seq":2,"time":"2026-09-21T14:13:20.000Z","type":"runStarted"}
    {"position":3,"time":"2026-09-21T14:13:20.001Z","by":"ana","type":"runCancelled","run":"00000000-0001-7000-8000-000000000000","pipeline":"a","reason":"no"}
    {"position":4,"time":"2026-09-21T14:13:20.001Z","by":"ana","type":"backupMade","path":"/b"}
    "#);
    insta::assert_snapshot!(texts.join("\n"), @r"
    a 00000000-0001-7000-8000-000000000000: run a#1 is queued
    a 00000000-0001-7000-8000-000000000000: run started
    run cancelled by ana: a 00000000-0001-7000-8000-000000000000
    backup made by ana
    ");
}

// A subscriber of an engine.

async fn engine(
    clock: &VirtualClock,
    script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor,
) -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let executor = script(ScriptedExecutor::new(Arc::new(clock.clone())));
    let engine = Engine::builder()
        .data_dir(folder.path().join("data"))
        .executor("scripted", executor)
        .store(MemoryStore::new())
        .clock(Arc::new(clock.clone()))
        .open()
        .await
        .unwrap();
    (folder, engine)
}

#[tokio::test]
async fn a_subscriber_that_is_silent_for_a_minute_has_missed_nothing() {
    let clock = VirtualClock::auto_after(Duration::from_millis(20));
    let script = Script::succeeds().log("working").after(Duration::from_secs(5)).log("done");
    let (_folder, engine) = engine(&clock, |executor| executor.task("t", script)).await;
    let filter = EventFilter { logs: true, ..EventFilter::default() };
    let mut stream = engine.events(filter.clone()).await.unwrap();
    let document = pipeline("name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]");
    let first = engine.start(&document, RunRequest::manual()).await.unwrap();
    assert_eq!(next(&mut stream).await.type_name(), "runQueued");
    for _ in 0..9 {
        engine.start(&document, RunRequest::manual()).await.unwrap();
    }
    clock.sleep_until(clock.now().elapsed + Duration::from_secs(60)).await;

    let (mut ended, mut asked, mut of_first) = (0, 0, Vec::new());
    while ended < 10 {
        let event = next(&mut stream).await;
        ended += usize::from(event.type_name() == "runFinished");
        asked += usize::from(event.type_name() == "runRequested");
        if let EngineEventKind::Run(event) = event.kind
            && event.run == first.id()
        {
            of_first.push(event);
        }
    }
    assert_eq!(asked, 10);
    let mut stored = first.events().await.unwrap();
    assert!(matches!(stored.next().await.unwrap().unwrap().kind, EventKind::RunQueued { .. }));
    for event in of_first {
        assert_eq!(stored.next().await.unwrap(), Some(event), "the same as in the stream of the run");
    }
    assert_eq!(stored.next().await.unwrap(), None);
    engine.close().await.unwrap();
    while stream.next().await.unwrap().is_some() {}
}

// The property: however it is read, a stream is the filter over what was committed.

/// One thing that a writer commits.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Fact(u64, usize),
    Change(u64, usize),
}

fn fact(which: usize) -> RunEvent {
    let all = [
        RunEvent::RunStarted,
        task_running(),
        log_piece(0, 3),
        RunEvent::WorkspaceReady { generation: 1 },
        RunEvent::FinallyStarted,
        RunEvent::RunReleased,
    ];
    all[which % all.len()].clone()
}

fn changed(run: u64, which: usize) -> Change {
    let pipeline = pipeline_of(run).to_owned();
    match which % 3 {
        0 => Change::RunCancelled { run: run_id(run), pipeline, reason: String::new() },
        1 => Change::PipelineActivated { pipeline },
        _ => Change::BackupMade { path: "/b".to_owned() },
    }
}

fn deeds() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    let deed = prop_oneof![
        3 => (1..5u64, 0..6usize).prop_map(|(run, which)| Deed::Fact(run, which)),
        1 => (1..5u64, 0..3usize).prop_map(|(run, which)| Deed::Change(run, which)),
    ];
    prop::collection::vec(prop::collection::vec(deed, 1..6), 0..25)
}

fn filters() -> impl Strategy<Value = EventFilter> {
    let words = vec!["runStarted", "taskRunning", "log", "finallyStarted", "runCancelled", "backupMade"];
    (
        prop::collection::vec(prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]), 0..3),
        prop::option::of((1..5u64).prop_map(run_id)),
        prop::collection::vec(prop::sample::select(words).prop_map(str::to_owned), 0..4),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(pipelines, run, types, logs, changes)| EventFilter { pipelines, run, types, logs, changes })
}

fn batch(deeds: &[Deed], lasts: &mut [Seq; 5]) -> Batch {
    let mut batch = Batch::default();
    for deed in deeds {
        match *deed {
            Deed::Fact(run, which) => {
                let last = &mut lasts[run as usize];
                batch.appends.push(append(run, *last, [fact(which)]));
                *last = last.next();
            }
            Deed::Change(run, which) => batch.audit.extend(change(changed(run, which)).audit),
        }
    }
    batch
}

/// What a filter means, said once more in another way.
fn wanted(filter: &EventFilter, entry: &LogEntry) -> bool {
    let (word, pipeline, run): (&str, Option<&str>, Option<RunId>) = match entry {
        LogEntry::Event(fact, pipeline) => (fact.event.kind(), Some(pipeline), Some(fact.run)),
        LogEntry::Change(entry) => (entry.change.kind(), entry.change.pipeline(), entry.change.run()),
    };
    let named = |word: &str| filter.types.contains(&word.to_owned());
    let type_wanted = match (word, entry) {
        ("workspaceReady" | "runReleased", _) => false,
        ("logAppended", _) => filter.logs || named("log"),
        (_, LogEntry::Change(_)) if !filter.changes => false,
        _ => filter.types.is_empty() || named(word),
    };
    let right_pipeline =
        filter.pipelines.is_empty() || pipeline.is_some_and(|p| filter.pipelines.contains(&p.to_owned()));
    type_wanted && right_pipeline && filter.run.is_none_or(|wanted| run == Some(wanted))
}

/// Reads while somebody writes; begins again from `position` after so many events, and gives every other call up when it
/// does not answer at once. Returns the positions that came and those that should have come.
async fn read_beside_a_writer(
    commits: Vec<Vec<Deed>>,
    filter: EventFilter,
    page: usize,
    again_after: usize,
) -> (Vec<Position>, Vec<Position>) {
    let mut source = Source::with_runs(4).await;
    let store = source.archive.store.clone();
    let teller = std::mem::replace(&mut source.commits, watch::Sender::new(0));
    let (told, closing) = (teller.subscribe(), source.closing.subscribe());
    let archive = source.archive.clone();
    let open = async |after| {
        let live = Live::new(told.clone(), closing.clone());
        EngineEvents::new(archive.clone(), after, filter.clone(), Some(live)).await.unwrap().with_pages_of(page)
    };
    let writer_store = store.clone();
    let writer = tokio::spawn(async move {
        let mut lasts = [Seq::ZERO; 5];
        for deeds in &commits {
            writer_store.commit(batch(deeds, &mut lasts)).await.unwrap();
            teller.send_modify(|count| *count += 1);
            tokio::task::yield_now().await;
        }
        // `teller` goes here: then the stream ends with what there is.
    });
    let (mut stream, mut seen, mut calls) = (open(Position::default()).await, Vec::new(), 0);
    loop {
        calls += 1;
        let answer = if calls % 2 == 0 { stream.next().now_or_never() } else { Some(stream.next().await) };
        match answer {
            None => tokio::task::yield_now().await,
            Some(event) => match event.unwrap() {
                None => break,
                Some(event) => seen.push(event.position),
            },
        }
        if seen.len() % again_after == 0 {
            stream = open(stream.position()).await;
        }
    }
    writer.await.unwrap();
    let all = store.committed(Position::default(), usize::MAX).await.unwrap();
    let wanted = all.into_iter().filter(|entry| wanted(&filter, &entry.entry)).map(|entry| entry.position);
    (seen, wanted.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_the_filter_over_what_was_committed(
        commits in deeds(),
        filter in filters(),
        page in 1usize..8,
        again_after in 1usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (seen, wanted) = runtime.block_on(read_beside_a_writer(commits, filter, page, again_after));
        prop_assert_eq!(seen, wanted);
    }
}
