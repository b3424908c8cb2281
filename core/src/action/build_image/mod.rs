//! `buildImage`: images built by a Docker engine from the workspace of any executor, and published.
//!
//! - The engine gets the files of the context as a stream, without what `.dockerignore` leaves out. It builds with BuildKit where it
//!   has it ([`buildkit`]): then an instruction may take the task's `secrets` (`RUN --mount=type=secret,id=NAME`), which are in no layer.
//!   Elsewhere the classic builder builds, and what only BuildKit knows is told as `needsBuildKit` with what to do instead.
//! - A push is the engine's, since it sends only what the registry does not have. Where the engine cannot (it does not trust the
//!   registry), Windlass takes the image out of it and pushes by itself: over plain HTTP where `insecure` says so, with the
//!   authorities of `certs.d`.
//! - What another try may mend is tried four times.

mod build;
mod builder;
mod buildkit;
mod files;
mod ignore;
mod push;
mod settings;
mod way_in;

use async_trait::async_trait;

pub use self::builder::ImageBuilder;
use self::settings::{Order, Publish, Settings, Source};
use self::way_in::WayIn;
use super::{ActionContext, ActionError, ActionHandler, ActionOutput};

/// The output with the digest of a pushed image.
const DIGEST: &str = "DIGEST";

/// The action `buildImage`.
#[derive(Debug)]
pub(crate) struct BuildImageAction {
    builder: ImageBuilder,
}

impl BuildImageAction {
    pub(crate) fn new(builder: ImageBuilder) -> Self {
        Self { builder }
    }

    async fn publish(&self, action: &ActionContext, order: &Order) -> Result<ActionOutput, ActionError> {
        let way = WayIn::new(&self.builder, action, order).await?;
        let digest = match &order.source {
            Source::Archive(path) => self.push_archive(action, order, &way, path).await?,
            Source::Build(recipe) => {
                let credentials = way_in::pull_credentials(action, order, &way, recipe).await?;
                build::build(&self.builder, action, order, recipe, credentials).await?;
                if order.publish == Publish::Keep {
                    return Ok(ActionOutput::default());
                }
                push::push_built(&self.builder, action, order, &way).await?
            }
        };
        Ok(ActionOutput::default().with(DIGEST, digest))
    }

    async fn push_archive(
        &self,
        action: &ActionContext,
        order: &Order,
        way: &WayIn,
        path: &str,
    ) -> Result<String, ActionError> {
        let scratch = scratch()?;
        let file = scratch.path().join("image.tar");
        files::unpack_file(action.read(path).await?, &file).await.map_err(|error| {
            let message = format!("the image archive {path:?} of the workspace cannot be read: {error}");
            ActionError::failed("badImageArchive", message, "name a file as `docker save` writes it")
        })?;
        push::push_archive(action, order, way, &file, scratch.path()).await
    }
}

#[async_trait]
impl ActionHandler for BuildImageAction {
    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let order = context.settings::<Settings>()?.order()?;
        tokio::select! {
            published = self.publish(&context, &order) => published,
            // What goes on at the engine ends with the connection.
            () = context.cancelled() => Err(ActionError::cancelled()),
        }
    }
}

/// A folder for an image on its way.
fn scratch() -> Result<tempfile::TempDir, ActionError> {
    tempfile::Builder::new().prefix("windlass-image-").tempdir().map_err(|error| {
        let message = format!("there is no folder for temporary files: {error}");
        ActionError::infrastructure("noScratch", message, "look whether TMPDIR names a folder that can be written")
    })
}
