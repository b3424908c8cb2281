//! Requests over a real socket, and clients that mean no good.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Control;
use super::heard::{answer_line, read_request};
use super::protocol::{Request, read_answer, request_line};
use super::server::may_speak;
use crate::clock::{Clock, SystemClock};
use crate::engine::{Engine, EngineBuilder, EventKind, Run, RunRequest};
use crate::error::{Error, ErrorKind};
use crate::pipeline::{Pipeline, read};
use crate::store::MemoryStore;
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

const DOCUMENT: &str =
    "name: p\nstages: [{name: S, tasks: [{name: sign-off, approve: {message: 'Ship?'}}, {name: ship, script: x}]}]";

fn definition() -> Pipeline {
    read(DOCUMENT.as_bytes(), "test.yaml").unwrap()
}

fn builder(data_dir: &Path) -> EngineBuilder {
    let executor = ScriptedExecutor::new(Arc::new(VirtualClock::new())).task("ship", Script::succeeds());
    Engine::builder().data_dir(data_dir).executor("scripted", executor).store(MemoryStore::new())
}

struct World {
    _folder: tempfile::TempDir,
    data_dir: PathBuf,
    engine: Engine,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let engine = builder(&data_dir).open().await.unwrap();
    World { _folder: folder, data_dir, engine }
}

impl World {
    fn socket(&self) -> PathBuf {
        self.data_dir.join("control.sock")
    }

    async fn control(&self) -> Control {
        Control::connect(&self.data_dir).await.unwrap()
    }

    /// A run that waits for its approval.
    async fn waiting_run(&self) -> Run {
        let run = self.engine.start(&definition(), RunRequest::manual()).await.unwrap();
        let mut events = run.events().await.unwrap();
        while let Some(event) = events.next().await.unwrap() {
            if matches!(event.kind, EventKind::ApprovalRequested { .. }) {
                return run;
            }
        }
        panic!("nobody was asked");
    }

    fn client(&self) -> UnixStream {
        UnixStream::connect(self.socket()).unwrap()
    }
}

