//! Images from one registry into another.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use oci_client::RegistryOperation;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciManifest,
};

use super::client::Registry;
use super::error::RegistryError;
use super::fault::RegistryFault;
use super::name::ImageName;
use super::push::PIECE;

const MANIFESTS: [&str; 4] =
    [OCI_IMAGE_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

impl Registry {
    /// Copies an image, all its platforms included, byte by byte: its digest stays. The digest.
    ///
    /// What the other registry has already is not sent again.
    ///
    /// # Errors
    /// What either registry says.
    pub async fn copy(
        &self,
        repository: &str,
        reference: &str,
        to: &Registry,
        to_repository: &str,
        tag: &str,
    ) -> Result<String, RegistryError> {
        let from = self.image(repository, reference)?;
        let target = to.image(to_repository, tag)?;
        self.log_in(&from, RegistryOperation::Pull, &format!("reading {from}")).await?;
        to.log_in(&target, RegistryOperation::Push, &format!("writing {target}")).await?;
        self.copy_manifest(&from, to, &target).await
    }

    /// A manifest after everything that it names.
    fn copy_manifest<'a>(
        &'a self,
        from: &'a ImageName,
        to: &'a Registry,
        target: &'a ImageName,
    ) -> Pin<Box<dyn Future<Output = Result<String, RegistryError>> + Send + 'a>> {
        Box::pin(async move {
            let what = format!("reading {from}");
            let (body, digest) = self
                .client
                .pull_manifest_raw(from.oci(), &self.auth, &MANIFESTS)
                .await
                .map_err(|error| self.failed(&what, &error))?;
            let manifest: OciManifest = serde_json::from_slice(&body).map_err(|error| {
                RegistryError::new(
                    RegistryFault::Refused,
                    format!("{from} has a manifest that cannot be read: {error}"),
                )
            })?;
            match &manifest {
                OciManifest::Image(image) => {
                    for blob in std::iter::once(&image.config).chain(&image.layers) {
                        self.copy_blob(from, blob, to, target).await?;
                    }
                }
                OciManifest::ImageIndex(index) => {
                    for entry in &index.manifests {
                        let from = self.image(from.repository(), &entry.digest)?;
                        let target = to.image(target.repository(), &entry.digest)?;
                        self.copy_manifest(&from, to, &target).await?;
                    }
                }
            }
            to.put_manifest(target, body, manifest.content_type()).await?;
            Ok(digest)
        })
    }

    async fn copy_blob(
        &self,
        from: &ImageName,
        blob: &OciDescriptor,
        to: &Registry,
        target: &ImageName,
    ) -> Result<(), RegistryError> {
        let what = format!("writing a layer of {target}");
        let there = to.client.blob_exists(target.oci(), &blob.digest).await;
        if there.map_err(|error| to.failed(&what, &error))? {
            return Ok(());
        }
        let read = self.client.pull_blob_stream(from.oci(), blob).await;
        let read = read.map_err(|error| self.failed(&format!("reading a layer of {from}"), &error))?;
        let bytes = in_pieces(read.stream).map_err(OciDistributionError::IoError);
        let size = u64::try_from(blob.size).ok();
        let written = to.client.push_blob_stream(target.oci(), bytes, &blob.digest, size).await;
        written.map(drop).map_err(|error| to.failed(&what, &error))
    }

    /// Puts a manifest whose parts are there.
    pub(super) async fn put_manifest(
        &self,
        target: &ImageName,
        body: Bytes,
        media_type: &str,
    ) -> Result<(), RegistryError> {
        let path = format!("{}/manifests/{}", target.repository(), target.reference());
        self.session.put(&path, body, media_type, &format!("writing {target}")).await
    }
}

/// The same bytes in pieces that are worth a request each.
fn in_pieces(stream: BoxStream<'static, io::Result<Bytes>>) -> BoxStream<'static, io::Result<Bytes>> {
    // The end is asked for twice, and must stay one.
    let pieces = stream::try_unfold((stream.fuse(), BytesMut::new()), |(mut stream, mut gathered)| async move {
        while gathered.len() < PIECE
            && let Some(bytes) = stream.try_next().await?
        {
            gathered.extend_from_slice(&bytes);
        }
        let piece = gathered.split().freeze();
        Ok((!piece.is_empty()).then_some((piece, (stream, gathered))))
    });
    pieces.boxed()
}
