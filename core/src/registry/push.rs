//! Images out of archives into a registry.

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use oci_client::RegistryOperation;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{
    IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE,
};
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::archive::{ImageArchive, Layer, digest};
use super::client::Registry;
use super::error::RegistryError;
use super::fault::RegistryFault;
use super::name::ImageName;

/// So much goes in one request.
pub(super) const PIECE: usize = 4 << 20;

/// How far a push has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushProgress {
    /// The registry had a layer already.
    LayerThere {
        /// Its digest.
        digest: String,
    },
    /// A layer was sent.
    LayerSent {
        /// Its digest.
        digest: String,
        /// Its size in bytes.
        bytes: u64,
    },
}

impl Registry {
    /// Pushes an image under one or several tags, and sends only what the registry does not have. The digest of its manifest.
    ///
    /// # Errors
    /// [`RegistryFault::Unauthorised`], [`RegistryFault::Denied`], and those of every request. What was sent before is there for
    /// the next try.
    pub async fn push(
        &self,
        image: &ImageArchive,
        repository: &str,
        tags: &[String],
        mut progress: impl FnMut(PushProgress) + Send,
    ) -> Result<String, RegistryError> {
        let targets: Vec<ImageName> = tags.iter().map(|tag| self.image(repository, tag)).collect::<Result<_, _>>()?;
        let Some(first) = targets.first() else {
            return Err(RegistryError::new(RegistryFault::BadName, format!("{repository} was pushed without a tag")));
        };
        self.log_in(first, RegistryOperation::Push, &format!("writing {first}")).await?;
        for layer in &image.layers {
            progress(self.push_layer(first, layer).await?);
        }
        self.push_config(first, &image.config).await?;
        let manifest = manifest(image);
        for target in &targets {
            self.put_manifest(target, manifest.clone(), IMAGE_MANIFEST_MEDIA_TYPE).await?;
        }
        Ok(digest(&manifest))
    }

    async fn push_layer(&self, target: &ImageName, layer: &Layer) -> Result<PushProgress, RegistryError> {
        let digest = layer.digest.clone();
        let what = format!("writing a layer of {target}");
        let there = self.client.blob_exists(target.oci(), &digest).await;
        if there.map_err(|error| self.failed(&what, &error))? {
            return Ok(PushProgress::LayerThere { digest });
        }
        let content =
            pieces(&layer.path).await.map_err(|error| self.failed(&what, &OciDistributionError::IoError(error)))?;
        let content = content.map_err(OciDistributionError::IoError);
        let pushed = self.client.push_blob_stream(target.oci(), content, &digest, Some(layer.size)).await;
        pushed.map_err(|error| self.failed(&what, &error))?;
        Ok(PushProgress::LayerSent { digest, bytes: layer.size })
    }

    async fn push_config(&self, target: &ImageName, config: &Bytes) -> Result<(), RegistryError> {
        let pushed = self.client.push_blob(target.oci(), config.clone(), &digest(config)).await;
        pushed.map(drop).map_err(|error| self.failed(&format!("writing the configuration of {target}"), &error))
    }
}

/// The manifest in Docker's form: the configuration of a saved image is Docker's as well.
fn manifest(image: &ImageArchive) -> Bytes {
    let layer = |layer: &Layer| json!({"mediaType": IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, "size": layer.size, "digest": layer.digest});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST_MEDIA_TYPE,
        "config": {
            "mediaType": IMAGE_DOCKER_CONFIG_MEDIA_TYPE,
            "size": image.config.len(),
            "digest": digest(&image.config),
        },
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
    });
    manifest.to_string().into()
}

/// The content of a file, in pieces.
async fn pieces(path: &Path) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let file = File::open(path).await?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        while piece.len() < PIECE && file.read_buf(&mut piece).await? > 0 {}
        Ok((!piece.is_empty()).then(|| (piece.freeze(), file)))
    });
    Ok(pieces.boxed())
}
