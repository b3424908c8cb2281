//! The stream of everything over SQLite: beside an engine, and from one engine to the next.

use std::path::Path;

use super::pipeline;
use crate::engine::{Engine, EngineEvents, EventFilter, Reader, RunRequest};
use crate::store::Position;

const DOCUMENT: &str = r#"
name: p
stages: [{name: S, order: parallel, tasks: [{name: t, matrix: {N: [a, b]}, script: 'echo one; sleep 0.02; echo two'}]}]
"#;

async fn open(folder: &Path) -> Engine {
    Engine::builder().data_dir(folder).open().await.unwrap()
}

fn everything() -> EventFilter {
    EventFilter { logs: true, ..EventFilter::default() }
}

async fn runs(engine: &Engine, count: usize) {
    for _ in 0..count {
        let run = engine.start(&pipeline(DOCUMENT), RunRequest::manual()).await.unwrap();
        assert!(run.wait().await.unwrap().succeeded());
    }
}

/// The lines of what there is, to the end, or until so many.
async fn lines(stream: &mut EngineEvents, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < most
        && let Some(event) = stream.next().await.unwrap()
    {
        lines.push(serde_json::to_string(&event).unwrap());
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_what_there_is_and_later_what_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    runs(&engine, 1).await;
    let reader = Reader::open(folder.path()).unwrap();
    let mut stream = reader.events(everything()).await.unwrap();
    let first = lines(&mut stream, usize::MAX).await;
    assert_eq!(stream.position(), reader.newest().await.unwrap());
    assert_eq!(stream.next().await.unwrap(), None);
    runs(&engine, 1).await;
    let second = lines(&mut stream, usize::MAX).await;
    let mut both = reader.events(everything()).await.unwrap();
    assert_eq!(lines(&mut both, usize::MAX).await, [first, second].concat());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_goes_on_with_the_next_engine_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut seen, mut cursor) = (Vec::new(), Position::default());
    for number in 1..=3 {
        let engine = open(folder.path()).await;
        let mut stream = engine.events_after(cursor, everything()).await.unwrap();
        let (_, some) = tokio::join!(runs(&engine, 2), lines(&mut stream, 7 * number));
        seen.extend(some);
        // What it has read and not dealt with comes again.
        cursor = stream.position();
        engine.close().await.unwrap();
        assert_eq!(stream.position(), cursor);
    }
    let reader = Reader::open(folder.path()).unwrap();
    seen.extend(lines(&mut reader.events_after(cursor, everything()).await.unwrap(), usize::MAX).await);
    let all = lines(&mut reader.events(everything()).await.unwrap(), usize::MAX).await;
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_subscribers_see_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let subscribers: Vec<_> = (0..8)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut stream = engine.events(everything()).await.unwrap();
                let (mut seen, mut ended) = (Vec::new(), 0);
                while ended < 3 {
                    let event = stream.next().await.unwrap().unwrap();
                    ended += usize::from(event.type_name() == "runFinished");
                    seen.push(serde_json::to_string(&event).unwrap());
                }
                seen
            })
        })
        .collect();
    runs(&engine, 3).await;
    let all = lines(&mut Reader::open(folder.path()).unwrap().events(everything()).await.unwrap(), usize::MAX).await;
    for subscriber in subscribers {
        let seen = subscriber.await.unwrap();
        assert_eq!(seen, all[..seen.len()]);
    }
    engine.close().await.unwrap();
}
