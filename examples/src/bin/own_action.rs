//! An action of one's own: `announce` writes the notes of a release into the workspace, and posts them to a chat.
//!
//! It is called again when the process ends in the middle of it. So that nobody reads the news twice, it sends the same key
//! with each call for one attempt, as payment services and the like take it: `Idempotency-Key`.
//!
//! ```text
//! cargo run -p windlass-examples --bin own_action -- .windlass http://127.0.0.1:8065/hooks/dev
//! ```

use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use windlass::pipeline::{Problems, RetryOn};
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

/// Changes longer than this are nothing to post.
const MAX_CHANGES: usize = 16 * 1024;

/// Writes `NOTES.md` from the changes of a version, and posts it.
#[derive(Debug)]
struct Announce;

/// What a task says under `with`. A variable in it is replaced before the action sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    hook: String,
    version: String,
    changes: String,
}

#[async_trait]
impl ActionHandler for Announce {
    /// Asked before a run starts, so that a slip is told with its place, and not found by a run at night.
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        let mut problems = SettingsProblem::of::<Settings>(settings);
        let hook = settings["hook"].as_str().unwrap_or_default();
        if !hook.contains('$') && !hook.starts_with("http://") {
            problems.push(SettingsProblem::new("hook", "must begin with http://"));
        }
        problems
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let settings: Settings = context.settings()?;
        let changes = context.read_file(&settings.changes, MAX_CHANGES).await?;
        let notes = format!("# {}\n\n{}", settings.version, String::from_utf8_lossy(&changes));
        context.write_file("NOTES.md", &notes).await?;

        context.log_line(format!("posting {} lines to {}", notes.lines().count(), settings.hook)).await;
        let message = json!({"text": notes, "pipeline": context.pipeline(), "run": context.run_number()}).to_string();
        let key = context.idempotency_key();
        let status = tokio::select! {
            status = post(&settings.hook, &key, &message) => status,
            () = context.cancelled() => return Err(ActionError::cancelled()),
        };
        match status.map_err(|error| unreachable(&settings.hook, &error))? {
            200..=299 => Ok(ActionOutput::default().with("NOTES", "NOTES.md")),
            // The chat is there and does not want it: another try changes nothing.
            status @ 400..=499 => {
                let message = format!("the chat refused the message with status {status}");
                Err(ActionError::failed("refused", message, "look whether the hook is spelled right and still there"))
            }
            status => {
                let message = format!("the chat answered with status {status}");
                Err(ActionError::infrastructure("chatDown", message, "look how the chat is"))
            }
        }
    }
}

fn unreachable(hook: &str, error: &std::io::Error) -> ActionError {
    ActionError::infrastructure("unreachable", format!("{hook}: {error}"), "look whether the chat is up")
}

/// As little HTTP as it takes. A program that has an HTTP client uses that, of course.
async fn post(hook: &str, key: &str, body: &str) -> std::io::Result<u16> {
    let address = hook.strip_prefix("http://").unwrap_or(hook);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut stream = TcpStream::connect(host).await?;
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("the answer is no HTTP"))
}

fn pipeline() -> Result<Pipeline, Problems> {
    let announce = [("hook", json!("$HOOK")), ("version", json!("${build.VERSION}")), ("changes", json!("CHANGES"))];
    Pipeline::builder("release")
        .parameter(windlass::Parameter::dynamic("HOOK"))
        .stage(
            Stage::sequential("Build").task(
                Task::script("build", "echo '- it is faster' > CHANGES; echo VERSION=1.2.0 >> \"$WINDLASS_OUTPUT\"")
                    .output("VERSION"),
            ),
        )
        .stage(
            Stage::sequential("Tell")
                // A chat that is down is tried again; one that refuses is not.
                .task(
                    Task::custom("announce", "announce", announce)
                        .output("NOTES")
                        .attempts(3)
                        .retry_on([RetryOn::Infrastructure])
                        .backoff(Duration::from_millis(100))
                        .timeout(Duration::from_secs(60)),
                )
                .task(Task::script("show", "cat \"$FILE\"").env("FILE", "${announce.NOTES}")),
        )
        .build()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().unwrap_or_else(|| ".windlass".to_owned());
    let hook = arguments.next().ok_or("which hook? give its address, such as http://127.0.0.1:8065/hooks/dev")?;

    let engine = Engine::builder().data_dir(data_dir).action("announce", Announce).open().await?;
    let run = engine.start(&pipeline()?, RunRequest::manual().parameter("HOOK", hook)).await?;
    let outcome = run.wait().await?;
    for task in ["announce", "show"] {
        print!("{}", String::from_utf8_lossy(&run.logs(task).await?));
    }
    if let Some(cause) = &outcome.cause {
        println!("{}", cause.message);
    }
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
