//! Objects in and out, as streams.

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use super::{BlobError, BlobStore};

/// The size of the parts in which a big object is sent. Smaller ones go in one piece.
const PART: usize = 8 << 20;

impl BlobStore {
    /// Stores what a stream gives; all of it or nothing. `E` is why the stream cannot be read to its end.
    pub(crate) async fn put<S, E>(&self, name: &str, mut stream: S) -> Result<Result<(), E>, BlobError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (store, path) = (self.open()?, Path::from(name));
        let failed = |error: object_store::Error| BlobError::of_store(format!("storing {name}"), &error);
        let mut gathered = BytesMut::new();
        let mut upload: Option<Box<dyn MultipartUpload>> = None;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => gathered.extend_from_slice(&piece),
                Err(error) => {
                    abort(upload).await;
                    return Ok(Err(error));
                }
            }
            if gathered.len() >= PART {
                let part = gathered.split().freeze();
                if let Err(error) = send_part(&*store, &path, &mut upload, part).await {
                    abort(upload).await;
                    return Err(failed(error));
                }
            }
        }
        let rest = PutPayload::from(gathered.freeze());
        let Some(mut parts) = upload else {
            store.put(&path, rest).await.map_err(failed)?;
            return Ok(Ok(()));
        };
        if let Err(error) = complete(&mut *parts, rest).await {
            abort(Some(parts)).await;
            return Err(failed(error));
        }
        Ok(Ok(()))
    }

    /// Stores a small object.
    pub(crate) async fn put_bytes(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        let put = self.open()?.put(&Path::from(name), bytes.into()).await;
        put.map(drop).map_err(|error| BlobError::of_store(format!("storing {name}"), &error))
    }

    /// The content of an object, as a stream.
    pub(crate) async fn get(&self, name: &str) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let missing = || BlobError::Missing { what: name.to_owned() };
        let store = self.open_existing()?.ok_or_else(missing)?;
        let found = store.get(&Path::from(name)).await.map_err(|error| BlobError::of_store(name, &error))?;
        let doing = format!("reading {name}");
        Ok(found.into_stream().map_err(move |error| BlobError::of_store(doing.clone(), &error)).boxed())
    }

    /// The content of a small object; `None` when there is none.
    pub(crate) async fn get_bytes(&self, name: &str) -> Result<Option<Bytes>, BlobError> {
        let stream = match self.get(name).await {
            Ok(stream) => stream,
            Err(BlobError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let pieces: BytesMut = stream.try_collect().await?;
        Ok(Some(pieces.freeze()))
    }

    /// The objects below a prefix.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, BlobError> {
        let Some(store) = self.open_existing()? else { return Ok(Vec::new()) };
        let listed = store.list(Some(&Path::from(prefix))).try_collect().await;
        listed.map_err(|error| BlobError::of_store(format!("listing {prefix}"), &error))
    }

    /// The names of the folders right below a prefix.
    pub(crate) async fn folders(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        let Some(store) = self.open_existing()? else { return Ok(Vec::new()) };
        let listed = store.list_with_delimiter(Some(&Path::from(prefix))).await;
        let listed = listed.map_err(|error| BlobError::of_store(format!("listing {prefix}"), &error))?;
        let last = |path: Path| path.parts().next_back().map(|part| part.as_ref().to_owned());
        Ok(listed.common_prefixes.into_iter().filter_map(last).collect())
    }

    /// Removes an object; one that is not there is fine.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let Some(store) = self.open_existing()? else { return Ok(()) };
        match store.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobError::of_store(format!("removing {name}"), &error)),
        }
    }

    /// Removes all objects below a prefix.
    pub(crate) async fn delete_all(&self, prefix: &str) -> Result<(), BlobError> {
        for object in self.list(prefix).await? {
            self.delete(object.location.as_ref()).await?;
        }
        Ok(())
    }
}

async fn send_part(
    store: &dyn ObjectStore,
    path: &Path,
    upload: &mut Option<Box<dyn MultipartUpload>>,
    part: Bytes,
) -> Result<(), object_store::Error> {
    let upload = match upload {
        Some(upload) => upload,
        None => upload.insert(store.put_multipart(path).await?),
    };
    upload.put_part(part.into()).await
}

async fn complete(parts: &mut dyn MultipartUpload, rest: PutPayload) -> Result<(), object_store::Error> {
    if rest.content_length() > 0 {
        parts.put_part(rest).await?;
    }
    parts.complete().await.map(drop)
}

/// What was sent of an object that does not become whole costs space until somebody says that it is over.
async fn abort(upload: Option<Box<dyn MultipartUpload>>) {
    if let Some(mut upload) = upload
        && let Err(error) = upload.abort().await
    {
        tracing::warn!(%error, "the parts of an object that was given up may still be in the store");
    }
}
