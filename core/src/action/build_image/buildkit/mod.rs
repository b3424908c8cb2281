//! A build by the BuildKit in a Docker engine.
//!
//! - The *session* ([`mod@session`]) is a connection of its own, over which BuildKit asks for logins and secrets.
//! - The files of the context go up in a request of their own (`upload-request`), since a web server need not read a request on
//!   once it has begun to answer it.
//! - A third one starts the build, and its answer tells how it goes ([`mod@status`]).

mod session;
mod status;

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use bytes::{Buf, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::BodyExt;
use prost::Message;
use serde::Deserialize;

use self::session::{Answers, Session};
use self::status::Story;
use super::build::Plan;
use super::builder::ImageBuilder;
use crate::action::{ActionContext, ActionError};
use crate::executor::ExecutorError;
use crate::executor::docker::connect::Connection;
use crate::executor::docker::raw;
use crate::secret::SecretBytes;

/// Opens a session; `None` when the engine has no BuildKit.
pub(super) async fn session(
    builder: &ImageBuilder,
    action: &ActionContext,
    secrets: BTreeMap<String, SecretBytes>,
    logins: HashMap<String, DockerCredentials>,
) -> Result<Option<Session>, ActionError> {
    let id = action.clock().new_id().simple().to_string();
    Ok(Session::open(&builder.connection, id, Answers { secrets, logins }).await?)
}

/// Builds the image under its first tag.
pub(super) async fn build(
    builder: &ImageBuilder,
    action: &ActionContext,
    plan: &Plan,
    session: &Session,
    files: BoxStream<'static, Bytes>,
) -> Result<(), ActionError> {
    let uploading = upload(&builder.connection, session, packed(files));
    let building = follow(builder, action, plan, session);
    tokio::pin!(building);
    tokio::select! {
        built = &mut building => return built,
        uploaded = uploading => {
            if let Err(error) = uploaded {
                // The build misses its files, and says so.
                tracing::debug!(%error, "the files of a build did not come to their end");
            }
        }
    }
    building.await
}

/// Sends the files of the context to the build that waits for them.
async fn upload(
    connection: &Connection,
    session: &Session,
    files: BoxStream<'static, Bytes>,
) -> Result<(), ExecutorError> {
    let mut line = connection.line().await?;
    let id = format!("upload-request:{}", session.id());
    let query = query([("version", "2"), ("buildid", id.as_str())]);
    let request = line.post(&format!("/build?{query}")).header("Content-Type", "application/x-tar");
    let request = request.body(raw::stream(files)).map_err(unsendable)?;
    // Only when the answer is through, the files are.
    let answer = line.ask("sending the files of the build", request).await?;
    answer.into_body().collect().await.map(drop).map_err(|error| line.broken(&error))
}

/// Starts the build, and tells how it goes until it ends.
async fn follow(
    builder: &ImageBuilder,
    action: &ActionContext,
    plan: &Plan,
    session: &Session,
) -> Result<(), ActionError> {
    const DOING: &str = "building the image";
    let mut line = builder.connection.line().await?;
    let query = query(plan.query().iter().map(|(key, value)| (*key, value.as_str())).chain([
        ("version", "2"),
        ("session", session.id()),
        ("buildid", session.id()),
        ("remote", "upload-request"),
    ]));
    let request = line.post(&format!("/build?{query}")).body(raw::nothing()).map_err(unsendable)?;
    let mut answer = line.ask(DOING, request).await.map_err(refused)?.into_body();
    let (mut buffer, mut story) = (BytesMut::new(), Story::default());
    while let Some(frame) = answer.frame().await {
        let frame = frame.map_err(|error| line.broken(&error))?;
        if let Some(data) = frame.data_ref() {
            buffer.extend_from_slice(data);
        }
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            tell(action, &buffer.split_to(end), &mut story).await?;
            buffer.advance(1);
        }
    }
    tell(action, &buffer, &mut story).await
}

/// A line of the answer.
#[derive(Deserialize)]
struct Said {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    stream: Option<String>,
    error: Option<String>,
}

async fn tell(action: &ActionContext, line: &[u8], story: &mut Story) -> Result<(), ActionError> {
    let Ok(said) = serde_json::from_slice::<Said>(line) else { return Ok(()) };
    if let Some(error) = said.error {
        return Err(super::build::failed(&error, story.failed()));
    }
    if let Some(stream) = said.stream {
        action.log(stream).await;
    }
    if let Some(status) = said.aux.filter(|_| said.id.as_deref() == Some("moby.buildkit.trace")).and_then(status_in) {
        let text = story.text(status);
        if !text.is_empty() {
            action.log(text).await;
        }
    }
    Ok(())
}

fn status_in(aux: serde_json::Value) -> Option<StatusResponse> {
    let bytes = STANDARD.decode(aux.as_str()?).ok()?;
    StatusResponse::decode(bytes.as_slice()).ok()
}

/// What the engine says of a build that it does not even begin.
fn refused(error: ExecutorError) -> ActionError {
    match &error {
        ExecutorError::Infrastructure { code: "dockerRefused" | "dockerDiskFull", message, .. } => {
            let said = message.split_once(" answered ").and_then(|(_, rest)| rest.split_once(": "));
            super::build::failed(said.map_or(message, |(_, said)| said), None)
        }
        _ => error.into(),
    }
}

fn unsendable(error: hyper::http::Error) -> ExecutorError {
    let doing = "asking the Docker engine for a build".to_owned();
    ExecutorError::Io { doing, source: std::io::Error::other(error) }
}

fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The files as gzip has them, without any compression: BuildKit looks at the first bytes whether it got an archive, and knows
/// those of gzip for certain.
fn packed(files: BoxStream<'static, Bytes>) -> BoxStream<'static, Bytes> {
    let encoder = GzEncoder::new(Vec::new(), Compression::none());
    let packed = futures::stream::unfold(Some((files, encoder)), |state| async move {
        let (mut files, mut encoder) = state?;
        match files.next().await {
            Some(piece) => {
                // Into memory, which takes everything.
                let _ = std::io::Write::write_all(&mut encoder, &piece);
                Some((Bytes::from(std::mem::take(encoder.get_mut())), Some((files, encoder))))
            }
            None => Some((encoder.finish().unwrap_or_default().into(), None)),
        }
    });
    packed.filter(|piece| std::future::ready(!piece.is_empty())).boxed()
}
