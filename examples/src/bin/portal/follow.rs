//! Events as server-sent events. The id of each is its cursor; a browser sends the last one back when it connects again.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Message, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures::stream;
use serde::Serialize;
use windlass::run::Seq;
use windlass::store::Position;
use windlass::{Engine, Error, ErrorKind, EventFilter};

use super::answer::Refusal;

/// What the client saw last; 0 when it begins.
fn last_seen(headers: &HeaderMap) -> Result<u64, Error> {
    let Some(id) = headers.get("last-event-id") else { return Ok(0) };
    let number = id.to_str().ok().and_then(|id| id.trim().parse().ok());
    number.ok_or_else(|| {
        let message = "the header Last-Event-ID is not the number of an event: leave it out to begin at the first one";
        Error::new(ErrorKind::Invalid, "badCursor", "follow", message)
    })
}

fn message(id: u64, name: &str, data: &impl Serialize) -> Result<Message, axum::Error> {
    Message::default().id(id.to_string()).event(name).json_data(data)
}

/// `GET /runs/{run}/events`: the events of a run with its log, to the end of the run. 204 when the client has all of them,
/// which tells a browser not to connect again.
pub(super) async fn run(
    State(engine): State<Engine>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let after = Seq(last_seen(&headers)?);
    let run = engine.find(&run).await?;
    if run.status().await?.is_final() && run.events_after(after).await?.next().await?.is_none() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = run.events_after(after).await?;
    let messages = stream::try_unfold(events, |mut events| async move {
        // An error ends the stream; the client connects again and goes on from what it has.
        let Some(event) = events.next().await.map_err(axum::Error::new)? else { return Ok(None) };
        Ok::<_, axum::Error>(Some((message(event.seq.0, event.type_name(), &event)?, events)))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::default()).into_response())
}

/// `GET /events`: what happens in the whole engine, logs apart.
pub(super) async fn engine(State(engine): State<Engine>, headers: HeaderMap) -> Result<Response, Refusal> {
    let after = Position(last_seen(&headers)?);
    let events = engine.events_after(after, EventFilter::default()).await?;
    let messages = stream::try_unfold(events, |mut events| async move {
        let Some(event) = events.next().await.map_err(axum::Error::new)? else { return Ok(None) };
        Ok::<_, axum::Error>(Some((message(event.position.0, event.type_name(), &event)?, events)))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::default()).into_response())
}
