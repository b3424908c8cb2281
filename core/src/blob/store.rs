//! Objects in and out, as streams.

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload};

use super::upload::Upload;
use super::{BlobError, BlobStore};
use crate::failpoint;

/// The size of the parts in which a big object is sent. Smaller ones go in one piece.
const PART: usize = 8 << 20;

impl BlobStore {
    /// Stores what a stream gives; all of it or nothing, also when this is dropped in the middle. `E` is why the stream cannot
    /// be read to its end.
    pub(crate) async fn put<S, E>(&self, name: &str, mut stream: S) -> Result<Result<(), E>, BlobError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (store, path) = (self.open()?, Path::from(name));
        let failed = |error: object_store::Error| BlobError::of_store(format!("storing {name}"), &error);
        let _writing = self.writing(name);
        let mut gathered = BytesMut::new();
        let mut upload: Option<Upload> = None;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => gathered.extend_from_slice(&piece),
                Err(error) => {
                    give_up(upload).await;
                    return Ok(Err(error));
                }
            }
            if gathered.len() >= PART {
                let part = gathered.split().freeze();
                let sent = match &mut upload {
                    Some(upload) => upload.send(part.into()).await,
                    None => {
                        let begun = Upload::begin(&*store, &path, self.given_up()).await.map_err(failed)?;
                        upload.insert(begun).send(part.into()).await
                    }
                };
                if let Err(error) = sent {
                    give_up(upload).await;
                    return Err(failed(error));
                }
                failpoint::crash("object.part");
            }
        }
        let rest = PutPayload::from(gathered.freeze());
        let Some(mut upload) = upload else {
            store.put(&path, rest).await.map_err(failed)?;
            return Ok(Ok(()));
        };
        if let Err(error) = upload.complete(rest).await {
            give_up(Some(upload)).await;
            return Err(failed(error));
        }
        failpoint::crash("object.sent");
        Ok(Ok(()))
    }

    /// Stores a small object.
    pub(crate) async fn put_bytes(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        let store = self.open()?;
        let _writing = self.writing(name);
        let put = store.put(&Path::from(name), bytes.into()).await;
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

    /// The size of an object; `None` when it is not there.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn size(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let Some(store) = self.open_existing()? else { return Ok(None) };
        match store.head(&Path::from(name)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(BlobError::of_store(format!("looking for {name}"), &error)),
        }
    }

    /// Copies an object under its name, and returns its size; `None` when it is not there any more.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn copy_to(&self, name: &str, to: &Self) -> Result<Option<u64>, BlobError> {
        let stream = match self.get(name).await {
            Ok(stream) => stream,
            Err(BlobError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = 0;
        let counted = stream.inspect_ok(|piece| bytes += piece.len() as u64);
        to.put(name, counted).await??;
        Ok(Some(bytes))
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
        if self.keeps_all() {
            return Ok(());
        }
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

async fn give_up(upload: Option<Upload>) {
    if let Some(upload) = upload {
        upload.give_up().await;
    }
}
