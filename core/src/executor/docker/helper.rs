//! The helper: a static busybox, in a volume that every container of the installation mounts.

use std::path::{Path, PathBuf};

use bollard::models::ContainerCreateBody;

use super::connect::is_missing;
use super::image::Wanted;
use super::{Shared, convert};
use crate::executor::ExecutorError;
use crate::executor::installation::digest;

/// Where the programs of idle containers, launchers and shims come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelperImage {
    /// An image with a static `/bin/busybox`, fetched when the engine does not have it.
    Image(String),
    /// A static busybox on this machine, for the platform of the containers. It is given to the engine; no registry is asked.
    Busybox(PathBuf),
}

impl Default for HelperImage {
    fn default() -> Self {
        Self::Image("docker.io/library/busybox:1.36.1-musl".to_owned())
    }
}

impl HelperImage {
    /// What the variable `WINDLASS_HELPER` says: an image, or the absolute path of a static busybox. The default without it.
    pub fn of_environment() -> Self {
        match std::env::var("WINDLASS_HELPER") {
            Ok(text) if !text.is_empty() => Self::of_text(text),
            _ => Self::default(),
        }
    }

    /// An image, or the absolute path of a static busybox.
    pub(crate) fn of_text(text: String) -> Self {
        if Path::new(&text).is_absolute() { Self::Busybox(PathBuf::from(text)) } else { Self::Image(text) }
    }
}

/// The helper as the engine has it.
#[derive(Clone, Debug)]
pub(super) struct Helper {
    pub(super) image: String,
    pub(super) volume: String,
}

impl Shared {
    /// Makes the helper's volume unless it is there. It stays: the next run begins sooner.
    pub(super) async fn helper(&self) -> Result<&Helper, ExecutorError> {
        self.helper.get_or_try_init(|| self.make_helper()).await
    }

    async fn make_helper(&self) -> Result<Helper, ExecutorError> {
        let image = match &self.helper_image {
            HelperImage::Image(name) => name.clone(),
            HelperImage::Busybox(path) => self.import_helper(path).await?,
        };
        let found = self.image(&Wanted::missing(&image), &|_| ()).await?;
        let id = found.id.unwrap_or_else(|| image.clone());
        let volume = format!("windlass-helper-{}", digest(id.as_bytes(), 12));
        let docker = self.connection.docker().await?;
        match docker.inspect_volume(&volume).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => self.fill(convert::helper(&image, &volume)).await?,
            Err(error) => return Err(self.connection.error("looking for the helper's volume", error)),
        }
        Ok(Helper { image, volume })
    }

    /// The engine copies the image's programs into the volume when it makes the container, which need not run for that.
    async fn fill(&self, body: ContainerCreateBody) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let made = docker.create_container(None, body).await;
        let made = made.map_err(|error| self.connection.error("making the helper's volume", error))?;
        self.remove_container(&made.id).await
    }

    async fn import_helper(&self, path: &PathBuf) -> Result<String, ExecutorError> {
        let doing = || format!("reading the helper's busybox {}", path.display());
        let busybox = std::fs::read(path).map_err(|source| ExecutorError::Io { doing: doing(), source })?;
        let (repository, tag) = ("windlass-helper", digest(&busybox, 12));
        let name = format!("{repository}:{tag}");
        let docker = self.connection.docker().await?;
        match docker.inspect_image(&name).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => self.import_busybox(repository, &tag, &busybox).await?,
            Err(error) => return Err(self.connection.error("looking for the helper image", error)),
        }
        Ok(name)
    }
}
