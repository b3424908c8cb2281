//! A big object on its way, in parts: whole in the end, or nothing of it is left.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, PutPayload};
use tokio::sync::watch;

/// How many uploads are being given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    going: watch::Sender<usize>,
}

impl Default for GivenUp {
    fn default() -> Self {
        Self { going: watch::Sender::new(0) }
    }
}

impl GivenUp {
    /// Returns once nothing is being given up.
    pub(super) async fn settled(&self) {
        // The sender is here, so that it cannot be gone.
        let _ = self.going.subscribe().wait_for(|going| *going == 0).await;
    }
}

/// An upload in parts. What was sent costs space until somebody says that it is over: dropping this does, too.
pub(super) struct Upload {
    parts: Option<Box<dyn MultipartUpload>>,
    given_up: Arc<GivenUp>,
}

impl Upload {
    pub(super) async fn begin(
        store: &dyn ObjectStore,
        path: &Path,
        given_up: Arc<GivenUp>,
    ) -> Result<Self, object_store::Error> {
        Ok(Self { parts: Some(store.put_multipart_opts(path, Default::default()).await?), given_up })
    }

    pub(super) async fn send(&mut self, part: PutPayload) -> Result<(), object_store::Error> {
        match &mut self.parts {
            Some(parts) => parts.put_part(part).await,
            None => Ok(()),
        }
    }

    /// Sends the rest, and makes it one object.
    pub(super) async fn complete(&mut self, rest: PutPayload) -> Result<(), object_store::Error> {
        if rest.content_length() > 0 {
            self.send(rest).await?;
        }
        if let Some(parts) = &mut self.parts {
            parts.complete().await?;
        }
        self.parts = None;
        Ok(())
    }

    pub(super) async fn give_up(mut self) {
        if let Some(parts) = self.parts.take() {
            abort(parts).await;
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(parts), Ok(runtime)) = (self.parts.take(), tokio::runtime::Handle::try_current()) else { return };
        self.given_up.going.send_modify(|going| *going += 1);
        let done = Done(self.given_up.clone());
        runtime.spawn(async move {
            abort(parts).await;
            drop(done);
        });
    }
}

/// Counts also where the runtime drops the task.
struct Done(Arc<GivenUp>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.going.send_modify(|going| *going = going.saturating_sub(1));
    }
}

async fn abort(mut parts: Box<dyn MultipartUpload>) {
    if let Err(error) = parts.abort().await {
        tracing::warn!(%error, "the parts of an object that was given up may still be in the store");
    }
}
