//! What a durable commit costs, beside its floor. Run with
//! `cargo test --release -p windlass --lib measure -- --ignored --nocapture --test-threads=1`.
#![expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]

use std::time::{Duration, Instant};

use rusqlite::params;

use super::{block_on, raw};
use crate::store::sqlite::change::Change;
use crate::store::sqlite::schema;
use crate::store::sqlite::writer::{Pen, write};
use crate::store::{SqliteStore, Store};
use crate::testing::store_conformance::{append, appends, new_runs, record};

const COMMITS: u64 = 3000;

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
    format!("{:.3} ms, ninth decile {:.3} ms", at(50), at(90))
}

/// The same rows in one plain table: BEGIN, four inserts, COMMIT.
fn floor(path: &std::path::Path) -> Vec<Duration> {
    let db = raw(path);
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    db.execute_batch("PRAGMA synchronous = FULL; CREATE TABLE events (position INTEGER PRIMARY KEY, body TEXT)")
        .unwrap();
    let body = serde_json::to_string(&append(1, 0, 1).events[0].event).unwrap();
    let commit = |_| {
        let began = Instant::now();
        db.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for _ in 0..4 {
            db.prepare_cached("INSERT INTO events (body) VALUES (?1)").unwrap().execute(params![body]).unwrap();
        }
        db.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
        began.elapsed()
    };
    (0..COMMITS).map(commit).collect()
}

/// What the writer's thread does, without the thread.
fn direct(path: &std::path::Path) -> Vec<Duration> {
    let mut pen = Pen::new(schema::open_for_writing(path).unwrap()).unwrap();
    write(&mut pen, &[Change::encode(new_runs([record(1, "a", 1)])).unwrap()]).unwrap();
    let mut commit = |batch| {
        let batch = appends([append(1, batch * 4, 4)]);
        let began = Instant::now();
        write(&mut pen, &[Change::encode(batch).unwrap()]).unwrap();
        began.elapsed()
    };
    (0..COMMITS).map(&mut commit).collect()
}

async fn there_and_back(store: &SqliteStore) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..COMMITS {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let began = Instant::now();
        store.writer.as_ref().unwrap().with(move |_| answer.send(()).unwrap());
        answered.await.unwrap();
        times.push(began.elapsed());
    }
    times
}

#[test]
#[ignore = "a measurement"]
fn measure_durable_commits() {
    let folder = tempfile::tempdir_in(".").unwrap();
    println!("floor, 4 inserts and a flush:   {}", median(floor(&folder.path().join("floor.db"))));
    let store = SqliteStore::open(folder.path().join("windlass.db")).unwrap();
    block_on(async {
        store.commit(new_runs((1..=32).map(|id| record(id, "a", id)))).await.unwrap();
        let mut times = Vec::new();
        for batch in 0..COMMITS {
            let batch = appends([append(1, batch * 4, 4)]);
            let began = Instant::now();
            store.commit(batch).await.unwrap();
            times.push(began.elapsed());
        }
        println!("one after another, 4 events:    {}", median(times));
        println!("of that without the thread:     {}", median(direct(&folder.path().join("direct.db"))));
        println!("to the thread and back:         {}", median(there_and_back(&store).await));
        let began = Instant::now();
        let writers = (2..=32).map(|run| {
            let store = &store;
            async move {
                for batch in 0..100 {
                    store.commit(appends([append(run, batch * 4, 4)])).await.unwrap();
                }
            }
        });
        futures::future::join_all(writers).await;
        println!("31 writers, 4 events a commit:  {:.3} ms a commit", began.elapsed().as_secs_f64() * 1e3 / 3100.0);
        let began = Instant::now();
        let events =
            store.read(crate::testing::store_conformance::run_id(1), crate::run::Seq::ZERO, 12_000).await.unwrap();
        println!("reading {} events:           {:.1} ms", events.len(), began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        let _ = store.listing(crate::testing::store_conformance::run_id(1)).await.unwrap();
        println!("one listing:                    {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    });
    let began = Instant::now();
    drop(store);
    println!("closing:                        {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    let began = Instant::now();
    let store = SqliteStore::open(folder.path().join("windlass.db")).unwrap();
    println!("opening:                        {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    drop(store);
    let began = Instant::now();
    let dir = crate::store::DataDir::open(folder.path().join("new")).unwrap();
    println!("making a data directory:        {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    let began = Instant::now();
    let store = SqliteStore::open(dir.db()).unwrap();
    println!("making a database:              {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    drop(store);
}
