//! An action of one's own: a task that tells a chat what was built, done by the engine itself and not by a script.
//!
//! The chat here is a small HTTP server in this program. The action gives it the attempt's idempotency key: when the engine
//! dies after the message was sent and before that was written down, the next engine sends it again, and the chat sees that
//! it has it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use windlass::pipeline::{Problems, TaskBuilder};
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

/// Sends a message to a chat.
#[derive(Debug)]
struct Announce {
    /// Where the chat listens.
    chat: String,
}

/// What the task says in `with`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    channel: String,
    text: String,
}

#[async_trait]
impl ActionHandler for Announce {
    /// A mistake is found before anything runs, and not after an hour of building.
    fn check(&self, settings: &serde_json::Value) -> Vec<SettingsProblem> {
        let wanted = serde_json::from_value::<Settings>(settings.clone());
        wanted.err().map(|error| SettingsProblem::new("", error.to_string())).into_iter().collect()
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let Settings { channel, text } = context.settings_as()?;
        let notes = context.read_file("notes.txt", 10_000).await?;
        let message = format!("{text}\n{}", String::from_utf8_lossy(&notes));
        context.log(format!("telling {channel}: {}\n", message.trim_end().replace('\n', " / "))).await?;
        let key = context.idempotency_key();
        let number = tokio::select! {
            sent = send(&self.chat, &channel, &key, &message) => sent.map_err(|error| {
                let message = format!("the chat at {} cannot be reached: {error}", self.chat);
                ActionError::infrastructure("chatDown", message, "Look whether the chat runs.")
            })?,
            () = context.cancelled() => return Err(ActionError::failed("cancelled", "it was cancelled", "")),
        };
        Ok(ActionOutput::new().value("MESSAGE", number))
    }
}

async fn send(chat: &str, channel: &str, key: &str, message: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(chat).await?;
    let length = message.len();
    let head = format!(
        "POST /{channel} HTTP/1.1\r\nhost: {chat}\r\nidempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{message}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

/// A chat that takes each message once.
async fn chat(listener: TcpListener) -> std::io::Result<()> {
    let mut seen = BTreeSet::new();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut reader = BufReader::new(&mut stream);
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                Some(("idempotency-key", value)) => value.clone_into(&mut key),
                Some(("content-length", value)) => length = value.parse().unwrap_or(0),
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await?;
        if seen.insert(key) {
            println!("chat: {}", String::from_utf8_lossy(&body).replace('\n', " / "));
        }
        let number = format!("message {}", seen.len());
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{number}", number.len());
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn announce() -> TaskBuilder {
    let with = [("channel", json!("builds")), ("text", json!("shop ${BUILD_NUMBER} is ready:"))];
    Task::custom("announce", "announce", with).output("MESSAGE")
}

fn pipeline() -> Result<Pipeline, Problems> {
    Pipeline::builder("shop")
        .stage(Stage::sequential("Build").task(Task::script("build", "printf 'faster, smaller' > notes.txt")))
        .stage(
            Stage::sequential("Tell")
                .task(announce())
                .task(Task::script("note", "echo \"sent as $MESSAGE\"").env("MESSAGE", "${announce.MESSAGE}")),
        )
        .build()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).unwrap_or_else(|| ".windlass".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let action = Announce { chat: listener.local_addr()?.to_string() };
    tokio::spawn(chat(listener));

    let engine = Engine::builder().data_dir(data_dir).action("announce", action).open().await?;
    let run = engine.start(&pipeline()?, RunRequest::manual()).await?;
    let outcome = run.wait().await?;
    for task in ["announce", "note"] {
        print!("{}", String::from_utf8_lossy(&run.logs(task).await?));
    }
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
