//! The portal, used as a page uses it: over HTTP, by a client that reconnects with `Last-Event-ID`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

/// A portal in a process of its own.
struct Portal {
    process: Child,
    base: String,
    client: Client,
}

impl Portal {
    /// Starts it on a free port, and returns when it answers.
    fn start(data_dir: &Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_portal"));
        let mut process = program.arg(data_dir).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("portal on ").unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
        // Nothing here is encrypted; the client wants to know all the same by whom it would be. Another test may have said it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { process, base, client: Client::new() }
    }

    async fn ask(&self, method: Method, path: &str, user: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).header("x-portal-user", user);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, "", None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, user: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, user, Some(body)).await
    }

    /// Starts a run, and gives its id.
    async fn release(&self, version: &str) -> String {
        let body = json!({"parameters": {"VERSION": version}});
        let (status, run) = self.post("/pipelines/release/runs", "ana", body).await;
        assert_eq!(status, StatusCode::CREATED, "{run}");
        run["id"].as_str().unwrap().to_owned()
    }

    /// Follows an event stream after what the client saw last.
    async fn follow(&self, path: &str, last: Option<&str>) -> Follower {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Follower { response: request.send().await.unwrap(), buffer: String::new() }
    }

    /// Ends the process at once, in the middle of whatever it does.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end, and returns when it has.
    fn stop(mut self) {
        let process = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        // After `kill` and `stop` there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A stream of server-sent events as a browser reads it.
struct Follower {
    response: Response,
    buffer: String,
}

impl Follower {
    /// The next event with its id; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let event = field("id:").zip(field("data:"));
                let event = event.map(|(id, data)| (id.to_owned(), serde_json::from_str(data).unwrap()));
                self.buffer = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    // A comment that keeps the connection open.
                    None => continue,
                }
            }
            // A killed portal ends the connection with an error.
            let piece = self.response.chunk().await.ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        while let Some((id, event)) = self.next().await {
            let found = wanted(&event);
            seen.push((id, event));
            if found {
                return seen;
            }
        }
        panic!("the stream ended before that: {seen:#?}");
    }

    async fn rest(mut self) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            seen.push(event);
        }
        seen
    }
}

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

fn text_of(events: &[(String, Value)], task: &str) -> String {
    let pieces = events.iter().filter(|(_, event)| event["type"] == "log" && event["task"] == task);
    pieces.filter_map(|(_, event)| event["text"].as_str()).collect()
}

#[tokio::test]
async fn a_run_survives_the_portal_and_its_follower_misses_nothing_and_sees_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let portal = Portal::start(data.path());
    let run = portal.release("2.0.0").await;
    let events = format!("/runs/{run}/events");

    // The connection breaks in the middle of the build …
    let mut follower = portal.follow(&events, None).await;
    let mut seen = follower.until(is("log")).await;
    portal.kill();
    seen.extend(follower.rest().await);

    // … and again, in good order, while a person is waited for.
    let portal = Portal::start(data.path());
    let mut follower = portal.follow(&events, seen.last().map(|(id, _)| id.as_str())).await;
    seen.extend(follower.until(is("approvalRequested")).await);
    portal.stop();
    seen.extend(follower.rest().await);

    let portal = Portal::start(data.path());
    let follower = portal.follow(&events, seen.last().map(|(id, _)| id.as_str())).await;
    let approve = format!("/runs/{run}/tasks/sign-off/approve");
    let (status, _) = portal.post(&approve, "ben", json!({"reason": "looks good"})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    seen.extend(follower.rest().await);

    let all = portal.follow(&events, None).await.rest().await;
    assert_eq!(seen, all, "what the follower pieced together is the whole stream");
    assert_eq!(text_of(&all, "build"), "building core of 2.0.0\nbuilding docs of 2.0.0\nbuilding web of 2.0.0\n");
    assert_eq!(text_of(&all, "rollout"), "rolling out release-2.0.0.tar\n");
    let ends = all.iter().filter(|(_, event)| event["type"] == "runFinished").collect::<Vec<_>>();
    assert!(matches!(ends[..], [(_, end)] if end["state"] == "succeeded"), "{ends:?}");
    let decided = all.iter().find(|(_, event)| event["type"] == "approvalDecided").unwrap();
    assert_eq!((&decided.1["by"], &decided.1["reason"]), (&json!("ben"), &json!("looks good")));

    // A browser that has everything is told not to come again.
    let last = all.last().map(|(id, _)| id.as_str());
    assert_eq!(portal.follow(&events, last).await.response.status(), StatusCode::NO_CONTENT);
    portal.stop();
}

#[tokio::test]
async fn the_whole_engine_is_followed_over_a_restart_by_one_cursor() {
    let data = tempfile::tempdir().unwrap();
    let portal = Portal::start(data.path());
    portal.release("1").await;
    let mut follower = portal.follow("/events", None).await;
    let mut seen = follower.until(is("approvalRequested")).await;
    portal.kill();
    seen.extend(follower.rest().await);

    let portal = Portal::start(data.path());
    let mut follower = portal.follow("/events", seen.last().map(|(id, _)| id.as_str())).await;
    let (status, _) = portal.post("/runs/release%231/cancel", "ana", json!({"reason": "not today"})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    seen.extend(follower.until(is("runFinished")).await);

    let mut again = portal.follow("/events", None).await;
    let all = again.until(is("runFinished")).await;
    assert_eq!(seen, all);
    let mut kinds = BTreeMap::<&str, usize>::new();
    for (_, event) in &all {
        *kinds.entry(event["type"].as_str().unwrap()).or_default() += 1;
    }
    for once in ["pipelineCreated", "runRequested", "runQueued", "runCancelled", "cancelRequested", "engineRecovered"] {
        assert_eq!(kinds.get(once), Some(&1), "{once} in {kinds:?}");
    }
    portal.stop();
}

#[tokio::test]
async fn mistakes_are_answered_in_words() {
    let data = tempfile::tempdir().unwrap();
    let portal = Portal::start(data.path());
    assert_eq!(portal.get("/pipelines").await[0]["name"], "release");

    let (status, answer) = portal.post("/pipelines/relase/runs", "ana", json!({})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("noSuchPipeline")), "{answer}");
    let (status, answer) = portal.post("/pipelines/release/runs", "ana", json!({"parameters": {"VERSON": "1"}})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalidPipeline")), "{answer}");

    let run = portal.release("1").await;
    portal.follow(&format!("/runs/{run}/events"), None).await.until(is("approvalRequested")).await;
    let approve = format!("/runs/{run}/tasks/sign-off/approve");
    let (status, answer) = portal.post(&approve, "", json!({})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("unknownUser")), "{answer}");

    // Two people edit the pipeline: the second one is told.
    let shown = portal.get("/pipelines/release").await;
    let mut definition = shown["definition"].clone();
    for (user, status) in [("ana", StatusCode::OK), ("ben", StatusCode::CONFLICT)] {
        definition["description"] = json!(format!("edited by {user}"));
        let body = json!({"version": shown["version"], "document": definition.to_string()});
        let (found, answer) = portal.ask(Method::PUT, "/pipelines/release", user, Some(body)).await;
        assert_eq!(found, status, "{answer}");
    }
    assert_eq!(portal.get("/pipelines/release").await["definition"]["description"], "edited by ana");
    let (status, _) = portal.post(&format!("/runs/{run}/cancel"), "ana", json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    portal.stop();
}