/// What the engine answers to these bytes, line by line, until it hangs up or nothing more was asked.
fn said(client: &mut UnixStream, bytes: &[u8]) -> Value {
    // Who was sent away cannot write any more; what it was told can still be read.
    let _ = client.write_all(bytes);
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

const STATUS: &[u8] = b"{\"version\":1,\"request\":\"status\"}\n";

#[tokio::test(flavor = "multi_thread")]
async fn another_process_approves() {
    let world = world().await;
    let run = world.waiting_run().await;
    let control = world.control().await;
    let status = control.status().await.unwrap();
    assert_eq!((status.pid, status.running, status.queued), (std::process::id(), 1, 0));

    let named = control.approve("latest", "sign-off", "ana", "looks good").await.unwrap();
    assert_eq!((named.id, named.to_string()), (run.id(), "p#1".to_owned()));
    assert!(run.wait().await.unwrap().succeeded());
    let mut events = run.events().await.unwrap();
    let decided = loop {
        if let EventKind::ApprovalDecided { by, reason, .. } = events.next().await.unwrap().unwrap().kind {
            break (by, reason);
        }
    };
    assert_eq!(decided, ("ana".to_owned(), "looks good".to_owned()));
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_rejects_and_cancels() {
    let world = world().await;
    let (first, second) = (world.waiting_run().await, world.waiting_run().await);
    let control = world.control().await;
    control.reject("p#1", "sign-off", "ana", "not today").await.unwrap();
    assert!(!first.wait().await.unwrap().succeeded());
    control.cancel(&second.id().to_string(), "bob", "enough").await.unwrap();
    assert_eq!(second.wait().await.unwrap().status, crate::run::RunStatus::Cancelled);
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_arrive_as_the_engine_made_them() {
    let world = world().await;
    let run = world.waiting_run().await;
    let control = world.control().await;
    let told = |error: Error| (error.kind(), error.code());
    assert_eq!(told(control.cancel("p#7", "ana", "").await.unwrap_err()), (ErrorKind::NotFound, "noSuchRun"));
    let error = control.approve("p#1", "nobody", "ana", "").await.unwrap_err();
    assert!(error.to_string().contains("\"nobody\""), "{error}");
    assert_eq!(told(error), (ErrorKind::NotFound, "noSuchTask"));
    assert_eq!(told(control.approve("p#1", "ship", "ana", "").await.unwrap_err()), (ErrorKind::Conflict, "notWaiting"));
    control.approve("p#1", "sign-off", "ana", "").await.unwrap();
    run.wait().await.unwrap();
    assert_eq!(told(control.cancel("p#1", "ana", "").await.unwrap_err()), (ErrorKind::Conflict, "runEnded"));
    let reason = "x".repeat(100_000);
    let error = control.cancel("p#1", "ana", &reason).await.unwrap_err();
    assert_eq!(told(error), (ErrorKind::Invalid, "requestTooLong"));
    assert!(control.status().await.is_ok(), "the client goes on");
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_answered_and_harms_nothing() {
    let world = world().await;
    let mut client = world.client();
    for bad in [
        "garbage\n",
        "\n",
        "[]\n",
        "{}\n",
        "{\"version\":1}\n",
        "{\"version\":1,\"request\":\"fly\"}\n",
        "{\"version\":1,\"request\":\"cancel\",\"run\":\"latest\"}\n",
        "{\"version\":1,\"request\":\"status\",\"more\":1}\n",
        "{\"request\":\"status\"}\n",
    ] {
        assert_eq!(code(&said(&mut client, bad.as_bytes())), "badRequest", "{bad}");
    }
    assert_eq!(code(&said(&mut client, b"\xff\xfe\0\n")), "badRequest");
    assert_eq!(code(&said(&mut client, b"{\"version\":2,\"request\":\"status\"}\n")), "requestVersion");
    assert_eq!(said(&mut client, STATUS)["ok"]["pid"], std::process::id());

    let mut endless = world.client();
    assert_eq!(code(&said(&mut endless, &vec![b'['; 70_000])), "requestTooLong");
    let mut rest = Vec::new();
    let _ = endless.read_to_end(&mut rest);
    assert_eq!(rest, b"", "it was sent away");
    // Half a request is none.
    world.client().write_all(&STATUS[..20]).unwrap();
    assert!(world.control().await.status().await.is_ok());
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_hold_up_nobody_and_are_sent_away() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let clock = VirtualClock::new();
    let engine = builder(&data_dir).clock(Arc::new(clock.clone())).open().await.unwrap();
    let world = World { _folder: folder, data_dir, engine };
    let silent: Vec<UnixStream> = (0..31).map(|_| world.client()).collect();
    let mut last = world.client();
    assert!(said(&mut last, STATUS)["ok"].is_object(), "there is room for one more");
    clock.until_sleepers(32).await;
    assert_eq!(code(&said(&mut world.client(), STATUS)), "tooManyClients");
    assert_eq!(world.control().await.status().await.unwrap_err().code(), "tooManyClients");

    clock.advance(Duration::from_secs(31)).await;
    for mut client in silent {
        assert_eq!(client.read(&mut [0; 9]).unwrap(), 0, "it was sent away");
    }
    assert!(world.control().await.status().await.is_ok());
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_users_own_and_goes_with_the_engine() {
    let world = world().await;
    let mode = std::fs::metadata(world.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let control = world.control().await;
    world.engine.close().await.unwrap();
    assert!(!world.socket().exists());
    assert_eq!(Control::connect(&world.data_dir).await.unwrap_err().code(), "noEngine");
    assert_eq!(control.status().await.unwrap_err().code(), "engineGone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_dead_engine_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    builder(&data_dir).open().await.unwrap().close().await.unwrap();
    // What a killed engine leaves: files, and nobody who listens.
    for name in ["control.sock", "control.new"] {
        drop(UnixListener::bind(data_dir.join(name)).unwrap());
    }
    assert_eq!(Control::connect(&data_dir).await.unwrap_err().code(), "noEngine");
    let engine = builder(&data_dir).open().await.unwrap();
    assert!(Control::connect(&data_dir).await.unwrap().status().await.is_ok());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_can_do_without() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let engine = builder(&data_dir).control(false).open().await.unwrap();
    assert!(!data_dir.join("control.sock").exists());
    let error = Control::connect(&data_dir).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "noEngine"));
    engine.close().await.unwrap();
    let error = Control::connect(folder.path().join("nowhere")).await.unwrap_err();
    assert_eq!(error.code(), "notADataDir");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_can_have_a_long_path() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("d".repeat(120)).join("e".repeat(200));
    let engine = builder(&data_dir).open().await.unwrap();
    assert!(Control::connect(&data_dir).await.unwrap().status().await.is_ok());
    engine.close().await.unwrap();
    assert!(!data_dir.join("control.sock").exists());
}

#[tokio::test]
async fn an_idle_engine_that_is_dropped_takes_its_socket_along() {
    let world = world().await;
    let (socket, clock) = (world.socket(), SystemClock::resume(None));
    drop(world.engine);
    // It may still be removing what a crash could have left.
    let limit = clock.now().elapsed + Duration::from_secs(10);
    while socket.exists() {
        assert!(clock.now().elapsed < limit, "the socket is still there");
        clock.sleep_until(clock.now().elapsed + Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_engine_lets_no_further_run_go() {
    let world = world().await;
    let run = world.waiting_run().await;
    let control = world.control().await;
    assert_eq!(control.drain().await.unwrap().running, 1);
    world.engine.start(&definition(), RunRequest::manual()).await.unwrap();
    control.cancel("p#1", "ana", "").await.unwrap();
    run.wait().await.unwrap();
    let status = control.status().await.unwrap();
    assert_eq!((status.running, status.queued), (0, 1));
    world.engine.close().await.unwrap();
}

#[test]
fn only_the_user_and_root_may_speak() {
    assert!(may_speak(1000, 1000));
    assert!(may_speak(0, 1000));
    assert!(!may_speak(1001, 1000));
    assert!(!may_speak(1000, 0));
}

#[test]
fn a_request_is_one_line_with_a_version() {
    let request = Request::Cancel { run: "p#1".to_owned(), by: "ana\n".to_owned(), reason: String::new() };
    let line = request_line(&request).unwrap();
    let value: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value, json!({"version": 1, "request": "cancel", "run": "p#1", "by": "ana\n", "reason": ""}));
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    assert_eq!(read_request(&line).unwrap(), request);
}

#[test]
fn errors_go_there_and_back() {
    let error = Error::new(ErrorKind::Unavailable, "noSpace", "cancel", "no space is left");
    let back = read_answer::<Value>(&answer_line::<Value>(&Err(error))).unwrap_err();
    assert_eq!(
        (back.kind(), back.code(), back.to_string()),
        (ErrorKind::Unavailable, "noSpace", "no space is left".to_owned())
    );
    assert!(back.is_retryable());
    for answer in ["{}", "{\"error\":{}}", "garbage", "{\"ok\":1,\"error\":2}"] {
        assert_eq!(read_answer::<Request>(answer.as_bytes()).unwrap_err().code(), "badAnswer", "{answer}");
    }
    let odd = b"{\"error\":{\"kind\":\"strange\",\"code\":\"a b\",\"message\":\"m\"}}";
    let odd = read_answer::<Value>(odd).unwrap_err();
    assert_eq!((odd.kind(), odd.code()), (ErrorKind::Internal, "engineFailed"));
}

proptest! {
    #[test]
    fn no_bytes_are_a_request_by_chance(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_request(&bytes).is_err());
        prop_assert!(read_answer::<Request>(&bytes).is_err());
    }
}

#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
async fn measure_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            let began = std::time::Instant::now();
            let (door, file) = super::Door::open(folder.path().join("control.sock")).unwrap();
            let time = began.elapsed();
            drop((door, file));
            time
        })
        .collect();
    times.sort();
    println!("making the socket: {:?} (lowest {:?})", times[100], times[0]);
}
